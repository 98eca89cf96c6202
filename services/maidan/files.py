"""A list of sub-merchants as a file: CSV with a heading, UTF-8 or GB18030."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from gateways.maidan import Listed
from services.maidan.problems import BadList

MOST_BYTES: Final = 12 << 20
MOST_ROWS: Final = 100_000
HEADS: Final = {  # what a heading may be called -> our name
    "服务商商户号": "sp_mchid", "服务商号": "sp_mchid", "sp_mchid": "sp_mchid",
    "子商户号": "sub_mchid", "特约商户号": "sub_mchid", "sub_mchid": "sub_mchid",
    "商户名称": "name", "商户全称": "name", "name": "name",
    "商户简称": "short_name", "简称": "short_name", "short_name": "short_name",
    "设备号": "device", "小绿盒": "device", "device": "device",
}  # fmt: skip
TEMPLATE: Final = ("服务商商户号", "子商户号", "商户名称", "商户简称", "设备号")


def read(content: bytes, own_sp_mchid: str) -> list[Listed]:
    """The rows of a file; those without a provider's number are `own_sp_mchid`'s.

    `number` is the line as a spreadsheet counts it. BadList for what is no such file.
    """
    if len(content) > MOST_BYTES:
        raise BadList(f"文件超过 {MOST_BYTES >> 20} MB")
    found = list(_rows(_text(content), own_sp_mchid))
    if not found:
        raise BadList("文件里没有商户")
    if len(found) > MOST_ROWS:
        raise BadList(f"一次最多 {MOST_ROWS:,} 行，请分成几个文件")
    return found


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise BadList("不是 CSV 文件：若是 Excel，请另存为 CSV")


def _rows(text: str, own_sp_mchid: str) -> Iterator[Listed]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        places = _places(next(reader, []))
        for cells in reader:
            values = {name: _cell(cells, at) for name, at in places.items()}
            if any(values.values()):
                values["sp_mchid"] = values.get("sp_mchid") or own_sp_mchid
                yield Listed(reader.line_num, **values)
    except csv.Error:
        raise BadList(f"第 {reader.line_num} 行不能识别") from None


def _cell(cells: list[str], at: int) -> str:
    """Excel keeps a long number as text by `="…"` or a leading tab or apostrophe."""
    said = cells[at].strip().strip("'\t") if at < len(cells) else ""
    return said[2:-1] if said.startswith('="') and said.endswith('"') else said


def _places(head: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for at, cell in enumerate(head):
        name = HEADS.get(cell.strip().lower())
        if name in places:
            raise BadList(f"表头重复：{cell.strip()[:20]}")
        if name is not None:
            places[name] = at
    for wanted, shown in (("sub_mchid", "子商户号"), ("name", "商户名称")):
        if wanted not in places:
            raise BadList(f"缺少一列：{shown}")
    return places
