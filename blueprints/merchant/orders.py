"""`/m/orders`: the order list, and one order's story."""

from __future__ import annotations

from flask import abort, g, request
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers, detail, listing
from services.people.acting import Acting
from web.runtime import deps


def show() -> ResponseReturnValue:
    asked = listing.Asked.from_query(request.args)
    shown = deps().transact(lambda s: listing.shown(s, g.staff, asked))
    return answers.page("merchant/orders.html", **shown)


def one(out_trade_no: str) -> ResponseReturnValue:
    who: Acting = g.staff
    found = deps().transact(
        lambda s: detail.read(s, who.provider_id, who.merchant_id, out_trade_no)
    )
    if found is None:
        abort(404)
    return answers.page("merchant/order_detail.html", **detail.shown(found))
