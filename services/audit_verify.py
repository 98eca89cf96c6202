"""Is the audit log what was written? Every entry and seal of a provider, seen at one moment."""

from __future__ import annotations

import logging
from binascii import unhexlify
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from psycopg.sql import SQL
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.db import raw
from services import audit_heads
from services.audit_chain import ENTRY, START, audit_key, mac
from services.deps import Deps

log = logging.getLogger(__name__)

NAMED: Final = 20  # findings that are kept; the rest is counted
NONE: Final = b"\\N"


class Broken(StrEnum):
    """What does not fit, and how a person reads it: English here, Chinese in `WORDS`."""

    CHANGED = "changed"
    REMOVED = "removed"
    GAP = "gap"
    ADDED = "added"
    WAITING = "waiting"
    HEAD = "head"
    CUT = "cut"


WORDS: Final = {
    Broken.CHANGED: ("was changed, or moved", "被改过，或被挪动过"),
    Broken.REMOVED: ("was removed; its seal is still there", "被删除了，只剩下它的封签"),
    Broken.GAP: ("seals before it are missing", "之前的封签缺失"),
    Broken.ADDED: ("was written past the program", "不是由程序写入的"),
    Broken.WAITING: ("was removed before it was sealed", "在封存之前被删除了"),
    Broken.HEAD: ("is not where the chain says that it ends", "之后的链尾对不上"),
    Broken.CUT: (
        "is where the chain leaves what was known of it",
        "与留存的链尾不符：记录被删或被重写",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`entry_id` is the row's number; of a gap the row behind it, of a head the last one."""

    kind: Broken
    entry_id: int

    @property
    def said(self) -> str:
        return f"entry {self.entry_id} {WORDS[self.kind][0]}"

    @property
    def words(self) -> str:
        return f"记录 {self.entry_id} {WORDS[self.kind][1]}"


@dataclass
class Report:
    """`unsealed` entries wait for their seal: nothing proves them yet."""

    entries: int = 0
    unsealed: int = 0
    count: int = 0
    findings: list[Finding] = field(default_factory=list)

    def find(self, kind: Broken, entry_id: int) -> None:
        self.count += 1
        if len(self.findings) < NAMED:
            self.findings.append(Finding(kind, entry_id))

    @property
    def is_whole(self) -> bool:
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """The broken row of the smallest number."""
        return min(self.findings, key=lambda one: one.entry_id, default=None)


def verify(deps: Deps, provider_id: int, also: Mapping[int, bytes] | None = None) -> Report:
    """Check one provider's log, and remember what came of it.

    `also`: seals by their place in the chain that were kept elsewhere, such as in an export.
    """
    known = dict(also or {})
    head = audit_heads.read(deps).get(provider_id)
    if head is not None:
        known[head[0]] = head[1]
    report = deps.transact(lambda s: _verify(s, audit_key(deps.ring), provider_id, known))
    if report.first is not None:
        extra = {"provider": provider_id, "finding": report.first.said}
        log.error("the audit log differs", extra=extra)
    deps.transact(lambda s: _remember(s, deps, provider_id, report))
    return report


def verify_all(deps: Deps) -> dict[int, Report]:
    """Every provider's, by its id."""
    return {provider_id: verify(deps, provider_id) for provider_id in providers(deps)}


def providers(deps: Deps) -> dict[int, str]:
    """Every provider's `out_mch_id`."""
    asked = text("SELECT id, out_mch_id FROM provider ORDER BY id")
    return {row.id: row.out_mch_id for row in deps.transact(lambda s: s.execute(asked).all())}


def _verify(session: Session, key: bytes, provider_id: int, known: Mapping[int, bytes]) -> Report:
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    report = Report()
    last = _follow(session, key, provider_id, known, report)
    for row in session.execute(_UNPROVEN, {"p": provider_id}):
        report.unsealed += row.waits
        if not row.waits:
            report.find(Broken.ADDED, row.id)
    for entry_id in session.scalars(_GONE_UNSEALED, {"p": provider_id}):
        report.find(Broken.WAITING, entry_id)
    head = session.execute(_HEAD, {"p": provider_id}).first()
    ends = (0, START) if head is None else (head.seq, bytes(head.mac) or START)
    if ends != (last.seq, last.mac):
        report.find(Broken.HEAD, last.entry_id)
    return report


@dataclass
class _Last:
    """The newest seal that was read."""

    seq: int = 0
    mac: bytes = START
    entry_id: int = 0


def _follow(
    session: Session, key: bytes, provider_id: int, known: Mapping[int, bytes], report: Report
) -> _Last:
    last, missed = _Last(), dict(known)
    for line in _lines(session, provider_id):
        seq, entry_id, sealed, owner, rest = line.split(b"\t", 4)
        report.entries += 1
        number, seal, row = int(seq), unhexlify(sealed), int(entry_id)
        before: bytes | None = last.mac
        if number != last.seq + 1:
            report.find(Broken.GAP, row)
            before = None
        if owner == NONE:
            report.find(Broken.REMOVED, row)
        elif before is not None and mac(key, before, owner + b"\t" + rest) != seal:
            report.find(Broken.CHANGED, row)
        if missed.pop(number, seal) != seal:
            report.find(Broken.CUT, row)
        last = _Last(number, seal, row)
    if missed:
        report.find(Broken.CUT, last.entry_id)
    return last


def _lines(session: Session, provider_id: int) -> Iterator[bytes]:
    asked = SQL(
        "COPY (SELECT s.seq, s.entry_id, encode(s.mac, 'hex'), {entry} FROM audit_seal s"
        " LEFT JOIN audit_entry e ON e.provider_id = s.provider_id AND e.id = s.entry_id"
        " WHERE s.provider_id = {p} ORDER BY s.seq) TO STDOUT"
    ).format(entry=SQL(ENTRY), p=provider_id)
    with raw(session).cursor().copy(asked) as rows:
        for row in rows:
            yield bytes(row).rstrip(b"\n")


_UNPROVEN = text("""
SELECT e.id, CAST(t.entry_id IS NOT NULL AS integer) AS waits FROM audit_entry e
LEFT JOIN audit_tail t ON t.provider_id = e.provider_id AND t.entry_id = e.id
WHERE e.provider_id = :p AND NOT EXISTS (
    SELECT 1 FROM audit_seal s WHERE s.provider_id = e.provider_id AND s.entry_id = e.id)
ORDER BY e.id
""")
_GONE_UNSEALED = text("""
SELECT t.entry_id FROM audit_tail t WHERE t.provider_id = :p AND NOT EXISTS (
    SELECT 1 FROM audit_entry e WHERE e.provider_id = t.provider_id AND e.id = t.entry_id)
ORDER BY t.entry_id
""")
_HEAD = text("SELECT seq, mac FROM audit_head WHERE provider_id = :p")


def _remember(session: Session, deps: Deps, provider_id: int, report: Report) -> None:
    finding = "" if report.first is None else report.first.words
    session.execute(
        text(
            "UPDATE audit_head SET verified_at = :now, verified_count = :n, finding = :f"
            " WHERE provider_id = :p"
        ),
        {"now": deps.now(), "n": report.entries, "f": finding, "p": provider_id},
    )


def last_check(session: Session, provider_id: int) -> object | None:
    """Row with `seq`, `sealed_at`, `verified_at`, `verified_count`, `finding`; None: no chain."""
    return session.execute(
        text(
            "SELECT seq, sealed_at, verified_at, verified_count, finding FROM audit_head"
            " WHERE provider_id = :p"
        ),
        {"p": provider_id},
    ).one_or_none()
