"""The worker: meets due times and runs jobs when they have come, or a while later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import partial
from typing import Any

from procrastinate import App

from services import asking, ledger_chain, totals
from services.bills import sweep as bills
from services.callbacks import sweep as callbacks
from services.cards import room
from services.cards import sweep as recharges
from services.deposits import releasing
from services.deposits import sweep as holds
from services.refunds import sweep as refunds
from tasks.jobs import build_job_app
from tests.sim.play import Play

MOST = 8
_DUE = """
SELECT (SELECT min(due_at) FROM pay_attempt) AS asks,
    (SELECT min(due_at) FROM refund) AS refunds,
    (SELECT min(o.expires_at) FROM pay_order o WHERE o.status IN ('created', 'paying')
        AND NOT EXISTS (SELECT 1 FROM pay_attempt a WHERE a.provider_id = o.provider_id
            AND a.order_id = o.id AND a.status IN ('created', 'payable', 'closing'))) AS abandoned,
    (SELECT min(due_at) FROM callback) AS callbacks,
    (SELECT min(due_at) FROM bill) AS bills,
    (SELECT min(due_at) FROM bill_case) AS bill_cases,
    (SELECT min(id) FROM day_delta) AS totals,
    (SELECT min(id) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')) AS jobs
"""
_OF_CARDS = """, (SELECT min(due_at) FROM recharge) AS recharges,
    (SELECT min(id) FROM ledger_tail) AS seal,
    (SELECT min(id) FROM card_release) AS room
"""
_OF_DEPOSITS = """, (SELECT min(due_at) FROM deposit_freeze) AS holds,
    (SELECT min(due_at) FROM deposit_move) AS releases
"""
AT_ONCE = ("jobs", "totals", "seal", "room")


class Worker:
    def __init__(self, play: Play) -> None:
        self.play = play
        self.free_at = 0.0
        self.jobs: App = build_job_app(play.stage.deps)
        self._stalled: dict[int, float] = {}
        self._due_sql = _DUE + (_OF_CARDS if play.chance.has_cards else "")
        self._due_sql += _OF_DEPOSITS if play.chance.has_deposits else ""

    def next_due(self) -> float | None:
        """The first due time, no sooner than the worker is awake."""
        found = self._due().values()
        return max(self.free_at, min(found)) if found else None

    def _due(self) -> dict[str, float]:
        """When each kind of work has something to do, by the wallets' clock."""
        row = self.play.rows(self._due_sql)[0]._asdict()
        at_once = [name for name in AT_ONCE if row.pop(name, None) is not None]
        off_s = self.play.stage.clock.off_s
        found = {name: at.timestamp() - off_s for name, at in row.items() if at is not None}
        return found | dict.fromkeys(at_once, self.play.now)

    def tick(self) -> None:
        """Whatever is due, in any order: the worker's threads know nothing of each other."""
        play = self.play
        due = [name for name, at in self._due().items() if at <= play.now]
        self.free_at = play.now + self._pause()
        for name in play.chance.shuffled(due):
            play.act(f"worker {name}", getattr(self, f"_{name}"))

    def _asks(self) -> None:
        deps = self.play.stage.deps
        self._meet("ask", asking.claim_due(deps, MOST), asking.ask)

    def _refunds(self) -> None:
        deps = self.play.stage.deps
        self._meet("refund", refunds.claim_due(deps, MOST), refunds.pursue)

    def _callbacks(self) -> None:
        deps = self.play.stage.deps
        self._meet("callback", callbacks.claim_due(deps, MOST), callbacks.deliver)

    def _bills(self) -> None:
        deps = self.play.stage.deps
        self._meet("bill", bills.claim_due(deps, 1), bills.pursue)

    def _bill_cases(self) -> None:
        deps = self.play.stage.deps
        self._meet("bill case", bills.claim_cases(deps, MOST), bills.pursue_case)

    def _totals(self) -> None:
        totals.fold(self.play.stage.deps)

    def _recharges(self) -> None:
        deps = self.play.stage.deps
        self._meet("recharge", recharges.claim_due(deps, MOST), recharges.look)

    def _holds(self) -> None:
        deps = self.play.stage.deps
        self._meet("hold", holds.claim_due(deps, MOST), holds.pursue)

    def _releases(self) -> None:
        deps = self.play.stage.deps
        self._meet("release", releasing.claim_due(deps, MOST), releasing.pursue)

    def _seal(self) -> None:
        ledger_chain.seal(self.play.stage.deps)

    def _room(self) -> None:
        room.fold(self.play.stage.deps)

    def _abandoned(self) -> None:
        asking.end_abandoned(self.play.stage.deps)

    def _pause(self) -> float:
        play = self.play
        if play.is_noisy and play.chance.hits(0.03):
            play.reach("fault worker away")
            return play.chance.seconds(20, 120)
        return play.chance.seconds(0.25, 1.5) if play.is_noisy else 0.25

    def _meet(self, what: str, claims: Sequence[Any], meet: Callable[..., object]) -> None:
        for claim in sorted(claims, key=astuple):
            self.play.act(what, partial(meet, self.play.stage.deps, claim))

    # --- jobs -------------------------------------------------------------------------------

    def _jobs(self) -> None:
        """Fetch, run and finish each job as the library does; what was left in the middle by a
        killed worker is taken up again after half a minute."""
        while self._one_job():
            pass

    def _one_job(self) -> bool:
        play, admin = self.play, self.play.stage.admin
        self._rescue()
        job = admin.execute(
            "SELECT id, task_name, args FROM procrastinate_fetch_job_v2(NULL, NULL)"
        ).fetchone()
        if job is None or job[0] is None:
            return False
        number, task, args = job
        self._stalled[number] = play.now + 30
        play.act(f"job {task}", lambda: self._run(number, task, args))
        return True

    def _run(self, number: int, task: str, args: dict[str, Any]) -> None:
        play = self.play
        play.stage.kills.point("before a job")
        self.jobs.tasks[task].func(**args)
        play.stage.kills.point("before a job's end")
        play.stage.admin.execute(
            "SELECT procrastinate_finish_job_v1(%s, 'succeeded', false)", [number]
        )

    def _rescue(self) -> None:
        for (number,) in self.play.stage.admin.execute(
            "SELECT id FROM procrastinate_jobs WHERE status = 'doing' ORDER BY id"
        ).fetchall():
            if self._stalled.get(number, 0.0) <= self.play.now or not self.play.is_noisy:
                self.play.reach("fault job stalled")
                self.play.stage.admin.execute(
                    "SELECT procrastinate_retry_job_v2(%s, NULL, NULL, NULL, NULL)", [number]
                )
