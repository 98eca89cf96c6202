"""What the tables of the console say, read out of its pages, and what the orders say."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from tests.harness.product import Product

ROW = re.compile(r"<tr>(.*?)</tr>", re.S)
CELL = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.S)
Figures = tuple[int, int, int, int, int]  # paid count, fen, refund count, fen, net


def plain(markup: str) -> str:
    return re.sub(r"<[^>]*>", "", re.sub(r"<small.*?</small>", "", markup)).strip()


def fen(said: str) -> int:
    """Of `¥1,284.50` or `−¥3.00`."""
    figure = re.sub(r"[¥,]", "", plain(said)).replace("−", "-")
    yuan, _, rest = figure.partition(".")
    return int(yuan + rest)


def table(page: str) -> tuple[dict[str, Figures], Figures]:
    """The rows of `/console/figures` by name, and its last line."""
    body = page[page.index('aria-label="明细"') :]
    rows, foot = body.split("<tfoot>")[0], body.split("<tfoot>")[1]
    found = {}
    for row in ROW.findall(rows.split("<tbody>")[1]):
        cells = CELL.findall(row)
        found[plain(cells[0])] = figures(cells)
    return found, figures(CELL.findall(foot))


def figures(cells: list[str]) -> Figures:
    counts = [int(plain(cells[n]).replace(",", "")) for n in (1, 3)]
    paid, back, net = (fen(cells[n]) for n in (2, 4, 5))
    return counts[0], paid, counts[1], back, net


def added(rows: dict[str, Figures]) -> Figures:
    sums = [sum(column) for column in zip(*rows.values(), strict=True)]
    return sums[0], sums[1], sums[2], sums[3], sums[4]


def counted(product: Product, first: date, last: date, where: str = "true", **more: Any) -> Figures:
    """From the orders and refunds themselves, for the demo's main provider."""
    row = product.one(
        "WITH mine AS (SELECT o.* FROM pay_order o WHERE o.provider_id = :p AND o.status = 'paid'"
        f" AND o.channel <> 'balance' AND {where})"
        " SELECT (SELECT count(*) FROM mine WHERE"
        " CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date) BETWEEN :a AND :b) AS n,"
        " (SELECT COALESCE(sum(amount_fen), 0) FROM mine WHERE"
        " CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date) BETWEEN :a AND :b) AS fen,"
        " count(r.id) AS back, COALESCE(sum(r.amount_fen), 0) AS back_fen FROM mine o"
        " JOIN refund r ON r.provider_id = o.provider_id AND r.order_id = o.id"
        " AND r.status = 'success'"
        " AND CAST(r.succeeded_at AT TIME ZONE 'Asia/Shanghai' AS date) BETWEEN :a AND :b",
        p=1, a=first, b=last, **more,
    )  # fmt: skip
    paid, back = int(row.fen), int(row.back_fen)
    return int(row.n), paid, int(row.back), back, paid - back
