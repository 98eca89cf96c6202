"""Matching one bill with our books: find, name, write down. Run again, it changes nothing.

What is not in the files of the day is looked up by number, of whatever day it is: a refund of last
month's payment, a payment that one clock has before midnight and the other after it.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import Conflict
from gateways.bill_rows import open_duck
from models.bill import Bill, BillStatus, BillSubject, DifferenceKind
from models.merchant import Merchant, Store
from services.bills import comparing, ours, recording
from services.bills.comparing import Difference, Known, Pair
from services.bills.fetching import fetch_bill, find_bill, take
from services.bills.files import rows_file, workplace
from services.cards import agreement
from services.deps import Deps
from services.leases import holds, release
from services.merchants.prefixes import allowed

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)

READABLE = (BillStatus.LOADED, BillStatus.EMPTY, BillStatus.MATCHED)
MOST_CASES = 20_000  # of one bill: past it something is wrong as a whole


@dataclass(frozen=True, slots=True)
class MatchReport:
    """What one match found. `differences` counts all of them, whether or not a case is new."""

    bill_id: int
    trades: int
    refunds: int
    differences: dict[DifferenceKind, int]
    new_cases: int
    healed: int  # cases that vanished
    waiting: int  # close to midnight: the neighbouring day's bill decides
    elsewhere: int  # rows of an Alipay merchant's own other tills

    @property
    def is_clean(self) -> bool:
        return not self.differences


@dataclass
class Findings:
    """What a match has found so far."""

    differences: list[Difference] = field(default_factory=list)
    counts: dict[DifferenceKind, int] = field(default_factory=dict)
    strays: list[tuple[BillSubject, str]] = field(default_factory=list)
    payees: list[dict[str, object]] = field(default_factory=list)
    elsewhere: int = 0

    def add(self, found: Difference | None) -> None:
        if found is None:
            return
        self.counts[found.kind] = self.counts.get(found.kind, 0) + 1
        if len(self.differences) < MOST_CASES:
            self.differences.append(found)

    def take_off(self, kind: DifferenceKind, count: int) -> None:
        """So many of them turned out to be none."""
        left = self.counts.pop(kind, 0) - count
        if left:
            self.counts[kind] = left

    @property
    def is_whole(self) -> bool:
        return sum(self.counts.values()) == len(self.differences)


def match_bill(deps: Deps, bill_id: int) -> MatchReport:
    """Compare a loaded bill with our payments and refunds of its day; each difference is a case.

    Fetches the bill again where this machine has not its rows. Raises NotFound, and Conflict for a
    bill that is not loaded or that another process is at.
    """
    bill = _readable(deps, bill_id)
    held = take(deps, bill_id)
    try:
        rows = _rows(deps, bill)
        found = _compare(deps, bill, rows)

        def unit(session: Session) -> MatchReport:
            if not holds(session, held):
                raise Conflict(f"bill {bill_id} has moved on")
            return _write(session, deps, bill_id, found)

        return deps.transact(unit)
    finally:
        release(deps, held)


def _readable(deps: Deps, bill_id: int) -> Bill:
    bill = deps.transact(lambda s: find_bill(s, bill_id))
    if bill.status in READABLE and bill.rows_name is not None and _rows(deps, bill) is None:
        fetch_bill(deps, bill_id)  # another machine has the rows, or they are older than we keep
        bill = deps.transact(lambda s: find_bill(s, bill_id))
    if bill.status not in READABLE:
        raise Conflict(f"bill {bill_id} is {bill.status}")
    return bill


def _rows(deps: Deps, bill: Bill) -> Path | None:
    if bill.rows_name is None:
        return None
    path = rows_file(deps.settings, bill.provider_id, bill.rows_name)
    return path if path.exists() else None


def _compare(deps: Deps, bill: Bill, rows: Path | None) -> Findings:
    found = Findings()
    if agreement.is_of(bill):
        for one in agreement.compare(deps, bill):
            found.add(one)
        return found
    known = deps.transact(lambda s: _known(s, bill))
    with workplace(deps.settings) as folder:
        mine = ours.export(deps, bill, folder)
        if rows is not None:
            rows = _beside(rows, folder)
        with open_duck(folder, deps.settings.bill_memory_mb) as duck:
            for subject, path in mine.items():
                pairs = comparing.unlike(duck, rows, comparing.pack(duck, path), subject)
                _pairs(deps, bill, subject, pairs, known, found)
                for theirs, times in comparing.twice(duck, rows, subject):
                    found.add(comparing.name_twice(subject, theirs, times))
            _revoked(deps, bill, duck, rows, known, found)
            found.payees = list(comparing.by_payee(duck, rows))
    _drop_strays(deps, bill, found)
    _drop_reversals(found)
    return found


def _beside(rows: Path, folder: Path) -> Path:
    """The engine sees one folder only."""
    linked = folder / "bill.parquet"
    try:
        linked.hardlink_to(rows)
    except OSError:  # a file system without
        shutil.copyfile(rows, linked)
    return linked


def _known(session: Session, bill: Bill) -> Known:
    mine = Merchant.provider_id == bill.provider_id
    if bill.merchant_id is None:
        every = [
            *session.scalars(select(Merchant.wechat_sub_mchid).where(mine)),
            *session.scalars(
                select(Store.wechat_sub_mchid).where(
                    Store.provider_id == bill.provider_id, Store.wechat_sub_mchid.is_not(None)
                )
            ),
        ]
        return Known(frozenset(payee for payee in every if payee))
    merchant = session.scalar(select(Merchant).where(mine, Merchant.id == bill.merchant_id))
    return Known(frozenset({bill.account}), allowed(merchant) if merchant is not None else ())


def _pairs(
    deps: Deps,
    bill: Bill,
    subject: BillSubject,
    pairs: Iterator[Pair],
    known: Known,
    found: Findings,
) -> None:
    seen: set[str] = set()
    while batch := list(islice(pairs, ours.BATCH)):
        others = ours.find(deps, bill, subject, comparing.numbers(batch))
        for theirs, own in batch:
            if theirs is not None:
                if theirs.number in seen:  # twice in the bill: told once, and as that
                    continue
                seen.add(theirs.number)
                own = own or others.get(theirs.number)
                if own is not None and own.day:
                    found.strays.append((subject, theirs.number))
                elif own is None and comparing.is_elsewhere(theirs, known):
                    found.elsewhere += 1
                    continue
            found.add(comparing.name_it(subject, theirs, own, known))


def _revoked(
    deps: Deps,
    bill: Bill,
    duck: duckdb.DuckDBPyConnection,
    rows: Path | None,
    known: Known,
    found: Findings,
) -> None:
    told = comparing.revoked(duck, rows)
    mine = ours.find(deps, bill, BillSubject.TRADE, [theirs.number for theirs in told])
    for theirs in told:
        found.add(comparing.name_revoked(theirs, mine.get(theirs.number), known))


_STRAYS = text("""
SELECT s.number FROM bill_stray s JOIN bill b ON b.provider_id = s.provider_id AND b.id = s.bill_id
WHERE s.provider_id = :p AND s.subject = :subject AND s.number = ANY(:numbers) AND s.bill_id <> :id
    AND b.channel = :c AND b.account = :account
""")


def _drop_strays(deps: Deps, bill: Bill, found: Findings) -> None:
    """What another day's bill has is not missing in this one."""
    for subject in BillSubject:
        missing = [
            one.number
            for one in found.differences
            if one.kind is DifferenceKind.MISSING_THERE and one.subject is subject
        ]
        values = {
            "p": bill.provider_id,
            "subject": subject.value,
            "numbers": missing,
            "id": bill.id,
            "c": bill.channel,
            "account": bill.account,
        }
        there = set(deps.transact(lambda s, v=values: s.scalars(_STRAYS, v).all()))  # type: ignore[misc]
        kept = [
            one
            for one in found.differences
            if not (
                one.kind is DifferenceKind.MISSING_THERE
                and one.subject is subject
                and one.number in there
            )
        ]
        found.take_off(DifferenceKind.MISSING_THERE, len(found.differences) - len(kept))
        found.differences = kept


def _drop_reversals(found: Findings) -> None:
    """What a till took back, the bill has as a payment and a refund: nothing differs."""
    taken_back = comparing.halves(found.differences)
    kept = []
    for one in found.differences:
        is_half = one.facts.get("out_trade_no", one.number) in taken_back
        if is_half:
            found.take_off(one.kind, 1)
        else:
            kept.append(one)
    found.differences = kept


def _write(session: Session, deps: Deps, bill_id: int, found: Findings) -> MatchReport:
    bill, now = find_bill(session, bill_id, lock=True), deps.now()
    bill.rounds += 1
    recording.replace_payees(session, bill, found.payees)
    recording.replace_strays(session, bill, found.strays)
    neighbours = recording.neighbours(session, bill)
    new = recording.write_cases(session, bill, found.differences, neighbours, now)
    healed = recording.heal_vanished(session, bill, now) if found.is_whole else 0
    healed += recording.settle_waiting(session, bill, neighbours, now)
    bill.status, bill.due_at, bill.tries = BillStatus.MATCHED, None, 0
    bill.matched_at, bill.elsewhere = now, found.elsewhere
    waiting = recording.count_waiting(found.differences, neighbours)
    found.take_off(DifferenceKind.MISSING_THERE, waiting)
    bill.differences = sum(found.counts.values())
    session.flush()
    facts = {"bill": bill_id, "differences": bill.differences, "new": new, "healed": healed}
    (log.warning if bill.differences else log.info)("bill matched", extra=facts)
    return MatchReport(
        bill_id, bill.trades, bill.refunds, found.counts, new, healed, waiting, found.elsewhere
    )
