"""A spreadsheet of old members, read without believing it: rows, and what is wrong with which.

The first row names the columns: 手机号 and 余额, 姓名 if there is one (or phone, balance, name).
Read row by row in bounded memory; a formula is not computed but refused.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateways.money import fen_from_yuan
from services.cards import people
from services.cards.member_problems import ImportRefused, PhoneInvalid
from services.sheet_rows import filled_rows

MOST_ROWS = 100_000
MOST_BYTES = 32 << 20
MOST_UNPACKED = 512 << 20
MOST_COLUMNS = 50
HEADS = {
    "手机号": "phone",
    "手机": "phone",
    "phone": "phone",
    "余额": "balance",
    "balance": "balance",
    "姓名": "name",
    "name": "name",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One old member; `number` is the row of the sheet, as a spreadsheet program counts."""

    number: int
    phone: str = field(repr=False)
    balance_fen: int
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row is not taken over. The words hold nothing of the row itself."""

    number: int
    reason: str


@dataclass(slots=True)
class Sheet:
    """A file as read. It may be taken over only without problems."""

    file_hash: str
    rows: list[Row] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)

    @property
    def sum_fen(self) -> int:
        return sum(row.balance_fen for row in self.rows)


def read(path: Path) -> Sheet:
    """The first sheet of an .xlsx file. Raises ImportRefused for what can not be read at all."""
    if path.stat().st_size > MOST_BYTES:
        raise ImportRefused(f"文件大于 {MOST_BYTES >> 20} MB")
    sheet = Sheet(hashlib.sha256(path.read_bytes()).hexdigest())
    _refuse_bombs(path)
    from openpyxl import load_workbook  # slow to import

    try:
        book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
    except Exception as problem:  # the library lets through whatever its parsers raise
        raise ImportRefused("不是 .xlsx 文件，或文件已损坏") from problem
    try:
        _take(book.worksheets[0], sheet)
    except ImportRefused:
        raise
    except Exception as problem:
        raise ImportRefused("文件已损坏") from problem
    finally:
        book.close()
    return sheet


def _refuse_bombs(path: Path) -> None:
    """A small archive may unpack to a huge one: its own directory says how large."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as problem:
        raise ImportRefused("不是 .xlsx 文件，或文件已损坏") from problem
    if size > MOST_UNPACKED:
        raise ImportRefused("文件解压后过大")


def _take(found: Any, sheet: Sheet) -> None:
    found.reset_dimensions()  # what the file says of its own size is not believed
    rows = found.iter_rows(max_col=MOST_COLUMNS)
    places = _heads(next(rows, ()))
    seen: dict[str, int] = {}
    for count, (number, cells) in enumerate(filled_rows(rows)):
        if count >= MOST_ROWS:
            raise ImportRefused(f"超过 {MOST_ROWS} 行，请分成几个文件")
        try:
            row = _row(number, {name: cells.get(at) for name, at in places.items()})
        except ValueError as problem:
            sheet.problems.append(RowProblem(number, str(problem)))
            continue
        if row.phone in seen:
            reason = f"手机号与第 {seen[row.phone]} 行重复"
            sheet.problems.append(RowProblem(number, reason))
            continue
        seen[row.phone] = number
        sheet.rows.append(row)
    if not sheet.rows and not sheet.problems:
        raise ImportRefused("文件里没有会员")


def _heads(cells: Any) -> dict[str, int]:
    places: dict[str, int] = {}
    for at, cell in enumerate(cells):
        name = HEADS.get(str(cell.value or "").strip().lower())
        if name is not None and name in places:
            raise ImportRefused("第 1 行有重复的列名")
        if name is not None:
            places[name] = at
    for name, word in (("phone", "手机号"), ("balance", "余额")):
        if name not in places:
            raise ImportRefused(f"第 1 行缺少「{word}」列")
    return places


def _row(number: int, cells: dict[str, Any]) -> Row:
    """ValueError with the reason, in words for whoever made the file."""
    for cell in cells.values():
        if cell is not None and (cell.data_type == "f" or str(cell.value).lstrip().startswith("=")):
            raise ValueError("含有公式，请粘贴为数值")
        if cell is not None and cell.data_type == "e":
            raise ValueError("单元格有错误值")
    values = {name: cell.value if cell is not None else None for name, cell in cells.items()}
    phone = _phone(values["phone"])
    balance = _balance(values["balance"])
    try:
        name = people.clean_name(str(values.get("name") or ""))
    except ValueError:
        raise ValueError("姓名过长或含有不能使用的字符") from None
    return Row(number, phone, balance, name)


def _phone(value: Any) -> str:
    if value is None:
        raise ValueError("缺少手机号")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError("手机号格式不对")
    try:
        return people.clean_phone(str(value))
    except PhoneInvalid:
        raise ValueError("手机号格式不对") from None


def _balance(value: Any) -> int:
    """Yuan as a number or as text, at most two decimals; 1.00 is one yuan (product CARD-13)."""
    if value is None:
        raise ValueError("缺少余额")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("余额不是数字")
    # a float's shortest spelling is what its author typed
    text = value.strip() if isinstance(value, str) else format(Decimal(repr(value)), "f")
    if re.fullmatch(r"-0*[1-9].*|-0*\.0*[1-9].*", text):
        raise ValueError("余额不能为负")
    text = re.sub(r"\.0$", "", text) if not isinstance(value, str) else text
    try:
        return fen_from_yuan(text)
    except ValueError:
        raise ValueError("余额最多两位小数，且不能有其他字符") from None
