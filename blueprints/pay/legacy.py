"""Codes printed for the old product: find their provider, then go on as today's codes do."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue

from blueprints.pay import render
from errors import AppError
from services.problems import PayProblem
from services.scan import find_route
from web.runtime import deps
from web.visit import Visit


def shop_code() -> ResponseReturnValue:
    """`/cpay/qrcode_shop?id=<out_shop_id>&rid=<n>`; `rid` means nothing here (OCP-1)."""
    return _forward("shop", request.args.get("id", ""))


def person_code() -> ResponseReturnValue:
    """`/cpay/qrcode_person?id=<id>&out_shop_id=<out_shop_id>&rid=<n>`."""
    return _forward("person", f"{request.args.get('out_shop_id', '')}:{request.args.get('id', '')}")


def _forward(kind: str, external_id: str) -> ResponseReturnValue:
    visit = Visit(request, deps().settings)
    try:
        out_mch_id, code = deps().transact(lambda s: find_route(s, kind, external_id[:64]))
        if code is None:
            raise PayProblem("PAY_CODE_UNBOUND")
    except AppError as error:
        return render.refused(visit, error)
    return render.no_store(redirect(visit.url(f"/q/{out_mch_id}/{code}"), 302))
