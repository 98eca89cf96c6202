"""The job queue: Procrastinate on the same PostgreSQL, polled, never notified."""

from __future__ import annotations

from typing import Any

import procrastinate
from procrastinate.psycopg_connector import PsycopgConnector
from sqlalchemy.orm import Session

from models.db import raw

QUEUES = {"order_paid": "effects"}

# Only ever used on a caller's own connection: it has no address and opens none.
_defer_app = procrastinate.App(connector=PsycopgConnector())


def enqueue(session: Session, task: str, **ids: int) -> None:
    """Defer a job inside the session's transaction: it commits with the money or vanishes with it.

    Arguments are ids only, since the library writes them to its log. No `queueing_lock`: its
    conflict would abort the payment.
    """
    arguments: dict[str, Any] = dict(ids)
    _defer_app.configure_task(
        task, queue=QUEUES[task], allow_unknown=True, connection=raw(session)
    ).defer(**arguments)
