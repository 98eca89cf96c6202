"""Wallets that change their mind: a refund that they had said they have not is made after all."""

from __future__ import annotations

from gateways.base import RefundRequest
from services import closing
from services.refunds import wallets
from services.seed import MAIN
from tests.sim.play import Play
from tests.sim.stage import PRODUCT

OUTCOMES = {"abnormal": 3.0, "success": 1.0, "closed": 1.0}


def make_after_all(play: Play, number: str, status: str) -> None:
    """The wallet makes this refund, which stands in `status` here, and tells so in its own time."""
    deps = play.stage.deps
    for row in play.rows(
        "SELECT r.provider_id, r.attempt_id, r.amount_fen, r.reason, a.out_trade_no, a.channel,"
        " a.amount_fen AS total FROM refund r JOIN pay_attempt a"
        " ON a.provider_id = r.provider_id AND a.id = r.attempt_id"
        f" WHERE r.out_refund_no = '{number}' AND r.status = '{status}'"
    ):
        target = closing.find_target(deps, row.provider_id, row.attempt_id)
        notify_url = f"{PRODUCT}/notify/{row.channel}/{MAIN}"
        again = RefundRequest(
            row.out_trade_no, number, row.amount_fen, row.total, row.reason, notify_url
        )
        word = wallets.refund(deps, row.provider_id, target, again)
        play.say(f"{number} is made after all: {word.state}")
        play.reach(f"late {row.channel} {status}")


def take_what_waits(play: Play) -> None:
    """The shop has topped up; its wallet makes some of what waits by itself, not always well."""
    switches = play.stage.wallets.world.switches
    usual = switches.get("wechat.refund_outcome")
    for row in play.rows(
        "SELECT r.out_refund_no FROM refund r JOIN pay_attempt a ON a.provider_id = r.provider_id"
        " AND a.id = r.attempt_id WHERE r.status = 'waiting' AND a.channel = 'wechat'"
        " ORDER BY r.out_refund_no"
    ):
        if play.chance.hits(0.6):
            switches.set("wechat.refund_outcome", play.chance.weighted(OUTCOMES))
            make_after_all(play, row.out_refund_no, "waiting")
    switches.set("wechat.refund_outcome", usual)
