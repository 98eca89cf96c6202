"""Rows of a spreadsheet that somebody uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def filled_rows(rows: Any) -> Iterator[tuple[int, dict[int, Any]]]:
    """(number of the row, its cells that hold something), empty rows left out."""
    for number, cells in enumerate(rows, start=2):
        filled = {at: cell for at, cell in enumerate(cells) if cell.value not in (None, "")}
        if filled:
            yield number, filled
