"""Alipay's bill, a zip of two GBK files, into the normal form. Source: alipay.md 5.2."""

from __future__ import annotations

import csv
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from gateways.base import BillBroken, BillTotals
from gateways.bill_rows import COLUMNS, CSV_BUFFER, open_duck, quoted, write_rows

NEEDED = (
    *("支付宝交易号", "商户订单号", "业务类型", "创建时间", "完成时间", "订单金额（元）"),
    *("商家实收（元）", "退款批次号/请求号", "服务费（元）", "备注"),
)
PAID, BACK = "交易", "退款"
_SUMMARY = "(汇总)"
_NUMBER = re.compile(r"[!-+\--~]{1,64}")
_AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:[.]([0-9]{1,5}))?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_ACCOUNT = re.compile(r"#账号：\[(\d{16})0156\]")
_PAID_TOTAL = re.compile(r"#交易合计：(\d+)笔，商家实收共(-?[0-9.]+)元")
_BACK_TOTAL = re.compile(r"#退款合计：(\d+)笔，商家实收退款共(-?[0-9.]+)元")
_BOM = "\ufeff"
_LONGEST_LINE = 64 << 10


@dataclass
class _Said:
    """What the file's own comment lines say."""

    account: str = ""
    paid: tuple[int, int] | None = None  # rows, thousandths of a fen
    back: tuple[int, int] | None = None


@dataclass
class _Found:
    """What its rows add up to; money in thousandths of a fen, with Alipay's signs."""

    rows: dict[str, int] = field(default_factory=lambda: {PAID: 0, BACK: 0})
    order: dict[str, int] = field(default_factory=lambda: {PAID: 0, BACK: 0})
    settled: dict[str, int] = field(default_factory=lambda: {PAID: 0, BACK: 0})
    fee: int = 0


def read_bill(
    packed: Path, pid: str, into: Path, *, most: int, memory_mb: int
) -> BillTotals | None:
    """Read a whole bill of this merchant and write its rows to `into`; None: it has no row.

    BillBroken for a damaged zip, another account's bill, a missing column, a row that can not be
    read, sums other than its own total lines say. `most`: bytes when unpacked.
    """
    plain, found, said = packed.parent / "alipay.csv", _Found(), _Said()
    with (
        _detail(packed, most) as lines,
        plain.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerows(_rows(lines, pid, found, said))
    _check(found, said, pid)
    if not sum(found.rows.values()):
        return None
    rows = packed.parent / "rows.parquet"
    with open_duck(packed.parent, memory_mb) as duck:
        columns = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in COLUMNS)
        source = f"read_csv({quoted(plain)}, auto_detect=false, header=false, nullstr='\\0',"
        source += f" buffer_size={CSV_BUFFER},"
        write_rows(duck, f"SELECT * FROM {source} columns={{{columns}}})", rows)
    os.replace(rows, into)
    return BillTotals(
        found.rows[PAID],
        found.order[PAID] // 1000,
        found.rows[BACK],
        -found.order[BACK] // 1000,
        -found.fee,
    )


# --- the zip --------------------------------------------------------------------------------------


@contextmanager
def _detail(packed: Path, most: int) -> Iterator[Iterator[str]]:
    """The lines of the detail file, decoded, within `most` bytes."""
    try:
        with zipfile.ZipFile(packed, metadata_encoding="gbk") as made:
            names = [n for n in made.namelist() if n.endswith(".csv") and _SUMMARY not in n]
            if len(names) != 1:
                raise BillBroken(0, f"{len(names)} detail files in the zip")
            with made.open(names[0]) as file:
                yield _lines(file, most)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, UnicodeDecodeError) as problem:
        raise BillBroken(0, f"the zip is damaged: {type(problem).__name__}") from None


def _lines(file: IO[bytes], most: int) -> Iterator[str]:
    size, codec = 0, ""
    for number in range(1, 1 << 62):
        line = file.readline(_LONGEST_LINE)
        if not line:
            return
        size += len(line)
        if size > most:
            raise BillBroken(number, f"larger than {most} bytes")
        codec = codec or _codec(line)
        try:
            yield line.decode(codec).rstrip("\r\n")
        except UnicodeDecodeError:
            raise BillBroken(number, f"not {codec}") from None


def _codec(first: bytes) -> str:
    """GB18030, which reads GBK; or UTF-8, should it be said to be."""
    for codec in ("utf-8-sig", "gb18030"):
        try:
            if first.decode(codec).startswith("#支付宝"):
                return codec
        except UnicodeDecodeError:
            continue
    raise BillBroken(1, "not a bill of Alipay's")


# --- its lines ------------------------------------------------------------------------------------


def _rows(lines: Iterator[str], pid: str, found: _Found, said: _Said) -> Iterator[list[object]]:
    """Each row in the order of COLUMNS."""
    names: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.lstrip(_BOM).startswith("#"):
            _comment(line, said)
        elif not names:
            names = _header(line, number)
        elif line.strip():
            yield _row(_cells(line, names, number), pid, found, number)
    if not names:
        raise BillBroken(0, "no header")


def _comment(line: str, said: _Said) -> None:
    if match := _ACCOUNT.match(line):
        said.account = match[1]
    if match := _PAID_TOTAL.match(line):
        said.paid = (int(match[1]), _millifen(match[2], 0, "交易合计"))
    if match := _BACK_TOTAL.match(line):
        said.back = (int(match[1]), _millifen(match[2], 0, "退款合计"))


def _header(line: str, number: int) -> list[str]:
    names = [name.strip() for name in line.split(",")]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise BillBroken(number, f"no column {'、'.join(missing)}")
    if len(set(names)) != len(names):
        raise BillBroken(number, "a column comes twice")
    return names


def _cells(line: str, names: list[str], number: int) -> dict[str, str]:
    """Cells by name. Commas of a merchant's text are not quoted: a longer row is put together.

    The two times stand side by side: what is too much before them is the goods' name, what is too
    much at the end is the remark.
    """
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) < len(names):
        raise BillBroken(number, f"{len(cells)} cells, {len(names)} columns")
    created = names.index("创建时间")
    extra = len(cells) - len(names)
    shift = next(
        (n for n in range(extra + 1) if all(map(_TIME.fullmatch, cells[created + n :][:2]))), 0
    )
    if shift and created:
        cells[created - 1 : created + shift] = [",".join(cells[created - 1 : created + shift])]
    last = len(names) - 1
    cells[last:] = [",".join(cells[last:])]
    return dict(zip(names, cells, strict=True))


def _row(cell: Mapping[str, str], pid: str, found: _Found, number: int) -> list[object]:
    kind = cell["业务类型"]
    if kind not in (PAID, BACK):
        raise BillBroken(number, "业务类型 is a word that we do not know")
    order = _whole(cell["订单金额（元）"], number, "订单金额（元）")
    settled = _whole(cell["商家实收（元）"], number, "商家实收（元）")
    fee = _millifen(cell["服务费（元）"], number, "服务费（元）")
    if order and (order < 0) != (kind == BACK):
        raise BillBroken(number, f"a row of {kind} has the other sign")
    found.rows[kind] += 1
    found.order[kind] += order
    found.settled[kind] += settled
    found.fee += fee
    is_back = kind == BACK
    own = _number(cell, "商户订单号", number)
    return [
        "refund" if is_back else "trade",
        own,
        _number(cell, "支付宝交易号", number),
        (cell["退款批次号/请求号"] or own) if is_back else "",
        "",
        pid,
        0 if is_back else order // 1000,
        -order // 1000 if is_back else 0,
        abs(settled) // 1000,
        -fee,
        "success",
        _utc(cell["完成时间"], number),
        False,
    ]


def _number(cell: Mapping[str, str], name: str, number: int) -> str:
    if not _NUMBER.fullmatch(cell[name]):
        raise BillBroken(number, f"{name} is no number")
    return cell[name]


def _utc(text: str, number: int) -> str:
    try:
        china = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise BillBroken(number, "完成时间 is no time") from None
    return (china - timedelta(hours=8)).isoformat(sep=" ")


def _whole(text: str, number: int, name: str) -> int:
    millifen = _millifen(text, number, name)
    if millifen % 1000:
        raise BillBroken(number, f"{name} is no whole fen")
    return millifen


def _millifen(text: str, number: int, name: str) -> int:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise BillBroken(number, f"{name} is no amount")
    made = int(match[2]) * 100000 + int((match[3] or "").ljust(5, "0"))
    return -made if match[1] else made


def _check(found: _Found, said: _Said, pid: str) -> None:
    if said.account != pid:
        raise BillBroken(2, "another account's bill")
    for kind, total in ((PAID, said.paid), (BACK, said.back)):
        if total is None:
            raise BillBroken(0, f"no line {kind}合计: the file is cut")
        if total != (found.rows[kind], found.settled[kind]):
            raise BillBroken(0, f"{kind}合计 is not the sum of the rows")
