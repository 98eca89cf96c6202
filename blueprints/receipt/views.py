"""`/receipt`: answered for every order number, quickly, and never with an error.

`/receipt/<out_mch_id>` is the link to enter at WeChat; without the provider it is found by the
order. The verification file stands beside it.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue

from services.gold_plan import receipt
from services.gold_plan.receipt import Asked, Receipt
from services.oa import files
from web import receipt as dress
from web.compress import compress
from web.runtime import deps

log = logging.getLogger(__name__)
bp = Blueprint("receipt", __name__, url_prefix="/receipt")
bp.after_request(compress)
bp.record_once(lambda state: state.app.jinja_env.globals.update(dress.globals_of_templates()))


@bp.get("", defaults={"out_mch_id": None})
@bp.get("/<out_mch_id>")
def show(out_mch_id: str | None) -> ResponseReturnValue:
    """The first word is in the first bytes; what is not known yet is asked for behind it."""
    asked = _asked(out_mch_id)
    found = _read(asked)
    waits = found is not None and not found.is_paid
    return _dressed(
        render_template(
            "receipt/receipt.html",
            r=found,
            base=deps().settings.base_url,
            parent_origin=dress.parent_origin(deps().settings.simulator_url or None),
            simulation=deps().settings.simulation,
            part_url=f"{_link(out_mch_id)}/part?{_query()}" if waits else "",
        )
    )


@bp.get("/part", defaults={"out_mch_id": None})
@bp.get("/<out_mch_id>/part")
def part(out_mch_id: str | None) -> ResponseReturnValue:
    """The receipt's inside once the order is paid; 204 while it is not known."""
    asked = _asked(out_mch_id)
    try:
        receipt.ask_wallet(deps(), asked)
    except Exception:
        log.exception("receipt could not ask the wallet")
    found = _read(asked)
    if found is None or not found.is_paid:
        return _dressed("", 204)
    shown = render_template("receipt/_receipt.html", r=found, base=deps().settings.base_url)
    return _dressed(shown)


@bp.get("/<name>.txt")
def verification_file(name: str) -> ResponseReturnValue:
    """WeChat looks for it in the link's own folder."""
    filename = f"{name}.txt"
    content = files.find(deps(), filename) if files.NAME.fullmatch(filename) else None
    if content is None:
        abort(404)
    return Response(content, content_type="text/plain; charset=utf-8")


def _read(asked: Asked) -> Receipt | None:
    """WeChat shows its own receipt where ours is not to be had, and an error page where it hears
    nothing: whatever goes wrong in here counts as an order that we do not know."""
    if not asked.sub_mch_id or not asked.out_trade_no:
        return None
    try:
        return receipt.read(deps(), asked)
    except Exception:
        log.exception("receipt could not be read")
        return None


def _asked(out_mch_id: str | None) -> Asked:
    said = request.args
    return Asked(
        link=deps().settings.base_url + _link(out_mch_id),
        sub_mch_id=_word(said.get("sub_mch_id", "")),
        out_trade_no=_word(said.get("out_trade_no", "")),
        check_code=_word(said.get("check_code", "")),
        out_mch_id=out_mch_id,
    )


def _word(said: str) -> str:
    """As it is, or nothing: no number has a character that the database would not take."""
    return said if said.isprintable() and len(said) <= 64 else ""


def _link(out_mch_id: str | None) -> str:
    return "/receipt" if out_mch_id is None else f"/receipt/{out_mch_id}"


def _query() -> str:
    names = ("sub_mch_id", "out_trade_no", "check_code")
    return urlencode({name: request.args.get(name, "") for name in names})


def _dressed(body: str, status: int = 200) -> Response:
    response = make_response(body, status)
    settings = deps().settings
    response.headers.update(dress.headers(settings.customer_csp, settings.simulator_url or None))
    return response
