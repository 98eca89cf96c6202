"""Reading the audit log: search, pages in both directions, names of who acted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps

PAGE: Final = 50
CHUNK: Final = 1000
_COLUMNS = """
SELECT e.id, e.actor, e.action, e.subject, e.facts, e.created_at, s.seq,
    encode(s.mac, 'hex') AS seal
FROM audit_entry e
LEFT JOIN audit_seal s ON s.provider_id = e.provider_id AND s.entry_id = e.id
WHERE e.provider_id = :p
"""
# One plan per question: a condition that is always true costs the index.
_CONDITIONS: Final = {
    "actor": "e.actor = :actor",
    "action": "e.action = :action",
    "subject": "e.subject LIKE :subject",
    "since": "e.created_at >= :since",
    "until": "e.created_at < :until",
}


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for; empty fields ask for nothing. `subject` is the beginning of one."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def where(self) -> tuple[str, dict[str, Any]]:
        beginning = re.sub(r"([\\%_])", r"\\\1", self.subject) + "%" if self.subject else ""
        asked: dict[str, Any] = {
            "actor": self.actor, "action": self.action, "subject": beginning,
            "since": self.since, "until": self.until,
        }  # fmt: skip
        values = {name: value for name, value in asked.items() if value}
        return "".join(f" AND {_CONDITIONS[name]}" for name in values), values


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the newest first, and whether there are more on either side."""

    rows: Sequence[Any]
    has_newer: bool
    has_older: bool


def read(
    session: Session, provider_id: int, search: Search, *, before: int = 0, after: int = 0
) -> Page:
    """The page of entries older than `before`, or newer than `after`, or the newest."""
    more, values = search.where()
    values |= {"p": provider_id, "before": before, "after": after, "most": PAGE + 1}
    if after:
        order = " AND e.id > :after ORDER BY e.id LIMIT :most"
    else:
        order = (" AND e.id < :before" if before else "") + " ORDER BY e.id DESC LIMIT :most"
    found = list(session.execute(text(_COLUMNS + more + order), values))
    rest, rows = len(found) > PAGE, found[:PAGE]
    if after:
        return Page(rows[::-1], has_newer=rest, has_older=True)
    return Page(rows, has_newer=bool(before), has_older=rest)


def count_up_to(session: Session, provider_id: int, search: Search, most: int) -> int:
    """How many entries a search has, counted no further than `most`."""
    more, values = search.where()
    asked = f"SELECT count(*) FROM (SELECT 1 FROM audit_entry e WHERE e.provider_id = :p{more}"
    values |= {"p": provider_id, "most": most}
    return int(session.scalar(text(asked + " LIMIT :most) counted"), values) or 0)


def every(deps: Deps, provider_id: int, search: Search) -> Iterator[Any]:
    """All entries of a search, the oldest first, a transaction per thousand."""
    more, values = search.where()
    asked = text(_COLUMNS + more + " AND e.id > :after ORDER BY e.id LIMIT :most")
    after = 0
    while True:
        page = {**values, "p": provider_id, "after": after, "most": CHUNK}
        rows = deps.transact(lambda s, page=page: s.execute(asked, page).all())  # type: ignore[misc]
        yield from rows
        if len(rows) < CHUNK:
            return
        after = rows[-1].id


def choices(session: Session, provider_id: int, column: str, most: int = 200) -> list[str]:
    """The distinct actors or actions, one step of the index each."""
    assert column in ("actor", "action")
    found = session.scalars(
        text(
            f"WITH RECURSIVE step AS ((SELECT {column} AS said FROM audit_entry"
            f" WHERE provider_id = :p ORDER BY {column} LIMIT 1) UNION ALL"
            f" SELECT (SELECT {column} FROM audit_entry WHERE provider_id = :p"
            f" AND {column} > step.said ORDER BY {column} LIMIT 1) FROM step"
            " WHERE step.said IS NOT NULL) SELECT said FROM step WHERE said IS NOT NULL LIMIT :most"
        ),
        {"p": provider_id, "most": most},
    )
    return list(found)


_NAMES = {
    "console": "SELECT u.id, u.name FROM console_user u JOIN console_member m ON m.user_id = u.id"
    " WHERE m.provider_id = :p AND u.id = ANY(:ids)",
    "staff": "SELECT id, name FROM staff WHERE provider_id = :p AND id = ANY(:ids)",
    "admin": "SELECT id, name FROM provider_admin WHERE provider_id = :p AND id = ANY(:ids)",
}


def names(session: Session, provider_id: int, actors: set[str]) -> dict[str, str]:
    """Who is behind `console:7`, `staff:3`, `admin:2`, as they are called today."""
    found: dict[str, str] = {}
    for kind, asked in _NAMES.items():
        ids = [int(said) for one in actors if (said := _number(one, kind))]
        if ids:
            rows = session.execute(text(asked), {"p": provider_id, "ids": ids})
            found |= {f"{kind}:{row.id}": row.name for row in rows}
    return found


def _number(actor: str, kind: str) -> str:
    said = actor.removeprefix(f"{kind}:")
    return said if said != actor and said.isdecimal() and len(said) < 16 else ""
