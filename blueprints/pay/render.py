"""Answers of the pay road alone; `web/customer.py` has those of every customer page."""

from __future__ import annotations

from flask.wrappers import Response

from services.scan import Scan
from web.customer import (
    language_url,
    no_store,
    page,
    qr_png,
    refused,
    started,
    wants_json,
    words,
)
from web.pages import UnsupportedPage
from web.visit import Visit

__all__ = [
    "language_url",
    "no_store",
    "page",
    "place_of",
    "qr_png",
    "refused",
    "started",
    "unsupported",
    "wants_json",
    "words",
]


def unsupported(
    visit: Visit, url: str, shop: str = "", place: str = "", code: str = ""
) -> Response:
    """Neither wallet: the same code to scan, with status 200 and no redirect."""
    shown = UnsupportedPage(
        client=None,
        lang=visit.lang,
        lang_url=language_url(visit),
        shop=shop,
        place=place,
        url=url,
        qr_png=qr_png(url),
        app=visit.client,
        code=code,
        simulation=visit.settings.simulation,
    )
    return page("pay/unsupported.html", shown)


def place_of(scan: Scan) -> str:
    return scan.code_name or ""
