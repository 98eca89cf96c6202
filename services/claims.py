"""Taking rows whose time has come: the statement that every sweep shares.

A claim moves the due time ahead, so that a holder who dies loses nothing: the row comes back.
"""

from __future__ import annotations

from sqlalchemy import TextClause, text


def claim_statement(table: str, column: str = "id") -> TextClause:
    """Claims up to `:most` rows of `table` due at `:now` until `:until`; returns each one's
    `provider_id` and `column`.

    Materialized: within a join the planner may look for the rows again and again, and would take
    more than was asked for.
    """
    return text(f"""
    WITH d AS MATERIALIZED (
        SELECT provider_id, id FROM {table} WHERE due_at <= :now
        ORDER BY due_at, id LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE {table} r SET due_at = :until
    FROM d WHERE r.provider_id = d.provider_id AND r.id = d.id
    RETURNING r.provider_id, r.{column}
    """)
