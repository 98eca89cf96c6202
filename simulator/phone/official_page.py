"""The page that WeChat shows after a payment with the Gold Plan open, and its two frames.

Source: wechat.md B1, B4. `static/gold.js` waits three seconds for `onIframeReady`.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue

from simulator.books import Trade
from simulator.wechat import goldplan
from simulator.world import World


def mount(bp: Blueprint, world: World) -> None:
    @bp.get("/sim/official-page/<out_trade_no>")
    def official_page(out_trade_no: str) -> ResponseReturnValue:
        trade = _trade(world, out_trade_no)
        if trade is None or trade.transaction_id is None:
            abort(404)
        world.note("phone", "官方页", "点金计划", out_trade_no)
        return _framing(
            make_response(render_template("phone/official.html", **_shown(world, trade)))
        )

    @bp.post("/sim/official-page/<out_trade_no>/said")
    def said(out_trade_no: str) -> ResponseReturnValue:
        """What became of the frame, for the trail: custom, official, timeout, jump."""
        body = request.get_json(silent=True)
        word = str(body.get("said", ""))[:80] if isinstance(body, dict) else ""
        world.note("phone", "商家小票", word, out_trade_no)
        return "", 204


def _trade(world: World, out_trade_no: str) -> Trade | None:
    with world.books.lock:
        for provider in world.wechat:
            found = world.books.find("wechat", provider, out_trade_no)
            if found is not None:
                return found
    return None


def _shown(world: World, trade: Trade) -> dict[str, Any]:
    plan = goldplan.plan_of(world, trade.sub_mchid)
    merchant = world.wechat[trade.owner].merchants[trade.sub_mchid]
    has_receipt = plan.has_receipt and bool(goldplan.receipt_link(world))
    return {
        "amount": f"{trade.amount_fen / 100:,.2f}",
        "merchant": merchant.name,
        "out_trade_no": trade.out_trade_no,
        "transaction_id": trade.transaction_id,
        "receipt_url": goldplan.iframe_url(world, trade) if has_receipt else "",
        "has_ads": plan.has_ads,
        "tags": plan.tags,
    }


def _framing(answer: Response) -> Response:
    """It frames the receipt wherever the link leads: WeChat does not know our address either."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-src http: https:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
    return answer
