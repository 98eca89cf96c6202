"""The comparison itself: the engine finds the pairs that are not alike, and rules name them.

Both sides are files; only what differs becomes Python. Every amount is compared to the fen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateways.bill_rows import CSV_BUFFER, quoted, write_rows
from models.bill import BillSubject, DifferenceKind
from services.bills import ours
from services.bills.ours import Ours

if TYPE_CHECKING:
    import duckdb

SHARE = 250_000  # rows that are paired at a time
# A refund's word in the bill is of the morning after; what ours may have become since then.
REFUND_AGREES = {
    "success": ("success",),
    "processing": ("processing", "success", "abnormal", "failed"),
    "failed": ("failed", "void"),
    "abnormal": ("abnormal", "success"),
}


@dataclass(frozen=True, slots=True)
class Theirs:
    """A row of the bill. `fen` is of the order, or of the refund on a refund's row."""

    number: str
    transaction_id: str
    out_trade_no: str
    payee: str
    fen: int
    state: str
    is_foreign: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the bill and our books say differently."""

    kind: DifferenceKind
    subject: BillSubject
    number: str
    payee: str | None = None
    order_id: int | None = None
    bill_fen: int | None = None
    our_fen: int | None = None
    edge: int = 0  # the neighbouring day whose bill may have it
    asks: bool = False  # whether the wallet's answer could settle it
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """Whose rows are expected in this bill. `prefixes`: of an Alipay merchant, who has other tills
    of his own; a number that begins with none of them was never ours."""

    payees: frozenset[str]
    prefixes: tuple[str, ...] = ()


Pair = tuple[Theirs | None, Ours | None]


def pack(duck: duckdb.DuckDBPyConnection, mine: Path) -> Path:
    """Our side as the engine likes it, since it is read once for each share."""
    packed = mine.with_suffix(".parquet")
    write_rows(duck, _ours(mine), packed)
    return packed


def shares(duck: duckdb.DuckDBPyConnection, *sides: Path | None) -> int:
    """Into how many parts the numbers are dealt by their hash: what bounds the memory."""
    rows = [
        duck.execute(f"SELECT count(*) FROM read_parquet({quoted(side)})").fetchone()
        for side in sides
        if side is not None
    ]
    return max((row[0] for row in rows if row), default=0) // SHARE + 1


def unlike(
    duck: duckdb.DuckDBPyConnection, rows: Path | None, mine: Path, subject: BillSubject
) -> Iterator[Pair]:
    """Pairs of the same number that are not alike in every way, in a fixed order.

    `mine` is packed. A share's pairs come in the order of their numbers.
    """
    count = shares(duck, rows, mine)
    for share in range(count):
        yield from _unlike(duck, rows, mine, subject, f"hash(number) % {count} = {share}")


def _unlike(
    duck: duckdb.DuckDBPyConnection,
    rows: Path | None,
    mine: Path,
    subject: BillSubject,
    share: str,
) -> Iterator[Pair]:
    found = duck.execute(
        f"""
        WITH b AS (SELECT * FROM ({_theirs(rows, subject)}) WHERE {share}),
            o AS (SELECT * FROM read_parquet({quoted(mine)}) WHERE {share})
        SELECT b.*, o.* FROM b FULL OUTER JOIN o ON b.number = o.number
        WHERE (b.number IS NULL AND o.day = 0) OR o.number IS NULL OR o.day <> 0
            OR b."foreign" OR b.payee <> o.payee OR b.fen <> o.amount_fen
            OR NOT ({_agrees(subject)})
        ORDER BY COALESCE(b.number, o.number)
        """
    )
    while batch := found.fetchmany(ours.BATCH):
        for row in batch:
            theirs = None if row[0] is None else Theirs(*row[:8])
            own = None if row[8] is None else Ours(*row[8:])
            if theirs is not None or (own is not None and own.day == 0):
                yield theirs, own


def revoked(duck: duckdb.DuckDBPyConnection, rows: Path | None) -> list[Theirs]:
    """Payments that were reversed on the spot: their money came and went."""
    if rows is None:
        return []
    found = duck.execute(_select(rows, BillSubject.TRADE, "state = 'revoked'") + " ORDER BY 1")
    return [Theirs(*row) for row in found.fetchall()]


def twice(
    duck: duckdb.DuckDBPyConnection, rows: Path | None, subject: BillSubject
) -> list[tuple[Theirs, int]]:
    """Numbers that the bill has more than once, each with how often. Hashes find the few."""
    if rows is None:
        return []
    bill = f"({_select(rows, subject, _STANDS[subject])})"
    count = shares(duck, rows)
    told = []
    for share in range(count):
        found = duck.execute(
            f"""
            SELECT any_value(t), count(*) FROM {bill} t WHERE hash(t.number) IN (
                SELECT hash(number) FROM {bill} WHERE hash(number) % {count} = {share}
                GROUP BY 1 HAVING count(*) > 1
            ) GROUP BY t.number HAVING count(*) > 1 ORDER BY t.number
            """
        )
        told += [(Theirs(*row.values()), int(n)) for row, n in found.fetchall()]
    return told


def by_payee(duck: duckdb.DuckDBPyConnection, rows: Path | None) -> list[dict[str, Any]]:
    """A day's sums and fees of each merchant in the bill."""
    if rows is None:
        return []
    found = duck.execute(
        f"""
        SELECT payee, count(*) FILTER (kind = 'trade') AS trades,
            COALESCE(sum(amount_fen) FILTER (kind = 'trade' AND state = 'success'), 0)
                AS trade_fen,
            count(*) FILTER (kind = 'refund') AS refunds,
            COALESCE(sum(refund_fen) FILTER (kind = 'refund'), 0) AS refund_fen,
            sum(fee_millifen) AS fee_millifen
        FROM read_parquet({quoted(rows)}) GROUP BY 1 ORDER BY 1
        """
    )
    names = [column[0] for column in found.description or []]
    return [
        {name: value if name == "payee" else int(value) for name, value in zip(names, row)}  # noqa: B905
        for row in found.fetchall()
    ]


def has(
    duck: duckdb.DuckDBPyConnection, rows: Path | None, subject: BillSubject, number: str
) -> bool:
    """Whether the bill speaks of this number at all."""
    if rows is None:
        return False
    name = "out_trade_no" if subject is BillSubject.TRADE else "out_refund_no"
    query = f"SELECT 1 FROM read_parquet({quoted(rows)}) WHERE kind = ? AND {name} = ? LIMIT 1"
    return duck.execute(query, [subject.value, number]).fetchone() is not None


# --- the engine's halves --------------------------------------------------------------------------

# A payment that was also revoked did not stay: it is looked at apart.
_STANDS = {
    BillSubject.TRADE: "state = 'success' AND out_trade_no NOT IN"
    " (SELECT out_trade_no FROM read_parquet({rows}) WHERE kind = 'trade' AND state = 'revoked')",
    BillSubject.REFUND: "true",
}


def _select(rows: Path, subject: BillSubject, where: str) -> str:
    is_trade = subject is BillSubject.TRADE
    number, reference, fen = (
        ("out_trade_no", "transaction_id", "amount_fen")
        if is_trade
        else ("out_refund_no", "refund_id", "refund_fen")
    )
    source = quoted(rows)
    return (
        f"SELECT {number} AS number, {reference} AS transaction_id, out_trade_no, payee,"
        f' {fen} AS fen, state, "foreign", "at" FROM read_parquet({source})'
        f" WHERE kind = {quoted(subject.value)} AND {where.format(rows=source)}"
    )


def _theirs(rows: Path | None, subject: BillSubject) -> str:
    if rows is None:
        return (
            "SELECT '' AS number, '' AS transaction_id, '' AS out_trade_no, '' AS payee,"
            " 0::BIGINT AS fen, '' AS state, false AS \"foreign\", TIMESTAMP '1970-01-01' AS \"at\""
            " WHERE false"
        )
    return _select(rows, subject, _STANDS[subject])


def _ours(mine: Path) -> str:
    columns = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in ours.COLUMNS)
    return (
        f"SELECT * FROM read_csv({quoted(mine)}, auto_detect=false, header=false, delim=',',"
        f" quote='\"', escape='\"', nullstr='\\0', buffer_size={CSV_BUFFER}, columns={{{columns}}})"
    )


def _agrees(subject: BillSubject) -> str:
    if subject is BillSubject.TRADE:
        return "o.is_done AND b.transaction_id = o.transaction_id"
    pairs = [f"('{a}', '{b}')" for a, many in REFUND_AGREES.items() for b in many]
    return f"(b.state, o.status) IN ({', '.join(pairs)})"


# --- the rules ------------------------------------------------------------------------------------


def name_it(
    subject: BillSubject, theirs: Theirs | None, own: Ours | None, known: Known
) -> Difference | None:
    """What is different about one number, if anything is."""
    if theirs is None:
        assert own is not None
        return _only_ours(subject, own)
    if own is None:
        return _only_theirs(subject, theirs, known)
    kind = _kind(subject, theirs, own)
    if kind is None:
        return None
    made = _difference(kind, subject, theirs, own, asks=kind is DifferenceKind.STATE)
    if own.is_reversed:
        made.facts["reversed"] = True
    return made


def halves(found: Iterable[Difference]) -> set[str]:
    """Numbers of reversed payments of which this bill has both halves, what came and what went:
    Alipay's bill tells them apart, and neither is a difference."""
    several = list(found)
    back: Counter[str] = Counter()
    for one in several:
        if one.subject is BillSubject.REFUND and one.kind is DifferenceKind.MISSING_HERE:
            back[str(one.facts.get("out_trade_no"))] += one.bill_fen or 0
    return {
        one.number
        for one in several
        if one.subject is BillSubject.TRADE
        and one.facts.get("reversed")
        and one.bill_fen == one.our_fen == back[one.number]
    }


def name_revoked(theirs: Theirs, own: Ours | None, known: Known) -> Difference | None:
    """A reversed payment differs only where we have it as paid, or where it is a stranger's."""
    if own is None:
        is_strange = theirs.is_foreign or theirs.payee not in known.payees
        foreign = DifferenceKind.FOREIGN
        return _difference(foreign, BillSubject.TRADE, theirs, None) if is_strange else None
    if not own.is_done:
        return None
    return _difference(DifferenceKind.STATE, BillSubject.TRADE, theirs, own, asks=True)


def name_twice(subject: BillSubject, theirs: Theirs, times: int) -> Difference:
    made = _difference(DifferenceKind.DUPLICATE, subject, theirs, None)
    made.facts["times"] = times
    return made


def is_elsewhere(theirs: Theirs, known: Known) -> bool:
    """Whether a row that we lack is of the merchant's own other tills."""
    return bool(known.prefixes) and not theirs.out_trade_no.startswith(known.prefixes)


def _kind(subject: BillSubject, theirs: Theirs, own: Ours) -> DifferenceKind | None:
    if theirs.is_foreign or theirs.payee != own.payee:
        return DifferenceKind.FOREIGN
    if theirs.fen != own.amount_fen:
        return DifferenceKind.AMOUNT
    if subject is BillSubject.REFUND:
        agrees = own.status in REFUND_AGREES.get(theirs.state, ())
    else:
        agrees = own.is_done and own.transaction_id == theirs.transaction_id
    return None if agrees else DifferenceKind.STATE


def _only_theirs(subject: BillSubject, theirs: Theirs, known: Known) -> Difference:
    is_strange = theirs.is_foreign or theirs.payee not in known.payees
    kind = DifferenceKind.FOREIGN if is_strange else DifferenceKind.MISSING_HERE
    return _difference(kind, subject, theirs, None, asks=not is_strange)


def _only_ours(subject: BillSubject, own: Ours) -> Difference:
    return Difference(
        DifferenceKind.MISSING_THERE,
        subject,
        own.number,
        payee=own.payee,
        order_id=own.order_id,
        our_fen=own.amount_fen,
        edge=own.edge,
        asks=True,
        facts={"ours": own.status},
    )


def _difference(
    kind: DifferenceKind,
    subject: BillSubject,
    theirs: Theirs,
    own: Ours | None,
    *,
    asks: bool = False,
) -> Difference:
    facts: dict[str, Any] = {
        "out_trade_no": theirs.out_trade_no,
        "transaction_id": theirs.transaction_id,
        "theirs": theirs.state,
        "bill_at": theirs.at.isoformat(),
    }
    if own is not None:
        facts |= {"ours": own.status, "our_payee": own.payee}
        facts["our_transaction_id"] = own.transaction_id
    return Difference(
        kind,
        subject,
        theirs.number,
        payee=theirs.payee[:32],
        order_id=None if own is None else own.order_id,
        bill_fen=theirs.fen,
        our_fen=None if own is None else own.amount_fen,
        asks=asks,
        facts=facts,
    )


def numbers(pairs: Iterable[Pair]) -> list[str]:
    """Of the rows that the files of the day did not pair."""
    return [theirs.number for theirs, own in pairs if theirs is not None and own is None]
