"""A spreadsheet of merchants, read without believing it: plain cells, row by row, no formulas.

The first row names the columns. What is read is kept as packed JSON until it is imported.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any, Final

from services.merchants.problems import FileRefused
from services.sheet_rows import filled_rows

MOST_ROWS: Final = 100_000
MOST_BYTES: Final = 24 << 20
MOST_UNPACKED: Final = 512 << 20
MOST_COLUMNS: Final = 30
LONGEST: Final = 500  # characters of a cell that are looked at
COLUMNS: Final = {  # as the template names them -> as the form does
    "商户全称": "name",
    "商户简称": "short_name",
    "微信子商户号": "wechat_sub_mchid",
    "管理员姓名": "admin_name",
    "管理员邮箱": "admin_email",
    "返佣比例": "rebate",
    "子服务商": "sub_provider",
    "备注": "remark",
}
EXAMPLE: Final = (
    *("青禾茶事（杭州）有限公司", "青禾茶事", "1900000109"),
    *("林小满", "lin@example.com", "0.20", "", ""),
)
FORMULA: Final = "\x00formula"  # marks a cell that would have been computed
WRONG: Final = "\x00wrong"

Cells = list[Any]  # number of the row, then its cells in the order of COLUMNS


def read(content: bytes) -> list[Cells]:
    """The first sheet of an .xlsx file. Raises FileRefused for what can not be read at all."""
    if len(content) > MOST_BYTES:
        raise FileRefused(f"文件大于 {MOST_BYTES >> 20} MB")
    _refuse_bombs(content)
    from openpyxl import load_workbook  # slow to import

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    except Exception as problem:  # the library lets through whatever its parsers raise
        raise FileRefused("不是 .xlsx 文件，或文件已损坏") from problem
    try:
        return _taken(book.worksheets[0])
    except FileRefused:
        raise
    except Exception as problem:
        raise FileRefused("文件已损坏") from problem
    finally:
        book.close()


def _refuse_bombs(content: bytes) -> None:
    """A small archive may unpack to a huge one: its own directory says how large."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as problem:
        raise FileRefused("不是 .xlsx 文件，或文件已损坏") from problem
    if size > MOST_UNPACKED:
        raise FileRefused("文件解压后过大")


def _taken(found: Any) -> list[Cells]:
    found.reset_dimensions()  # what the file says of its own size is not believed
    rows = found.iter_rows(max_col=MOST_COLUMNS)
    places = _heads(next(rows, ()))
    taken: list[Cells] = []
    for number, cells in filled_rows(rows):
        if len(taken) >= MOST_ROWS:
            raise FileRefused(f"超过 {MOST_ROWS:,} 行，请分成几个文件")
        taken.append([number, *(_plain(cells.get(places.get(n, -1))) for n in COLUMNS.values())])
    if not taken:
        raise FileRefused("文件里没有商户")
    return taken


def _heads(cells: Any) -> dict[str, int]:
    places: dict[str, int] = {}
    for at, cell in enumerate(cells):
        name = COLUMNS.get(str(cell.value or "").strip().removesuffix("*"))
        if name is not None and name in places:
            raise FileRefused("第 1 行有重复的列名")
        if name is not None:
            places[name] = at
    if "name" not in places:
        raise FileRefused("第 1 行缺少「商户全称」列")
    return places


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    if cell.data_type == "f" or str(cell.value).lstrip().startswith("="):
        return FORMULA
    if cell.data_type == "e" or isinstance(cell.value, bool):
        return WRONG
    value = cell.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()[:LONGEST]


def pack(rows: list[Cells]) -> bytes:
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def unpack(content: bytes) -> list[Cells]:
    found: list[Cells] = json.loads(zlib.decompress(content))
    return found
