"""The day after: the wallets' bills are fetched and matched, and differ from our books nowhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.bills import planning
from tests.sim.calm import run_out
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
    for row in play.rows("SELECT status, count(*) AS n FROM bill GROUP BY 1 ORDER BY 1"):
        play.reach(f"bills {row.status}")


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
