"""Procrastinate's tasks. Each may run twice: it looks before it acts."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from procrastinate import App, JobContext, RetryStrategy
from procrastinate.psycopg_connector import PsycopgConnector

from services import audit_verify, followup, housekeeping, ledger_nightly, totals_check
from services.bills import files, planning
from services.cards import bonus_expiry
from services.deps import Deps
from services.health import rounds as health_rounds

log = logging.getLogger(__name__)

AGAIN = RetryStrategy(max_attempts=30, wait=1, exponential_wait=2)
STALLED_AFTER_S = 30


@dataclass(frozen=True)
class Queue:
    name: str
    concurrency: int


QUEUES = (Queue("money", 4), Queue("effects", 4), Queue("bulk", 1))


def libpq(url: str) -> str:
    """SQLAlchemy's address as psycopg takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def build_job_app(deps: Deps) -> App:
    """The worker's app: its tasks close over the worker's own collaborators."""
    connector = PsycopgConnector(
        conninfo=libpq(deps.db.url),
        min_size=1,
        max_size=6,
        kwargs={} if deps.settings.db_prepared_statements else {"prepare_threshold": None},
    )
    app = App(connector=connector)

    @app.task(name="order_paid", queue="effects", retry=AGAIN)
    def order_paid(provider_id: int, order_id: int) -> None:
        followup.after_payment(deps, provider_id, order_id)

    @app.periodic(cron="* * * * * */10")
    @app.task(name="retry_stalled_jobs", queue="bulk", pass_context=True)
    async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
        """Jobs of a killed worker: nobody else starts them again."""
        manager = context.app.job_manager
        stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S)
        for job in stalled:
            log.warning("stalled job retried", extra={"job": job.id, "task": job.task_name})
            await manager.retry_job(job, retry_at=dt.datetime.now(dt.UTC))

    @app.periodic(cron="7 * * * *")
    @app.task(name="tidy", queue="bulk", pass_context=True)
    async def tidy(context: JobContext, timestamp: int) -> None:
        """Remove done jobs of yesterday and rows whose time is over."""
        await context.app.job_manager.delete_old_jobs(nb_hours=24)
        housekeeping.remove_expired(deps)

    @app.periodic(cron="3 * * * *")
    @app.task(name="want_bills", queue="bulk")
    def want_bills(timestamp: int) -> None:
        """Write down the bills of the last days; the sweep fetches each when it is ready."""
        planning.want_recent(deps)
        files.remove_old(deps)

    @app.periodic(cron="40 19 * * *")
    @app.task(name="verify_totals", queue="bulk")
    def verify_totals(timestamp: int) -> None:
        """Every night in China: the totals of all days against the orders themselves."""
        totals_check.verify(deps)

    @app.periodic(cron="20 16 * * *")
    @app.task(name="lapse_bonus", queue="bulk")
    def lapse_bonus(timestamp: int) -> None:
        """After midnight in China: bonus whose last day is over leaves the cards."""
        bonus_expiry.expire(deps)

    @app.periodic(cron="10 20 * * *")
    @app.task(name="verify_ledger", queue="bulk")
    def verify_ledger(timestamp: int) -> None:
        """Every night in China: all of the ledger; what does not fit becomes a case."""
        ledger_nightly.verify(deps)

    @app.periodic(cron="30 20 * * *")
    @app.task(name="verify_audit", queue="bulk")
    def verify_audit(timestamp: int) -> None:
        """Every night in China: all of the audit log; what does not fit stands on its page."""
        audit_verify.verify_all(deps)

    @app.periodic(cron="30 17 * * *")
    @app.task(name="check_configuration", queue="bulk")
    def check_configuration(timestamp: int) -> None:
        """Every night in China: each provider's configuration is looked at as a long job."""
        health_rounds.start_all(deps)

    return app
