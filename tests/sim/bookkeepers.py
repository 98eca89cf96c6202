"""The day after: the wallets' bills are fetched and matched, and differ from our books nowhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from services.bills import cases, planning, voiding
from tests.sim.calm import run_out
from tests.sim.late_wallets import make_after_all
from tests.sim.play import Play

SHANGHAI = ZoneInfo("Asia/Shanghai")


def reconcile(play: Play) -> None:
    """Until the bills of every day of the play are matched, each after its own morning."""
    days = sorted({datetime.fromtimestamp(at, SHANGHAI).date() for at in _busy(play)})
    noon = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), SHANGHAI)
    play.pass_time(max(0.0, (noon + timedelta(hours=12)).timestamp() - play.now))
    for on in days:
        play.say(f"{planning.want_bills(play.stage.deps, on)} bills of {on}")
    run_out(play)
    _void(play)
    _explain(play)
    run_out(play)
    for row in play.rows("SELECT status, count(*) AS n FROM bill GROUP BY 1 ORDER BY 1"):
        play.reach(f"bills {row.status}")


def _void(play: Play) -> None:
    """What the wallet never had, as its bill and its answer say, a person voids; and of some the
    wallet finds out later that it had them."""
    deps, voided = play.stage.deps, sorted(play.lost)
    for row in play.rows(
        "SELECT id, number FROM bill_case WHERE kind = 'missing_there' AND subject = 'refund'"
        " AND status = 'found' ORDER BY number"
    ):
        if row.number in play.lost:
            play.act(f"void {row.number}", partial(_void_one, play, row.id))
            voiding_closed = partial(cases.close, deps, row.id, actor="sim:owner")
            play.act(f"close the case of {row.number}", voiding_closed)
    play.lost.clear()
    for number in voided:
        if play.chance.hits(0.5):
            make_after_all(play, number, "void")


def _void_one(play: Play, case_id: int) -> None:
    voiding.void(play.stage.deps, case_id, actor="sim:owner", reason="钱包没有这笔退款")


def _explain(play: Play) -> None:
    """What was given up here and stopped there: a person has handed the money over."""
    for row in play.rows(
        "SELECT id, number FROM bill_case WHERE status = 'found' AND kind = 'state'"
        " AND subject = 'refund' AND facts ->> 'theirs' = 'abnormal' ORDER BY number"
    ):
        play.reach("bill case explained")
        cases.explain(play.stage.deps, row.id, actor="sim:owner", reason="已当面退给顾客")
        cases.close(play.stage.deps, row.id, actor="sim:owner")


def _busy(play: Play) -> list[float]:
    """When something was ordered, paid or given back by the wallets' books; at least the start."""
    found = [play.began]
    for trade in play.stage.wallets.world.books.all():
        found.append(trade.created_at)
        if trade.paid_at is not None:
            found.append(datetime.fromisoformat(trade.paid_at).timestamp())
        for refund in trade.refunds:
            found.append(refund.created_at)
            said = refund.facts.get("success_time")
            if said is not None:
                found.append(datetime.fromisoformat(said).timestamp())
            elif said := refund.facts.get("gmt_refund_pay"):
                found.append(datetime.fromisoformat(said).replace(tzinfo=SHANGHAI).timestamp())
    return found
