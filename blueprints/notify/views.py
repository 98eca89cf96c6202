"""`/notify/<channel>/<out_mch_id>`: success only for what we have written down."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify, make_response, request
from flask.typing import ResponseReturnValue

from errors import NotFound, NotifyInvalid
from services import notices
from web.runtime import deps

log = logging.getLogger(__name__)
bp = Blueprint("notify", __name__, url_prefix="/notify")

LONGEST_BODY = 256 * 1024


@bp.post("/wechat/<out_mch_id>")
def wechat(out_mch_id: str) -> ResponseReturnValue:
    """WeChat wants 200 or 204 within 5 s; else 4xx or 5xx with its own words, and sends again."""
    status = _receive("wechat", out_mch_id)
    if status == 204:
        return "", 204
    return jsonify({"code": "FAIL", "message": "失败"}), status


@bp.post("/alipay/<out_mch_id>")
def alipay(out_mch_id: str) -> ResponseReturnValue:
    """Alipay wants exactly the seven characters `success`; anything else is a failure."""
    status = _receive("alipay", out_mch_id)
    if status == 204:
        return _plain("success", 200)
    return _plain("failure", status)


def _plain(text: str, status: int) -> Response:
    response = make_response(text, status)
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    return response


def _receive(channel: str, out_mch_id: str) -> int:
    if (request.content_length or 0) > LONGEST_BODY:
        return 413
    body = request.stream.read(LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        return 413
    try:
        notices.receive_notify(deps(), channel, out_mch_id, dict(request.headers), body)
    except NotifyInvalid as problem:
        log.warning("notification refused", extra={"channel": channel, "why": str(problem)})
        return 401
    except NotFound as problem:
        log.error("notification of an unknown number", extra={"out_trade_no": str(problem)})
        return 503
    except Exception:
        log.exception("notification not applied", extra={"channel": channel})
        return 500
    return 204
