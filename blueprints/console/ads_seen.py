"""What customers would see of an ad, in the console: its picture, and the real page around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import quote

from flask import make_response, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import NotFound
from models.after_payment import AdPicture
from services.after_payment import pictures
from web import customer
from web.assets import customer_headers, linked_headers
from web.client import Wallet
from web.pages import AdShown, ResultPage
from web.runtime import deps

SAMPLE_FEN: Final = 3850
NO_PICTURE: Final = "data:image/svg+xml," + quote(
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 700 300'><text x='350' y='162'"
    " font-family='sans-serif' font-size='32' text-anchor='middle' fill='#566370'>"
    "图片位 700×300</text></svg>"
)


def picture(picture_id: str) -> ResponseReturnValue:
    """Of this provider alone; as it is shown, also while it waits for approval."""
    provider = answers.operator().provider

    def unit(session: Session) -> bytes:
        found = pictures.find(session, provider, picture_id)
        if found is None or found.body is None:
            raise NotFound(picture_id)
        return found.body

    response = make_response(deps().transact(unit))
    response.headers.update(linked_headers())
    response.headers["Content-Type"] = pictures.MIME
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def preview() -> ResponseReturnValue:
    """The real result page with a payment that never was, for the frame beside the form."""
    wallet: Wallet = "alipay" if request.args.get("client") == "alipay" else "wechat"
    provider, named = answers.operator().provider, request.args.get("picture", "")[:24]
    found = deps().transact(lambda s: pictures.find(s, provider, named)) if named else None
    now = deps().now()
    shown = ResultPage(
        client=wallet, shop="示例门店", state="paid", amount_fen=SAMPLE_FEN,
        out_trade_no="YM26112112410708613", created_at=now - timedelta(seconds=20), paid_at=now,
        ad=_shown(found, request.args.get("name", "")[:40]),
    )  # fmt: skip
    return _framed(customer.page("pay/result.html", shown))


def _shown(found: AdPicture | None, name: str) -> AdShown:
    if found is None:
        return AdShown(name="图片位，700×300 像素", image_url=NO_PICTURE)
    return AdShown(
        name=name, image_url=f"/console/ads/pictures/{found.public_id}", width=found.width,
        height=found.height,
    )  # fmt: skip


def _framed(response: Response) -> Response:
    """The page's own policy, enforced, but for who frames it: our own console."""
    response.headers.update(customer_headers())
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace(
        "frame-ancestors 'none'", "frame-ancestors 'self'"
    )
    response.headers.pop("Content-Security-Policy-Report-Only", None)
    return response


def framing(response: Response) -> Response:
    """A page that shows the preview in a frame of its own."""
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = f"{policy}; frame-src 'self'"
    return response
