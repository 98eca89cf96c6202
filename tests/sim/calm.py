"""After the storm: nothing breaks any more, time goes on, and everything must come to its end."""

from __future__ import annotations

import math

from services import syncing
from simulator.alipay import refunds as alipay_refunds
from simulator.wechat import refunds as wechat_refunds
from tests.sim.clerks import Clerks
from tests.sim.deposits import Deposit, settle
from tests.sim.late_wallets import take_what_waits
from tests.sim.play import Play
from tests.sim.trace import Violation

MOST_STEPS = 400  # ten times what any play has needed
DAY = 86400.0
NORMAL = {
    "wechat.refund_outcome": "success",
    "wechat.merchant_funds": "enough",
    "wechat.refund_spacing_s": "0",
    "wechat.refund_delay_s": "2",
    "alipay.refund_outcome": "at_once",
    "alipay.seller_balance": "enough",
    "alipay.refund_delay_s": "2",
    "wechat.micropay_result": "SUCCESS",
    "wechat.reverse_recall": "N",
    "alipay.pay_result": "10000",
    "wechat.deposit_consume": "at_once",
}


def settle_down(play: Play, clerks: Clerks, left: list[Deposit]) -> None:
    """Until nothing is to come. Violation when there is no end of it."""
    play.is_noisy = False
    play.say("calm")
    play.stage.clock.off_s = 0.0
    world = play.stage.wallets.world
    world.faults.clear()
    if play.chance.hits(0.3):  # what takes days is still looked at after days
        days = play.chance.whole(1, 5)
        if days > 3:
            play.reach("case 30")
        ends = play.now + days * DAY
        while play.step(ends):
            pass
    for name, value in NORMAL.items():
        world.switches.set(name, value)
    if left:
        settle(play, left)
    _finish_refunds(play)
    run_out(play)
    take_what_waits(play)
    run_out(play)
    for _ in range(20):
        if not play.value("SELECT count(*) FROM refund WHERE status = 'waiting'"):
            break
        clerks.waiting()
        run_out(play)
    _by_hand(play)
    run_out(play)
    clerks.second_payments()
    run_out(play)
    clerks.systems()
    run_out(play)


def run_out(play: Play) -> None:
    """To the end; where a refund is lost, which is asked about for ever, for a day and a bit."""
    ends = play.now + 1.1 * DAY if play.lost else math.inf
    for _ in range(MOST_STEPS):
        if not play.step(ends):
            return
    raise Violation(f"no end after {MOST_STEPS} steps")


def _finish_refunds(play: Play) -> None:
    """Refunds that the wallets had let lie are done now."""
    wallets = play.stage.wallets
    for trade in sorted(wallets.world.books.all(), key=lambda t: t.out_trade_no):
        for refund in trade.refunds:
            if refund.state != "PROCESSING":
                continue
            refund.facts["outcome"] = "success"
            if trade.channel == "wechat":
                provider = wallets.world.wechat[trade.owner]
                refund.facts["final_at"] = play.now + 5
                wechat_refunds._arm(wallets.world, provider, trade, refund)
            else:
                sim = wallets.app.extensions["sim_alipay"]
                alipay_refunds._finish(sim, trade, refund)


def _by_hand(play: Play) -> None:
    """What went wrong at the payer's bank is settled at the wallet's own desk, by a person."""
    world = play.stage.wallets.world
    for trade in sorted(world.books.all(), key=lambda t: t.out_trade_no):
        for refund in trade.refunds:
            if refund.state == "ABNORMAL" and play.chance.hits(0.7):
                provider = world.wechat[trade.owner]
                refund.state = "PROCESSING"
                refund.facts["outcome"] = play.chance.weighted({"success": 3.0, "closed": 1.0})
                refund.facts["final_at"] = play.now + 5
                wechat_refunds._arm(world, provider, trade, refund)
                if play.chance.hits(0.5):
                    _look(play, trade.out_trade_no)


def _look(play: Play, out_trade_no: str) -> None:
    """Somebody on call asks the wallets about this order now."""
    row = play.rows(
        f"SELECT provider_id, order_id FROM pay_attempt WHERE out_trade_no = '{out_trade_no}'"
    )[0]
    found = syncing.sync_order(play.stage.deps, row.provider_id, row.order_id, actor="sim:owner")
    play.say(f"asked about {found.out_trade_no}: {found.before} -> {found.after}")
