"""Is the ledger what was written? Every entry, seal, balance and sum, seen at one moment.

One pass over entries and seals in the order of entries, as PostgreSQL can read both without
sorting; chains are followed from it, since sealing keeps nearly that order. Memory grows with the
number of cards, not of entries. Payments go on meanwhile.
"""

from __future__ import annotations

import logging
import re
from binascii import unhexlify
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import digest
from typing import Any

from psycopg import Cursor
from psycopg.sql import SQL, Composed
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.db import raw
from services import ledger_heads, ledger_sums
from services.deps import Deps
from services.ledger_chain import ENTRY, START, ledger_key
from services.ledger_heads import Known, Place

log = logging.getLogger(__name__)

NAMED = 20  # findings of one merchant that are written out; the rest is counted
WAITS = 300_000  # seals that may be out of order before one that is missing counts as removed
NONE = b"\\N"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: a merchant (0: the heads file) and the row's name."""

    place: Place
    words: str


@dataclass
class Report:
    """`unsealed` entries are counted, not trusted: nothing proves them yet."""

    entries: int = 0
    unsealed: int = 0
    cards: int = 0
    chains: int = 0
    findings: list[Finding] = field(default_factory=list)
    more: Counter[Place] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    def find(self, place: Place, words: str) -> None:
        self.more[place] += 1
        if self.more[place] <= NAMED:
            self.findings.append(Finding(place, words))

    @property
    def is_whole(self) -> bool:
        return not self.findings


def verify(deps: Deps, merchant: Place | None = None) -> Report:
    """Check all, or one merchant's; what is found is logged, too."""
    known = ledger_heads.read(deps.settings, deps.ring)  # first: it can only be older
    report = deps.transact(lambda s: _verify(s, ledger_key(deps.ring), known, merchant))
    _judge_file(report, known, deps.now())
    for one in report.findings[:50]:
        log.error("ledger differs", extra={"merchant": one.place[1], "finding": one.words})
    return report


def names(deps: Deps) -> dict[Place, str]:
    """Every merchant's `out_sub_mch_id`."""
    asked = text("SELECT provider_id, id, out_sub_mch_id FROM merchant ORDER BY provider_id, id")
    rows = deps.transact(lambda s: s.execute(asked).all())
    return {(row.provider_id, row.id): row.out_sub_mch_id for row in rows}


def _verify(session: Session, key: bytes, known: Known, merchant: Place | None) -> Report:
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    session.execute(text("SET LOCAL enable_hashjoin = off"))  # or ten million rows are sorted
    pass_ = _Pass(key, known, Report())
    for line in _lines(session, merchant):
        pass_.take(line)
    pass_.end(_wanted(known, merchant))
    ledger_sums.check(session, pass_.report.find, pass_.balances, merchant)
    _check_ends(session, pass_, merchant)
    return pass_.report


def _wanted(known: Known, merchant: Place | None) -> Iterator[Place]:
    return (place for place in known.heads if merchant in (None, place))


def _lines(session: Session, merchant: Place | None) -> Iterator[bytes]:
    with raw(session).cursor().copy(asked(raw(session).cursor(), merchant)) as rows:
        yield from rows


def asked(cursor: Cursor[Any], merchant: Place | None) -> Composed:
    """COPY of every entry beside its seal, either missing where there is none, in their order.

    Two indexes merged come in that order by themselves. The planner does not see that and would
    sort ten million rows before it sends the first one, so it is told to sort only where its plan
    is another one.
    """
    rows = _joined(merchant)
    plan = cursor.execute(SQL("EXPLAIN (FORMAT JSON) {}").format(rows)).fetchone()
    assert plan is not None
    order = SQL("") if _comes_in_order(plan[0][0]["Plan"]) else _ORDER
    return SQL("COPY ({rows}{order}) TO STDOUT").format(rows=rows, order=order)


_ORDER = SQL(" ORDER BY COALESCE(e.provider_id, s.provider_id), COALESCE(e.id, s.entry_id)")


def _comes_in_order(plan: Mapping[str, Any]) -> bool:
    """Whether this is the merge of both tables by (provider_id, id), ascending, and nothing else.

    A condition that begins with the provider says by which index order it merges.
    """
    condition = re.compile(
        r"\(\(\w+\.provider_id = \w+\.provider_id\) AND \(\w+\.\w+ = \w+\.\w+\)\)"
    )
    return (
        plan["Node Type"] == "Merge Join"
        and condition.fullmatch(plan.get("Merge Cond", "")) is not None
        and all(part.get("Scan Direction") == "Forward" for part in plan["Plans"])
    )


def _joined(merchant: Place | None) -> Composed:
    where: SQL | Composed = SQL("")
    if merchant is not None:
        where = SQL("WHERE provider_id = {} AND merchant_id = {}").format(*merchant)
    return SQL(
        "SELECT s.provider_id, s.merchant_id, s.entry_id, s.seq, encode(s.mac, 'hex'),"
        " {entry} FROM (SELECT * FROM ledger_entry {where}) e"
        " FULL JOIN (SELECT * FROM ledger_seal {where}) s"
        " ON s.provider_id = e.provider_id AND s.entry_id = e.id"
    ).format(entry=SQL(ENTRY), where=where)


@dataclass
class _Chain:
    """A chain as far as it was followed. `before` is None where the seal before is missing."""

    next: int = 1
    before: bytes | None = START
    waiting: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)


class _Pass:
    """One pass over all lines. `balances` is the sum of each card's parts so far."""

    def __init__(self, key: bytes, known: Known, report: Report) -> None:
        self.report = report
        self.balances: dict[bytes, int] = {}  # provider, merchant, card, account, as in a line
        self.chains: dict[Place, _Chain] = {}
        self.unsealed: dict[bytes, Place] = {}  # provider and key of a movement
        self._open: dict[bytes, int] = {}  # movements whose entries do not sum to zero so far
        self._key = key
        self._known = known
        self._chain_of: dict[bytes, tuple[Place, _Chain]] = {}

    def take(self, line: bytes) -> None:
        provider, merchant, _, seq, seal, entry = bytes(line).rstrip(b"\n").split(b"\t", 5)
        if entry.startswith(NONE):
            self._removed(line)
            return
        self._add_up(entry)
        if seq == NONE:
            self._unsealed(entry)
            return
        name = provider + b"\t" + merchant
        found = self._chain_of.get(name)
        if found is None:
            found = self._begin(name)
        place, chain = found
        number = int(seq)
        if number != chain.next:
            self._out_of_order(place, chain, number, seal, entry)
            return
        self._follow(place, chain, seal, entry)
        while chain.next in chain.waiting:
            self._follow(place, chain, *chain.waiting.pop(chain.next))

    # --- one entry --------------------------------------------------------------------------------

    def _add_up(self, entry: bytes) -> None:
        """The entry's own balance, and its movement's sum."""
        self.report.entries += 1
        provider, merchant, card, account, key, delta, after, _ = entry.split(b"\t", 7)
        fen = int(delta)
        if after != NONE:
            part = b"\t".join((provider, merchant, card, account))
            now = self.balances.get(part, 0) + fen
            if now != int(after):
                self.report.find(
                    _place(provider, merchant),
                    f"{name_of(entry)}: it says {int(after)} fen are left, the entries before it"
                    f" make {now}",
                )
                now = int(after)
            self.balances[part] = now
        movement = provider + b"\t" + merchant + b"\t" + key
        left = self._open.pop(movement, 0) + fen
        if left:
            self._open[movement] = left

    def _unsealed(self, entry: bytes) -> None:
        provider, merchant, _, _, key, _ = entry.split(b"\t", 5)
        self.report.unsealed += 1
        self.unsealed.setdefault(provider + b"\t" + key, _place(provider, merchant))

    def _removed(self, line: bytes) -> None:
        provider, merchant, entry_id, seq, seal, _ = bytes(line).split(b"\t", 5)
        place, chain = self._chain_of.get(provider + b"\t" + merchant) or self._begin(
            provider + b"\t" + merchant
        )
        self.report.find(
            place, f"entry {int(entry_id)}: removed; its seal, number {int(seq)}, is still there"
        )
        chain.waiting[int(seq)] = (seal, b"")  # the chain goes on after it
        while chain.next in chain.waiting:
            self._follow(place, chain, *chain.waiting.pop(chain.next))

    # --- its chain --------------------------------------------------------------------------------

    def _begin(self, name: bytes) -> tuple[Place, _Chain]:
        place = _place(*name.split(b"\t"))
        self.chains[place] = chain = _Chain()
        self._chain_of[name] = (place, chain)
        return place, chain

    def _follow(self, place: Place, chain: _Chain, seal: bytes, entry: bytes) -> None:
        """The next seal. One that does not fit is named, and the next is judged by what it says."""
        mac = unhexlify(seal)
        before = chain.before
        if before is not None and entry and digest(self._key, before + entry, "sha256") != mac:
            self.report.find(
                place,
                f"{name_of(entry)}: changed, moved or inserted: seal {chain.next} does not fit",
            )
        head = self._known.heads.get(place)
        if head is not None and head.seq == chain.next and head.mac != mac:
            self.report.find(
                place,
                f"{name_of(entry)}: seal {chain.next} is not the one that the heads file has since"
                f" {head.at:%F %T}Z: the chain was written anew",
            )
        chain.before = mac
        chain.next += 1

    def _out_of_order(
        self, place: Place, chain: _Chain, number: int, seal: bytes, entry: bytes
    ) -> None:
        if number < chain.next:
            self.report.find(place, f"{name_of(entry)}: its seal's number {number} is taken")
            return
        chain.waiting[number] = (seal, entry)
        if len(chain.waiting) > WAITS:
            self._jump(place, chain)

    def _jump(self, place: Place, chain: _Chain) -> None:
        """Seals before the first that waits are gone."""
        first = min(chain.waiting)
        gone = f"{chain.next}" if first == chain.next + 1 else f"{chain.next} to {first - 1}"
        self.report.find(
            place,
            f"{name_of(chain.waiting[first][1])}: entries removed before it: seals {gone} are"
            " missing",
        )
        chain.next, chain.before = first, None
        while chain.next in chain.waiting:
            self._follow(place, chain, *chain.waiting.pop(chain.next))

    # --- the end ----------------------------------------------------------------------------------

    def end(self, wanted: Iterator[Place]) -> None:
        for place, chain in sorted(self.chains.items()):
            while chain.waiting:
                self._jump(place, chain)
        for movement, left in sorted(self._open.items()):
            provider, merchant, key = movement.split(b"\t", 2)
            self.report.find(
                _place(provider, merchant), f"movement {key.decode()}: its entries make {left} fen"
            )
        for place in wanted:
            self._check_known(place)
        self.report.chains = len(self.chains)

    def _check_known(self, place: Place) -> None:
        head, chain = self._known.heads[place], self.chains.get(place, _Chain())
        if chain.next <= head.seq:
            self.report.find(
                place,
                f"the chain ends at seal {chain.next - 1}, on {head.at:%F %T}Z it had {head.seq}:"
                " its newest entries were removed (or a backup restored: `flask ledger heads"
                " --restored`)",
            )
        if place in self._known.forked:
            lost = self._known.forked[place]
            self.report.find(
                place,
                f"seal {lost.seq} of {lost.at:%F %T}Z was gone when a later line of the heads file"
                " was written: entries were removed, and others made since",
            )


def _place(provider: bytes, merchant: bytes) -> Place:
    return int(provider), int(merchant)


def name_of(entry: bytes) -> str:
    """An entry as a person finds it again."""
    if not entry:
        return "an entry that was removed"
    _, _, card, account, key, delta, _, entry_id, _ = entry.split(b"\t", 8)
    fen = int(delta)
    return (
        f"entry {int(entry_id)} ({key.decode()}, card {int(card)}, {account.decode()} {fen:+d} fen)"
    )


_TAILS = "SELECT provider_id, merchant_id, key FROM ledger_tail {where} ORDER BY provider_id, id"
_ENDS = "SELECT provider_id, merchant_id, seq, mac FROM ledger_head {where} ORDER BY 1, 2"


def _check_ends(session: Session, pass_: _Pass, merchant: Place | None) -> None:
    """What waits for its seal, and where the database itself believes each chain to end."""
    where = "WHERE provider_id = :p AND merchant_id = :m" if merchant else ""
    values = {"p": merchant[0], "m": merchant[1]} if merchant else {}
    report, unsealed = pass_.report, dict(pass_.unsealed)
    for row in session.execute(text(_TAILS.format(where=where)), values):
        if unsealed.pop(f"{row.provider_id}\t{row.key}".encode(), None) is None:
            report.find(
                (row.provider_id, row.merchant_id),
                f"movement {row.key}: waits for its seal, and its entries are gone or sealed",
            )
    for movement, place in sorted(unsealed.items()):
        key = movement.split(b"\t", 1)[1].decode()
        report.find(place, f"movement {key}: not sealed and not waiting: inserted by other hands")
    ends = {}
    for row in session.execute(text(_ENDS.format(where=where)), values):
        ends[row.provider_id, row.merchant_id] = (row.seq, bytes(row.mac) or START)
    for place in sorted(ends.keys() | pass_.chains.keys()):
        chain = pass_.chains.get(place, _Chain())
        seq, mac = ends.get(place, (0, START))
        if (seq, mac) != (chain.next - 1, chain.before):
            report.find(
                place,
                f"the chain ends at seal {chain.next - 1}, its head says {seq}: one of them was"
                " changed",
            )


def _judge_file(report: Report, known: Known, now: datetime) -> None:
    for words in known.problems[:NAMED]:
        report.find((0, 0), f"heads file: {words}")
    if known.last_at is None and report.chains:
        report.warnings.append(
            "no heads file: entries removed from the end of a chain would not be seen"
        )
    elif known.last_at is not None and (now - known.last_at).days >= 2:
        report.warnings.append(f"the heads file's newest line is of {known.last_at:%F %T}Z")
