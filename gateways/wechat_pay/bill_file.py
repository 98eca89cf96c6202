"""WeChat's bill as text, into the normal form. Source: wechat.md A11.

A back-tick stands before every cell, so `,` and a back-tick together part the cells: a comma in a
merchant's text parts nothing. Columns are found by name; a summary of one line ends the file.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from gateways.base import BillBroken, BillTotals
from gateways.bill_rows import CSV_BUFFER, open_duck, quoted, write_rows

NEEDED = (
    *("交易时间", "商户号", "特约商户号", "微信订单号", "商户订单号", "交易状态"),
    *("应结订单金额", "微信退款单号", "商户退款单号", "退款金额", "退款状态"),
    *("手续费", "订单金额", "申请退款金额"),
)
MONEY = ("应结订单金额", "退款金额", "手续费", "订单金额", "申请退款金额")
COUNT = "总交易单数"
REFUND_STATES = {
    "SUCCESS": "success",
    "PROCESSING": "processing",
    "FAIL": "failed",
    "CHANGE": "abnormal",
}
TRADE_STATES = {"SUCCESS": "success", "REVOKED": "revoked"}
NUMBER = r"[!-+\--~]{1,64}"  # printable, neither blank nor comma
AMOUNT = r"-?[0-9]{1,12}([.][0-9]{1,5})?"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_TAIL = 16 << 10
_LONGEST_HEADER = 64 << 10


def read_bill(raw: Path, sp_mchid: str, into: Path, memory_mb: int) -> BillTotals | None:
    """Read a whole bill (LF between lines) and write its rows to `into`; None: it has no row.

    BillBroken where a column is missing, a row has another shape or a word or amount that is none,
    or the summary says otherwise. `raw` is used up.
    """
    names, summary = _frame(raw)
    rows = raw.parent / "rows.parquet"
    with open_duck(raw.parent, memory_mb) as duck:
        try:
            write_rows(duck, _rows(raw, names, sp_mchid), rows)
        except (duckdb.InvalidInputException, duckdb.ConversionException) as problem:
            raise _located(raw, names, str(problem).splitlines()[0]) from None
        found = _sums(duck, rows)
    if found["bad"]:
        raise _located(raw, names, "a cell that can not be read")
    totals = _checked(found, summary)
    if not found["rows"]:
        return None
    os.replace(rows, into)
    return totals


# --- the frame: header and summary ----------------------------------------------------------------


def _frame(raw: Path) -> tuple[list[str], dict[str, str]]:
    """Column names and summary; the file keeps header and rows, in UTF-8."""
    with raw.open("rb") as file:
        first = file.readline(_LONGEST_HEADER)
    codec = _codec(first)
    names = _header(first.decode(codec))
    if codec != "utf-8-sig":
        _recode(raw, codec)
    return names, _cut_summary(raw)


def _codec(header: bytes) -> str:
    """UTF-8 with or without a mark; what is GBK is read as GB18030."""
    for codec in ("utf-8-sig", "gb18030"):
        try:
            if NEEDED[0] in header.decode(codec):
                return codec
        except UnicodeDecodeError:
            continue
    raise BillBroken(1, "no header in a known encoding")


def _header(line: str) -> list[str]:
    names = [name.strip().lstrip("`") for name in line.rstrip("\n").split(",")]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise BillBroken(1, f"no column {'、'.join(missing)}")
    if len(set(names)) != len(names):
        raise BillBroken(1, "a column comes twice")
    return names


def _recode(raw: Path, codec: str) -> None:
    other = raw.with_suffix(".utf8")
    line = 1
    try:
        with raw.open(encoding=codec) as source, other.open("w", encoding="utf-8") as target:
            for line, text in enumerate(source, 1):  # noqa: B007 - told in the error
                target.write(text)
    except UnicodeDecodeError:
        raise BillBroken(line + 1, f"not {codec}") from None
    os.replace(other, raw)


def _cut_summary(raw: Path) -> dict[str, str]:
    """Take the last two lines off the file."""
    size = raw.stat().st_size
    with raw.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    lines = tail.rstrip(b"\n").split(b"\n")[-2:]
    end = len(tail) - len(tail.rstrip(b"\n"))
    try:
        names = [name.strip().lstrip("`") for name in lines[0].decode("utf-8").split(",")]
        cells = lines[1].decode("utf-8").split(",")
    except (UnicodeDecodeError, IndexError):
        raise BillBroken(0, "the summary is missing: the file is cut") from None
    if COUNT not in names or not all(cell.startswith("`") for cell in cells):
        raise BillBroken(0, "the summary is missing: the file is cut")
    os.truncate(raw, size - end - len(lines[0]) - len(lines[1]) - 1)
    return dict(zip(names, (cell[1:] for cell in cells), strict=False))


# --- the rows -------------------------------------------------------------------------------------


def _rows(raw: Path, names: list[str], sp_mchid: str) -> str:
    """The SELECT of the normal form, with `bad` where a cell can not be read."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    source = (
        f"read_csv({quoted(raw)}, auto_detect=false, header=false, skip=1, delim=',`', quote='',"
        f" escape='', new_line='\\n', nullstr='\\0', null_padding=false, buffer_size={CSV_BUFFER},"
        f" columns={{{columns}}})"
    )
    cell = {name: f'"{name}"' for name in names}
    cell[names[0]] = f'substr("{names[0]}", 2)'  # its back-tick stands before no separator
    money = {name: _millifen(cell[name]) for name in MONEY}
    refund = f"{cell['交易状态']} = 'REFUND'"
    return f"""
    SELECT IF({refund}, 'refund', 'trade') AS kind, {cell["商户订单号"]} AS out_trade_no,
        {cell["微信订单号"]} AS transaction_id,
        IF({refund}, {cell["商户退款单号"]}, '') AS out_refund_no,
        IF({refund}, {cell["微信退款单号"]}, '') AS refund_id, {cell["特约商户号"]} AS payee,
        {money["订单金额"]} // 1000 AS amount_fen, {money["申请退款金额"]} // 1000 AS refund_fen,
        IF({refund}, {money["退款金额"]}, {money["应结订单金额"]}) // 1000 AS settle_fen,
        {money["手续费"]} AS fee_millifen, {_state(cell, refund)} AS state,
        TRY_STRPTIME({cell["交易时间"]}, '%Y-%m-%d %H:%M:%S') - INTERVAL 8 HOUR AS "at",
        {cell["商户号"]} <> {quoted(sp_mchid)} AS "foreign",
        {money["应结订单金额"]} // 1000 AS due_fen, {money["退款金额"]} // 1000 AS back_fen,
        COALESCE({_bad(cell, money, names[0])}, true) AS bad
    FROM {source}
    """


def _millifen(cell: str) -> str:
    """Yuan as thousandths of a fen; NULL for what is no amount."""
    exact = f"TRY_CAST({cell} AS DECIMAL(18, 5)) * 100000"
    return f"IF(regexp_full_match({cell}, '{AMOUNT}'), CAST({exact} AS BIGINT), NULL)"


def _state(cell: Mapping[str, str], refund: str) -> str:
    return f"IF({refund}, {_case(cell['退款状态'], REFUND_STATES)}, " + (
        f"{_case(cell['交易状态'], TRADE_STATES)})"
    )


def _case(cell: str, words: Mapping[str, str]) -> str:
    whens = " ".join(f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in words.items())
    return f"CASE {cell} {whens} END"


def _bad(cell: Mapping[str, str], money: Mapping[str, str], first: str) -> str:
    """True or NULL where the row can not be read; no state and no time are NULL as well."""
    refund = f"{cell['交易状态']} = 'REFUND'"
    numbers = [cell["微信订单号"], cell["商户订单号"], cell["特约商户号"]]
    good = [f"regexp_full_match({number}, '{NUMBER}')" for number in numbers]
    good.append(f"(NOT {refund} OR regexp_full_match({cell['商户退款单号']}, '{NUMBER}'))")
    good += [f"{money[name]} % 1000 = 0" for name in MONEY if name != "手续费"]
    good += [f"{money['手续费']} IS NOT NULL", f"{_state(cell, refund)} IS NOT NULL"]
    good += [f"starts_with(\"{first}\", '`')"]
    time = f"TRY_STRPTIME({cell['交易时间']}, '%Y-%m-%d %H:%M:%S')"
    return f"NOT ({' AND '.join(good)} AND {time} IS NOT NULL)"


def _sums(duck: duckdb.DuckDBPyConnection, rows: Path) -> dict[str, int]:
    names = "bad rows trades trade_fen refunds refund_fen fee_millifen due_fen back_fen all_fen"
    found = duck.execute(
        f"""
        SELECT count(*) FILTER (bad), count(*), count(*) FILTER (kind = 'trade'),
            sum(amount_fen) FILTER (kind = 'trade' AND state = 'success'),
            count(*) FILTER (kind = 'refund'), sum(refund_fen), sum(fee_millifen), sum(due_fen),
            sum(back_fen), sum(amount_fen)
        FROM read_parquet({quoted(rows)})
        """
    ).fetchone()
    assert found is not None
    return {name: int(value or 0) for name, value in zip(names.split(), found, strict=True)}


def _checked(found: Mapping[str, int], summary: Mapping[str, str]) -> BillTotals:
    """The summary's own words must be the rows' sums. Whether refunds count is told nowhere."""
    ours = {
        "应结订单总金额": found["due_fen"] * 1000,
        "退款总金额": found["back_fen"] * 1000,
        "手续费总金额": found["fee_millifen"],
        "订单总金额": found["all_fen"] * 1000,
        "申请退款总金额": found["refund_fen"] * 1000,
    }
    if summary[COUNT] not in (str(found["rows"]), str(found["trades"])):
        raise BillBroken(0, f"{summary[COUNT]} rows by the summary, {found['rows']} in the file")
    for name, own in ours.items():
        said = summary.get(name)
        if said is None or _read_millifen(said) != own:
            raise BillBroken(0, f"{name} {said} is not the sum of the rows")
    return BillTotals(
        found["trades"],
        found["trade_fen"],
        found["refunds"],
        found["refund_fen"],
        found["fee_millifen"],
    )


def _read_millifen(yuan: str) -> int | None:
    if not re.fullmatch(AMOUNT, yuan):
        return None
    whole, _, places = yuan.lstrip("-").partition(".")
    made = int(whole) * 100000 + int(places.ljust(5, "0"))
    return -made if yuan.startswith("-") else made


# --- where it is broken ---------------------------------------------------------------------------


def _located(raw: Path, names: list[str], reason: str) -> BillBroken:
    """The first line that is not as it must be, looked for slowly: only once something is wrong."""
    with raw.open("rb") as file:
        file.readline()
        for number, line in enumerate(file, 2):
            if why := _why_broken(line.rstrip(b"\n"), names):
                return BillBroken(number, why)
    return BillBroken(0, reason)


def _why_broken(line: bytes, names: list[str]) -> str:
    try:
        text = codecs.decode(line, "utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    if not text.startswith("`"):
        return "no back-tick before the first cell"
    cells = text[1:].split(",`")
    if len(cells) != len(names):
        return f"{len(cells)} cells, {len(names)} columns"
    row = dict(zip(names, cells, strict=True))
    return next(_faults(row), "")


def _faults(row: Mapping[str, str]) -> Iterator[str]:
    is_refund = row["交易状态"] == "REFUND"
    numbers = ["微信订单号", "商户订单号", "特约商户号"] + ["商户退款单号"] * is_refund
    for name in numbers:
        if not re.fullmatch(NUMBER, row[name]):
            yield f"{name} is no number"
    for name in MONEY:
        millifen = _read_millifen(row[name])
        if millifen is None or (name != "手续费" and millifen % 1000):
            yield f"{name} is no amount"
    states, name = (REFUND_STATES, "退款状态") if is_refund else (TRADE_STATES, "交易状态")
    if row[name] not in states:
        yield f"{name} is a word that we do not know"
    if not re.fullmatch(TIME, row["交易时间"]):
        yield "交易时间 is no time"
