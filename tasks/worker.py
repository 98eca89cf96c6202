"""The worker process: job queues in asyncio, sweeps of due times in threads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from services import asking, audit_chain, audit_heads, ledger_chain, ledger_heads, totals
from services.applications import sweep as applications
from services.bills import sweep as bills
from services.cards import payout_sweep, room, wechat_membership
from services.cards import sweep as recharges
from services.deposits import releasing as releases
from services.deposits import sweep as deposits
from services.deps import Deps
from services.housekeeping import beat
from services.oa import sweep as oa_tokens
from services.oa.platform import start_tickets_if_late
from services.people import duty
from services.refunds import sweep as refunds
from tasks import longjobs
from tasks.callbacks import Postman
from tasks.jobs import QUEUES, build_job_app
from tasks.notices import Crier

log = logging.getLogger(__name__)
T = TypeVar("T")

SWEEP_EVERY_S = 0.25
DEPOSITS_EVERY_S = 0.5
RECHARGES_EVERY_S = 1.0
PAYOUTS_EVERY_S = 10.0
TOTALS_EVERY_S = 1.0
SHIFTS_EVERY_S = 1.0
BILLS_EVERY_S = 2.0
WECHAT_CARDS_EVERY_S = 2.0
OA_TOKENS_EVERY_S = 2.0
OA_TICKETS_EVERY_S = 60.0
SEAL_EVERY_S = 2.0
HEADS_EVERY_S = 30.0
ABANDONED_EVERY_S = 5.0
BEAT_EVERY_S = 2.0
LONG_JOBS_EVERY_S = 0.5
APPLICATIONS_EVERY_S = 2.0


class Sweeper:
    """Meets due times: claims a few attempts, asks about them side by side, claims again."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._pool = ThreadPoolExecutor(deps.settings.worker_threads, "ask")
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._every, args=(pause, work), name=name)
            for name, pause, work in (
                ("due", SWEEP_EVERY_S, self.sweep),
                ("refunds", SWEEP_EVERY_S, self.refunds),
                ("deposits", DEPOSITS_EVERY_S, self.deposits),
                ("recharges", RECHARGES_EVERY_S, self.recharges),
                ("payouts", PAYOUTS_EVERY_S, self.payouts),
                ("shifts", SHIFTS_EVERY_S, self.shifts),
                ("totals", TOTALS_EVERY_S, self._totals),
                ("room", TOTALS_EVERY_S, self._room),
                ("seal", SEAL_EVERY_S, self.seal),
                ("audit", SEAL_EVERY_S, self.audit),
                ("heads", HEADS_EVERY_S, self._heads),
                ("bills", BILLS_EVERY_S, self.bills),
                ("bill cases", BILLS_EVERY_S, self.bill_cases),
                ("wechat cards", WECHAT_CARDS_EVERY_S, self.wechat_cards),
                ("oa tokens", OA_TOKENS_EVERY_S, self.oa_tokens),
                ("oa tickets", OA_TICKETS_EVERY_S, self._oa_tickets),
                ("abandoned", ABANDONED_EVERY_S, self._abandoned),
                ("long jobs", LONG_JOBS_EVERY_S, self._long_jobs),
                ("applications", APPLICATIONS_EVERY_S, self.applications),
                ("beat", BEAT_EVERY_S, self._beat),
            )
        ]
        self._name = f"worker:{socket.gethostname()}:{os.getpid()}"

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown()

    def _every(self, pause: float, work: object) -> None:
        assert callable(work)
        while not self._stop.is_set():
            started = time.monotonic()
            busy = False
            try:
                busy = bool(work())
            except Exception:
                log.exception("sweep failed")
            if not busy:
                self._stop.wait(max(0.01, pause - (time.monotonic() - started)))

    def sweep(self) -> bool:
        """True when there may be more to do at once."""
        most = self._deps.settings.worker_threads * 4
        return self._meet(asking.claim_due(self._deps, most), asking.ask) == most

    def refunds(self) -> bool:
        """The same for refunds."""
        most = self._deps.settings.worker_threads * 2
        return self._meet(refunds.claim_due(self._deps, most), refunds.pursue) == most

    def deposits(self) -> bool:
        """The same for holds of payers' money, and what is given back of them."""
        most = self._deps.settings.worker_threads
        met = self._meet(deposits.claim_due(self._deps, most), deposits.pursue)
        return max(met, self._meet(releases.claim_due(self._deps, most), releases.pursue)) == most

    def recharges(self) -> bool:
        """The same for room that recharges hold."""
        most = self._deps.settings.worker_threads * 4
        return self._meet(recharges.claim_due(self._deps, most), recharges.look) == most

    def payouts(self) -> bool:
        """The same for the unused money of cards."""
        most = self._deps.settings.worker_threads
        return self._meet(payout_sweep.claim_due(self._deps, most), payout_sweep.look) == most

    def shifts(self) -> bool:
        """The same for slips of shifts that have ended."""
        most = self._deps.settings.worker_threads
        return self._meet(duty.claim_due(self._deps, most), duty.make_slip) == most

    def bills(self) -> bool:
        """One bill at a time in a process: its memory is bounded, and it may take a minute."""
        claims = bills.claim_due(self._deps, 1)
        for claim in claims:
            bills.pursue(self._deps, claim)
        return bool(claims)

    def bill_cases(self) -> bool:
        """The same as `sweep` for differences that the wallet is to be asked about."""
        most = self._deps.settings.worker_threads
        return self._meet(bills.claim_cases(self._deps, most), bills.pursue_case) == most

    def wechat_cards(self) -> bool:
        """The same for cards in WeChat's own wallet, and what they show."""
        most = self._deps.settings.worker_threads
        claims = wechat_membership.claim_due(self._deps, most)
        return self._meet(claims, wechat_membership.pursue) >= most

    def oa_tokens(self) -> bool:
        """The same for the official account's tokens, before they are over."""
        most = self._deps.settings.worker_threads
        met = self._meet(oa_tokens.claim_due(self._deps, most), oa_tokens.pursue)
        return met + self._meet(oa_tokens.claim_accounts(self._deps, most), oa_tokens.look) >= most

    def _oa_tickets(self) -> bool:
        start_tickets_if_late(self._deps)
        return False

    def _meet(self, claims: Sequence[T], meet: Callable[[Deps, T], None]) -> int:
        asked: list[Future[None]] = [self._pool.submit(meet, self._deps, claim) for claim in claims]
        for future, claim in zip(asked, claims, strict=True):
            try:
                future.result()
            except Exception:
                # The claim's due time brings it back; nothing is lost by going on.
                log.exception("asking failed", extra={"claim": repr(claim)})
        return len(claims)

    def _totals(self) -> bool:
        return totals.fold(self._deps) == totals.FOLD

    def _room(self) -> bool:
        room.fold(self._deps)
        return False

    def seal(self) -> bool:
        """True when there may be more entries to seal at once."""
        return ledger_chain.seal(self._deps) > 0

    def audit(self) -> bool:
        """The same for the audit log."""
        return audit_chain.seal(self._deps) > 0

    def _heads(self) -> bool:
        ledger_heads.write_if_due(self._deps)
        audit_heads.write_if_due(self._deps)
        return False

    def _abandoned(self) -> bool:
        asking.end_abandoned(self._deps)
        return False

    def _long_jobs(self) -> bool:
        return longjobs.run_due(self._deps)

    def applications(self) -> bool:
        """The same as `sweep` for applications that WeChat is to be sent or asked about."""
        most = self._deps.settings.worker_threads
        return self._meet(applications.claim_due(self._deps, most), applications.pursue) == most

    def _beat(self) -> bool:
        beat(self._deps, self._name)
        return False


async def _run_queues(deps: Deps) -> None:
    app = build_job_app(deps)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with app.open_async():
        workers = [
            asyncio.create_task(
                app.run_worker_async(
                    queues=[queue.name],
                    concurrency=queue.concurrency,
                    listen_notify=False,
                    fetch_job_polling_interval=0.25,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=8,
                )
            )
            for queue in QUEUES
        ]
        await stop.wait()
        for worker in workers:
            worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*workers, return_exceptions=True)


def run_worker(deps: Deps) -> None:
    """Run until SIGINT or SIGTERM. A SIGKILL loses nothing: due times and jobs are rows."""
    sweeper, postman, crier = Sweeper(deps), Postman(deps), Crier(deps)
    sweeper.start()
    postman.start()
    crier.start()
    try:
        asyncio.run(_run_queues(deps))
    finally:
        crier.stop()
        postman.stop()
        sweeper.stop()
        deps.db.dispose()
