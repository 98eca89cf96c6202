"""The database as a unit of work: `transact(fn)` opens, runs, commits, and repeats when it may."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
T = TypeVar("T")

TRIES = 5
RETRYABLE = frozenset({"40001", "40P01"})  # serialization failure, deadlock


class CommitUnknown(Exception):
    """The connection was lost during the commit: read by key, then decide."""


class Database:
    """One engine and its sessions; safe behind a pooler in transaction mode."""

    def __init__(self, url: str, *, pool_size: int = 10, prepared: bool = True) -> None:
        self.url = url
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=5,
            pool_pre_ping=False,
            pool_recycle=1800,
            hide_parameters=True,  # an error must not show values: they may name a person
            connect_args={
                "prepare_threshold": 3 if prepared else None,
                "application_name": "yima",
                "connect_timeout": 5,
            },
        )

    def transact(self, fn: Callable[[Session], T], *, rerun_if_unknown: bool = False) -> T:
        """Run `fn` in one transaction and commit.

        `fn` runs again (at most 5 times) on a serialization failure or deadlock, so it must have no
        effect outside the database. A connection lost during the commit raises `CommitUnknown`,
        unless `rerun_if_unknown`: then `fn`, which must read by key first, simply runs again.
        """
        for attempt in range(1, TRIES + 1):
            committing = False
            session = Session(self.engine, expire_on_commit=False, autoflush=False)
            try:
                result = fn(session)
                committing = True
                session.commit()
                return result
            except DBAPIError as problem:
                session.rollback()
                if not self._may_repeat(problem, committing, rerun_if_unknown, attempt):
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
            except BaseException:
                session.rollback()
                raise
            finally:
                session.close()
        raise AssertionError("unreachable")

    def _may_repeat(
        self, problem: DBAPIError, committing: bool, rerun_if_unknown: bool, attempt: int
    ) -> bool:
        state = getattr(problem.orig, "sqlstate", None)
        if problem.connection_invalidated and committing:
            if not rerun_if_unknown:
                raise CommitUnknown(str(type(problem.orig))) from problem
            return attempt < TRIES
        if problem.connection_invalidated and attempt == 1:
            return True  # the pool's connection had died before we used it: nothing was done
        if state in RETRYABLE and attempt < TRIES:
            log.info("transaction repeated", extra={"sqlstate": state, "attempt": attempt})
            return True
        return False

    def dispose(self) -> None:
        """Close this process's connections; after a fork, forget the parent's instead."""
        self.engine.dispose()

    def forget(self) -> None:
        self.engine.dispose(close=False)


def raw(session: Session) -> Any:
    """The psycopg connection under this session, for jobs that must commit with it."""
    connection: Connection = session.connection()
    return connection.connection.driver_connection
