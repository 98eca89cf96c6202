"""Rewriting sealed values with the newest key, in batches, while everything serves on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.accounts import seal_place
from services.deps import Deps


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed values, and what names a row in its seal."""

    table: str
    column: str
    row_key: Callable[[Any], str]
    key_columns: str
    tenant: str = "provider_id"


COLUMNS = (
    SealedColumn("credential", "sealed", lambda r: str(r.seal_key), "seal_key"),
    SealedColumn(
        "provider", "authen_key_sealed", lambda r: str(r.seal_key), "seal_key", tenant="id"
    ),
    SealedColumn("provider", "admin_phone_sealed", lambda r: str(r.id), "out_mch_id", tenant="id"),
    SealedColumn("merchant", "authen_key_sealed", lambda r: str(r.seal_key), "seal_key"),
    SealedColumn("merchant", "old_key_sealed", lambda r: str(r.old_seal_key), "old_seal_key"),
    SealedColumn("alipay_consent", "token_sealed", lambda r: str(r.seal_key), "seal_key"),
    *(
        SealedColumn("member", column, lambda r: f"{r.provider_id}:{r.id}", "merchant_id")
        for column in ("phone_sealed", "name_sealed")
    ),
    SealedColumn("staff", "phone_sealed", lambda r: f"{r.provider_id}:{r.id}", "merchant_id"),
    *(
        SealedColumn("official_account", column, lambda r: str(r.seal_key), "seal_key")
        for column in ("push_token_sealed", "push_key_sealed", "refresh_sealed")
    ),
    *(
        SealedColumn("wechat_component", column, lambda r: str(r.seal_key), "seal_key", tenant="id")
        for column in ("secret_sealed", "push_token_sealed", "push_key_sealed", "ticket_sealed")
    ),
    SealedColumn(
        "oa_token", "sealed", lambda r: f"{r.provider_id}:{r.kind}:{r.app_id}", "kind, app_id"
    ),
    SealedColumn("device_key", "init_key_sealed", lambda r: str(r.seal_key), "seal_key"),
    SealedColumn("maidan_link", "grant_sealed", lambda r: str(r.seal_key), "seal_key"),
    SealedColumn("application", "private_sealed", lambda r: str(r.seal_key), "seal_key"),
    SealedColumn("application_paper", "key_sealed", lambda r: str(r.seal_key), "seal_key"),
    SealedColumn("console_user", "totp_sealed", lambda r: str(r.seal_key), "seal_key", tenant="id"),
    SealedColumn("person", "sealed", lambda r: f"{r.provider_id}:{r.subject_hash}", "subject_hash"),
)


def reseal_all(deps: Deps, batch: int) -> dict[str, int]:
    """Rewrite all; safe to run again after a crash. Gives rows rewritten per column.

    Raw upstream events stay under the key they were sealed with: they are append-only. Keep the
    retired key with the backups for as long as events must be readable.
    """
    return {f"{c.table}.{c.column}": _reseal(deps, c, batch) for c in COLUMNS}


def _reseal(deps: Deps, where: SealedColumn, batch: int) -> int:
    last: tuple[int, int] = (0, 0)
    count = 0
    while True:
        last, done, more = deps.transact(lambda s, a=last: _batch(s, deps, where, batch, a))  # type: ignore[misc]
        count += done
        if not more:
            return count


def _batch(
    session: Session, deps: Deps, where: SealedColumn, batch: int, after: tuple[int, int]
) -> tuple[tuple[int, int], int, bool]:
    rows = session.execute(
        text(
            f"SELECT {where.tenant} AS provider_id, id, {where.key_columns},"
            f" {where.column} AS value"
            f" FROM {where.table} WHERE ({where.tenant}, id) > (:p, :i)"
            f" AND {where.column} IS NOT NULL ORDER BY {where.tenant}, id LIMIT :n FOR UPDATE"
        ),
        {"p": after[0], "i": after[1], "n": batch},
    ).all()
    done = 0
    for row in rows:
        if deps.ring.is_primary(row.value):
            continue
        place = seal_place(where.table, where.column, where.row_key(row))
        session.execute(
            text(
                f"UPDATE {where.table} SET {where.column} = :v"
                f" WHERE {where.tenant} = :p AND id = :i"
            ),
            {
                "v": deps.ring.seal(deps.ring.open(row.value, place), place),
                "p": row.provider_id,
                "i": row.id,
            },
        )
        done += 1
    last = (rows[-1].provider_id, rows[-1].id) if rows else after
    return last, done, len(rows) == batch
