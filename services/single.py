"""One statement that is a unit of work of its own: one round trip, no BEGIN, no COMMIT, no ORM.

For the few statements of an ordinary payment. Such a statement must be safe to run again: it only
reads, or it finds what an earlier run of it has written. Whatever goes wrong, it is run once more
through `deps.transact`, which repeats what may be repeated and raises what everybody expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import SQLAlchemyError

from services.deps import Deps


class Single:
    """A statement, compiled once. A row has its columns as attributes, and `_asdict()`."""

    def __init__(self, clause: TextClause) -> None:
        self._clause = clause
        self._sql = str(clause.compile(dialect=dialect())).encode()  # type: ignore[no-untyped-call]

    def first(self, deps: Deps, values: Mapping[str, Any]) -> Any | None:
        """Run and commit; the first row of its answer, or None. Errors are SQLAlchemy's."""
        try:
            return self._at_once(deps, values)
        except (psycopg.Error, SQLAlchemyError):
            pass  # again outside of this block, so that the next error stands alone
        return deps.transact(
            lambda s: s.execute(self._clause, dict(values)).first(), rerun_if_unknown=True
        )

    def _at_once(self, deps: Deps, values: Mapping[str, Any]) -> Any | None:
        borrowed = deps.db.engine.raw_connection()
        connection: Any = borrowed.driver_connection
        try:
            connection.autocommit = True
            with connection.cursor(row_factory=namedtuple_row) as cursor:
                return cursor.execute(self._sql, values).fetchone()
        finally:
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                connection.autocommit = False
                borrowed.close()
            else:
                borrowed.invalidate()  # lost, or left in the middle: the pool makes another
