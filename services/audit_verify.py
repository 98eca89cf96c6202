"""Is the audit log what was written? Every entry and seal of a provider, seen at one moment."""

from __future__ import annotations

import logging
from binascii import unhexlify
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from psycopg.sql import SQL
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.db import raw
from models.event import CaseKind
from services import audit_heads
from services.audit_chain import ENTRY, START, audit_key, mac
from services.cases import end_case, open_case
from services.deps import Deps

log = logging.getLogger(__name__)

NAMED: Final = 20  # findings that are kept; the rest is counted
NONE: Final = b"\\N"
CASE: Final = "audit"  # stands where other cases have an order's number


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
    known = {**(also or {}), **known_ends(deps, provider_id)}
    walk = deps.transact(lambda s: go_on(s, deps, provider_id, Walk(), known))
    deps.transact(lambda s: remember(s, deps, provider_id, walk.report))
    return walk.report


def known_ends(deps: Deps, provider_id: int) -> dict[int, bytes]:
    """The seal at the place where the heads file last saw the chain end; {} where it never did."""
    head = audit_heads.read(deps).get(provider_id)
    return {} if head is None else {head[0]: head[1]}


def verify_all(deps: Deps) -> dict[int, Report]:
    """Every provider's, by its id."""
    return {provider_id: verify(deps, provider_id) for provider_id in providers(deps)}


def providers(deps: Deps) -> dict[int, str]:
    """Every provider's `out_mch_id`."""
    asked = text("SELECT id, out_mch_id FROM provider ORDER BY id")
    return {row.id: row.out_mch_id for row in deps.transact(lambda s: s.execute(asked).all())}


@dataclass
class Walk:
    """How far along the chain a check has come: the newest seal that it read."""

    seq: int = 0
    mac: bytes = START
    entry_id: int = 0
    has_missed: bool = False  # a seal that was known is not at its place
    is_over: bool = False
    report: Report = field(default_factory=Report)


def go_on(
    session: Session,
    deps: Deps,
    provider_id: int,
    walk: Walk,
    known: Mapping[int, bytes],
    most: int | None = None,
) -> Walk:
    """The walk as it is after `most` more entries, or at the chain's end; `walk` stays as it was.

    What is behind the end is looked at by whoever comes there, at the same moment as the end.
    """
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    walk = replace(walk, report=replace(walk.report, findings=list(walk.report.findings)))
    before = walk.report.entries
    _follow(session, audit_key(deps.ring), provider_id, walk, known, most)
    if most is None or walk.report.entries - before < most:
        _end(session, provider_id, walk, known)
    return walk


def _follow(
    session: Session,
    key: bytes,
    provider_id: int,
    walk: Walk,
    known: Mapping[int, bytes],
    most: int | None,
) -> None:
    report, since = walk.report, walk.seq
    missed = {seq: seal for seq, seal in known.items() if seq > since}
    for line in _lines(session, provider_id, since, most):
        seq, entry_id, sealed, owner, rest = line.split(b"\t", 4)
        report.entries += 1
        number, seal, row = int(seq), unhexlify(sealed), int(entry_id)
        before: bytes | None = walk.mac
        if number != walk.seq + 1:
            report.find(Broken.GAP, row)
            before = None
        if owner == NONE:
            report.find(Broken.REMOVED, row)
        elif before is not None and mac(key, before, owner + b"\t" + rest) != seal:
            report.find(Broken.CHANGED, row)
        if missed.pop(number, seal) != seal:
            report.find(Broken.CUT, row)
        walk.seq, walk.mac, walk.entry_id = number, seal, row
    walk.has_missed = walk.has_missed or any(seq <= walk.seq for seq in missed)


def _end(session: Session, provider_id: int, walk: Walk, known: Mapping[int, bytes]) -> None:
    walk.is_over = True
    if walk.has_missed or any(seq > walk.seq for seq in known):
        walk.report.find(Broken.CUT, walk.entry_id)
    for row in session.execute(_UNPROVEN, {"p": provider_id}):
        walk.report.unsealed += row.waits
        if not row.waits:
            walk.report.find(Broken.ADDED, row.id)
    for entry_id in session.scalars(_GONE_UNSEALED, {"p": provider_id}):
        walk.report.find(Broken.WAITING, entry_id)
    head = session.execute(_HEAD, {"p": provider_id}).first()
    ends = (0, START) if head is None else (head.seq, bytes(head.mac) or START)
    if ends != (walk.seq, walk.mac):
        walk.report.find(Broken.HEAD, walk.entry_id)


def _lines(session: Session, provider_id: int, after: int, most: int | None) -> Iterator[bytes]:
    asked = SQL(
        "COPY (SELECT s.seq, s.entry_id, encode(s.mac, 'hex'), {entry} FROM audit_seal s"
        " LEFT JOIN audit_entry e ON e.provider_id = s.provider_id AND e.id = s.entry_id"
        " WHERE s.provider_id = {p} AND s.seq > {after} ORDER BY s.seq LIMIT {most}) TO STDOUT"
    ).format(entry=SQL(ENTRY), p=provider_id, after=after, most=most)
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


def remember(session: Session, deps: Deps, provider_id: int, report: Report) -> None:
    """What the pages show until the next check; a chain that does not fit is a case until one
    finds nothing."""
    first, now = report.first, deps.now()
    session.execute(
        text(
            "UPDATE audit_head SET verified_at = :now, verified_count = :n, finding = :f"
            " WHERE provider_id = :p"
        ),
        {"now": now, "n": report.entries, "f": first.words if first else "", "p": provider_id},
    )
    if first is None:
        end_case(session, provider_id, CaseKind.AUDIT_BROKEN, CASE, now)
        return
    log.error("the audit log differs", extra={"provider": provider_id, "finding": first.said})
    open_case(
        session, provider_id=provider_id, kind=CaseKind.AUDIT_BROKEN, out_trade_no=CASE,
        order_id=None, at=now, facts={"count": report.count, "finding": first.words},
    )  # fmt: skip


def last_check(session: Session, provider_id: int) -> object | None:
    """Row with `seq`, `sealed_at`, `verified_at`, `verified_count`, `finding`; None: no chain."""
    return session.execute(
        text(
            "SELECT seq, sealed_at, verified_at, verified_count, finding FROM audit_head"
            " WHERE provider_id = :p"
        ),
        {"p": provider_id},
    ).one_or_none()
