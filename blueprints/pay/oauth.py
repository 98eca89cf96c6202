"""The end of the silent round trip to the wallet's OAuth page; `web/payer.py` begins it."""

from __future__ import annotations

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from blueprints.pay import render
from errors import AppError
from services import payers
from web.payer import leave, who_pays
from web.runtime import deps
from web.visit import Visit, set_cookie

__all__ = ["back", "leave", "who_pays"]

CODE_FIELD = {"wechat": "code", "alipay": "auth_code"}


def back(out_mch_id: str, channel: str) -> ResponseReturnValue:
    """Spend the state, exchange the code, remember the person, go on to where he wanted."""
    if channel not in CODE_FIELD:
        abort(404)
    visit = Visit(request, deps().settings)
    provider = deps().transact(
        lambda s: s.execute(
            text("SELECT id, account_version FROM provider WHERE out_mch_id = :m"),
            {"m": out_mch_id},
        ).first()
    )
    if provider is None:
        abort(404)
    try:
        arrival = payers.arrive(
            deps(),
            provider_id=provider.id,
            version=provider.account_version,
            channel=channel,
            code=request.args.get(CODE_FIELD[channel], "")[:128],
            state=request.args.get("state", "")[:128],
            session_id=visit.session_id,
        )
    except AppError as error:
        error.facts.setdefault("channel", channel)
        return render.refused(visit, error)
    response = render.no_store(redirect(arrival.target, 302))
    set_cookie(response, visit.payer_cookie, arrival.session_id, visit.settings)
    return response
