"""`/m/activate`: taking a role that was prepared, by its QR code or its six digits."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any, Final

import segno
from flask import g, request
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers, entry
from services.people import activation
from services.people.activation import LIFE, Code
from web.runtime import deps

PAGE: Final = "/m/activate"


def shown_code(code: Code, out_mch_id: str) -> dict[str, Any]:
    """A live code as its page shows it: QR code, digits, and how long it works."""
    url = f"{deps().settings.base_url}{PAGE}?p={out_mch_id}&k={code.token}"
    made = io.BytesIO()
    segno.make(url, error="m", micro=False).save(made, kind="png", scale=6, border=3)
    left = max(0, int((code.expires_at - deps().now()).total_seconds()))
    return {
        "url": url,
        "digits": code.digits,
        "qr": "data:image/png;base64," + b64encode(made.getvalue()).decode(),
        "left": f"{left // 60} 分 {left % 60} 秒" if left >= 60 else f"{left} 秒",
        "left_part": max(1, round(20 * left / LIFE.total_seconds())),  # in twentieths
    }


def form() -> ResponseReturnValue:
    """What the code would make of whoever holds the phone; without one, the place to type it."""
    token = request.args.get("k", "")[:64]
    if not token:
        return answers.page("merchant/activate.html", title="激活身份", tabs=[], offer=None)
    offer = deps().transact(lambda s: activation.look(s, deps(), g.holder, token))
    return answers.page(
        "merchant/activate.html", title="激活身份", tabs=[], offer=offer, token_k=token
    )


def send() -> ResponseReturnValue:
    """Six digits lead to the same page as the QR code; there the role is taken."""
    answers.check_token()
    token = request.form.get("k", "")[:64]
    if not token:
        digits = request.form.get("digits", "")[:40]
        found = activation.find_by_digits(deps(), g.holder, digits)
        return answers.see(f"{PAGE}?k={found}")
    key = activation.take(deps(), g.holder, token)
    return entry.enter(key)
