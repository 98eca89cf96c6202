"""What `readyz` looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services.deps import Deps
from services.ledger_chain import unsealed_since
from services.ledger_nightly import broken
from services.oa.health import warnings as oa_warnings
from services.restored import unfinished_since
from services.watchlist import silent_accounts

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations" / "versions"
SILENT_AFTER = timedelta(seconds=15)
UNSEALED_AFTER = timedelta(minutes=2)


@dataclass
class Report:
    checks: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        return all(said == "ok" for said in self.checks.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "ready" if self.is_ready else "not ready",
            "checks": self.checks,
            "warnings": self.warnings,
        }


@cache
def newest_migration() -> str:
    return max(path.name.split("_")[0] for path in MIGRATIONS.glob("[0-9]*.py"))


def check(deps: Deps) -> Report:
    report = Report()
    try:
        version, owns, seen = deps.transact(_look)
        silent = deps.transact(lambda s: silent_accounts(s, deps)) if version else []
        lost = deps.transact(unfinished_since) if version == newest_migration() else None
        if version == newest_migration():
            report.warnings += deps.transact(lambda s: _ledger(s, deps))
            report.warnings += deps.transact(lambda s: oa_warnings(s, deps))
    except SQLAlchemyError:
        report.checks["database"] = "no answer"
        return report
    report.checks["database"] = "ok"
    newest = newest_migration()
    report.checks["migrations"] = "ok" if version == newest else f"at {version}, needs {newest}"
    alive = seen is not None and deps.now() - seen < SILENT_AFTER
    report.checks["worker"] = "ok" if alive else "no heartbeat for 15 s: start `flask worker`"
    for account in silent:
        report.warnings.append(
            f"{account.departures} payers of {account.out_mch_id} left for {account.channel} and"
            " none came back: is its account expired or without scope (10005)?"
        )
    if lost is not None:
        report.warnings.append(
            f"a backup of {lost:%F %T}Z was restored and refunds wait: run `flask orders resync`"
        )
    if owns:
        report.warnings.append("the serving role owns tables: set MIGRATE_DATABASE_URL")
    return report


def _ledger(session: Session, deps: Deps) -> list[str]:
    words = [
        f"{case.out_trade_no}: the ledger is not what was written, see `flask ledger verify`"
        for case in broken(session)
    ]
    since = unsealed_since(session)
    if since is not None and deps.now() - since > UNSEALED_AFTER:
        words.append(f"ledger entries wait for their seal since {since:%F %T}Z: is a worker alive?")
    return words


def _look(session: Session) -> tuple[str | None, bool, Any]:
    has = session.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not has:
        return None, False, None
    version = session.scalar(text("SELECT version_num FROM alembic_version"))
    owns = bool(
        session.scalar(
            text(
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
                " AND tableowner = current_user"
            )
        )
    )
    return version, owns, session.scalar(text("SELECT max(seen_at) FROM heartbeat"))
