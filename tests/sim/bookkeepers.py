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
    first = datetime.fromtimestamp(play.began, SHANGHAI).date()
    last = datetime.fromtimestamp(play.now, SHANGHAI).date()
    noon = datetime.combine(last + timedelta(days=1), datetime.min.time(), SHANGHAI)
    play.pass_time(max(0.0, (noon + timedelta(hours=12)).timestamp() - play.now))
    on = first
    while on <= last:
        play.say(f"{planning.want_bills(play.stage.deps, on)} bills of {on}")
        on += timedelta(days=1)
    run_out(play)
    for row in play.rows("SELECT status, count(*) AS n FROM bill GROUP BY 1 ORDER BY 1"):
        play.reach(f"bills {row.status}")
