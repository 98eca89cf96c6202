"""Files for a spreadsheet, CSV and Excel: made whole before the first byte leaves, a few rows in
memory at a time, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import IO, Final
from urllib.parse import quote

from flask.wrappers import Response

from web.assets import linked_headers
from web.formats import local_time

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "−", "＝", "＋", "－", "＠")
NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
IN_MEMORY: Final = 1 << 20  # bytes; a larger file goes through a nameless one on the disk
CHUNK: Final = 64 * 1024


def as_csv(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """UTF-8 with its mark, so that Excel opens it right. `rows` is read to its end in here."""
    file = _scratch()
    # The wrapper would close what it wraps.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([safe(cell) for cell in head])
    writer.writerows([safe(cell) for cell in row] for row in rows)
    text.detach()
    return _sent(file, name, "text/csv; charset=utf-8")


def as_xlsx(
    name: str, head: Sequence[str], rows: Iterable[Sequence[object]], *, sheet: str = "Sheet1"
) -> Response:
    """Numbers stay numbers; everything else is text. `rows` is read to its end in here."""
    from openpyxl import Workbook  # it takes long to load

    book = Workbook(write_only=True)
    page = book.create_sheet(sheet[:31])
    page.freeze_panes = "A2"
    page.append([_cell(cell) for cell in head])
    for row in rows:
        page.append([_cell(cell) for cell in row])
    file = _scratch()
    book.save(file)
    return _sent(file, name, XLSX)


def safe(cell: object) -> str:
    """The cell as text that no spreadsheet runs; times in Asia/Shanghai."""
    if cell is None:
        return ""
    said = local_time(cell) if isinstance(cell, datetime) else str(cell)
    if isinstance(cell, date) or NUMBER.fullmatch(said):
        return said
    return f"'{said}" if said.startswith(FORMULA) else said


def _cell(cell: object) -> object:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return cell
    return UNPRINTABLE.sub("", safe(cell))


def _scratch() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(IN_MEMORY)


def _sent(file: IO[bytes], name: str, mimetype: str) -> Response:
    length = file.tell()
    file.seek(0)
    response = Response(_chunks(file), mimetype=mimetype)
    response.headers.update(linked_headers())
    response.headers["Content-Type"] = mimetype
    response.headers["Content-Length"] = str(length)
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    return response


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
