"""Bills that are not as the books: what a test plants, in one switch a wallet.

`wechat.bill_lies` and `alipay.bill_lies` hold lies about the first provider's bill and the first
merchant's, one after another with `;` between, each its
words with `:` between. Rows are told by our number, of the trade or of the refund:

    drop:NUMBER            the row is missing
    amount:NUMBER:FEN      the row says so many fen more
    duplicate:NUMBER       the row stands there twice
    state:NUMBER:WORD      the row's state is another (WeChat)
    payee:NUMBER:MCHID     the row is another merchant's
    extra:NUMBER:FEN       a payment that no book has
    total:FEN              the totals are so many fen off
    hash  cut  short       the hash is wrong; the end of the file is missing; a row lacks a cell
    without:NAME  with:NAME   a column is missing; there is one more
    bom  crlf  encoding:NAME  spelled otherwise
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Row = dict[str, str]
ROW_LIES = ("drop", "amount", "duplicate", "state", "payee", "extra")
FILE_LIES = ("total", "hash", "cut", "short", "without", "with", "bom", "crlf", "encoding")


@dataclass(frozen=True)
class Columns:
    """Where one wallet's bill has what a lie changes."""

    trade: str  # our number of the payment
    refund: str  # our number of the refund
    paid: str  # yuan of a payment
    refunded: str  # yuan of a refund
    payee: str = ""
    state: str = ""


class Lies:
    """What one switch says. ValueError for a word that is none."""

    def __init__(self, text: str) -> None:
        self.told = [tuple(lie.strip().split(":")) for lie in text.split(";") if lie.strip()]
        for lie in self.told:
            if lie[0] not in ROW_LIES + FILE_LIES:
                raise ValueError(f"{lie[0]} is no lie; known: {', '.join(ROW_LIES + FILE_LIES)}")

    def has(self, name: str) -> bool:
        return any(lie[0] == name for lie in self.told)

    def value(self, name: str) -> str:
        """The first such lie's word, or nothing."""
        return next((lie[1] for lie in self.told if lie[0] == name), "")

    def values(self, name: str) -> list[str]:
        return [lie[1] for lie in self.told if lie[0] == name]

    def rows(self, rows: list[Row], columns: Columns, made: Callable[[str, int], Row]) -> list[Row]:
        """The rows as told; `made` writes a row for a payment that no book has."""
        for lie in self.told:
            if lie[0] == "extra":
                rows = [*rows, made(lie[1], int(lie[2]))]
            elif lie[0] in ROW_LIES:
                rows = [new for row in rows for new in _told(row, lie, columns)]
        return rows


def _told(row: Row, lie: tuple[str, ...], columns: Columns) -> list[Row]:
    kind, number, *more = lie
    is_refund = number_of(row, columns.refund) not in ("", "0")
    if number_of(row, columns.refund if is_refund else columns.trade) != number:
        return [row]
    if kind == "drop":
        return []
    if kind == "duplicate":
        return [row, dict(row)]
    if kind == "amount":
        column = columns.refunded if is_refund else columns.paid
        return [row | {column: more_fen(row[column], int(more[0]))}]
    return [row | {columns.payee if kind == "payee" else columns.state: more[0]}]


def number_of(row: Row, column: str) -> str:
    return row[column].strip()


def more_fen(yuan: str, fen: int) -> str:
    """Yuan with two places, so many fen further from nothing."""
    sign = "-" if yuan.startswith("-") else ""
    whole, _, cents = yuan.lstrip("-").partition(".")
    made = int(whole) * 100 + int(cents) + fen
    return f"{sign}{made // 100}.{made % 100:02d}"


def bill_day(text: str) -> str:
    """The China day of a time as the books spell it."""
    return text[:10]
