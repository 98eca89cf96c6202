"""Answers of every customer page: pages with their headers, and JSON for a page's script."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from typing import Any

import segno
from flask import jsonify, make_response, redirect, render_template, request
from flask.wrappers import Response

from errors import AppError
from services.checkout import Started
from web.assets import customer_headers
from web.formats import money
from web.pages import Action, Page, ProblemPage
from web.problems import Problem, problem
from web.runtime import deps
from web.visit import Visit

log = logging.getLogger(__name__)


def page(template: str, shown: Page, status: int = 200) -> Response:
    """One complete response: nothing is linked, nothing is stored."""
    response = make_response(render_template(template, page=shown), status)
    settings = deps().settings
    response.headers.update(customer_headers(settings.customer_csp, settings.simulator_url or None))
    response.headers["Vary"] = "User-Agent, Accept-Language, Cookie"
    return response


def wants_json() -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def started(visit: Visit, out_mch_id: str, made: Started) -> Response:
    """To the script the bridge's parameters; without script, the order's page."""
    result = visit.url(f"/q/{out_mch_id}/o/{made.public_id}")
    if not wants_json():
        return no_store(redirect(made.redirect or result, 303))
    answer: dict[str, Any] = {"result": result}
    if made.bridge is not None:
        answer["bridge"] = dict(made.bridge)
    if made.redirect is not None:
        answer["redirect"] = made.redirect
    return no_store(jsonify(answer))


def no_store(response: Any) -> Response:
    made = make_response(response)
    made.headers["Cache-Control"] = "no-store"
    made.headers["Referrer-Policy"] = "no-referrer"
    return made


def qr_png(url: str) -> str:
    """A QR code as a picture that a long press saves: quiet zone of four modules, about 1 KB."""
    made = segno.make(url, error="m", micro=False)
    uri: str = made.png_data_uri(border=4, scale=12)
    return uri


def language_url(visit: Visit) -> str:
    """The same page in the other language."""
    other = "en" if visit.lang == "zh-CN" else "zh-CN"
    query = {name: value for name, value in request.args.items() if name not in ("lang", "code")}
    return visit.url(request.path, **{**query, "lang": other})


def words(visit: Visit, error: AppError) -> Problem:
    """The approved words for an error of the road, in the payer's language."""
    facts = {name: value for name, value in error.facts.items() if value is not None}
    for sum_ in ("min", "max", "balance", "room"):
        if isinstance(facts.get(f"{sum_}_fen"), int):
            facts[sum_] = money(int(str(facts[f"{sum_}_fen"])))
    if facts.get("upstream_message"):
        facts.setdefault("reason", facts["upstream_message"])
    client = facts.pop("channel", None) or visit.wallet
    return problem(error.code, visit.lang, client=client, **facts)


def refused(
    visit: Visit,
    error: AppError,
    *,
    shop: str = "",
    place: str = "",
    retry: str | None = None,
    retry_label: str = "",
) -> Response:
    """What happened, what to do, and a code that the log has too.

    `retry` is where the page's button leads, `retry_label` what it says in place of 重试.
    """
    said = words(visit, error)
    mark = uuid.uuid4().hex[:8].upper()
    upstream = str(error.facts.get("upstream_code") or error.facts.get("upstream") or "")
    log.warning(
        "pay page refused",
        extra={
            "error_code": error.code,
            "mark": mark,
            "upstream_code": upstream,
            "detail": str(error),
        },
    )
    if wants_json():
        answer = no_store(jsonify({"error": {**said.as_json(), "mark": mark}}))
        answer.status_code = error.status
        return answer
    public_id, out_mch_id = error.facts.get("public_id"), error.facts.get("out_mch_id")
    if public_id and out_mch_id:  # there is an order to look at, rather than a page to try again
        retry = visit.url(f"/q/{out_mch_id}/o/{public_id}")
    shown = ProblemPage.of(
        said,
        client=visit.wallet,
        codes=tuple(
            line for line in (upstream, f"{error.facts.get('code') or ''}".strip(), mark) if line
        ),
        shop=shop or str(error.facts.get("shop") or ""),
        place=place,
        primary_url=retry,
        simulation=visit.settings.simulation,
    )
    if retry_label and shown.primary is not None and not public_id:
        shown = replace(shown, primary=Action(label=retry_label, url=shown.primary.url))
    return page("pay/problem.html", shown, error.status)
