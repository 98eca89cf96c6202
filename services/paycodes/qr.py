"""The QR code of a poster, drawn as the design asks (design README, poster).

Error correction H bears the mark in the middle (at most 7 modules wide); the corner marks have
round edges; around it four modules of paper stay empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import segno

from services.paycodes.scene import INK, PAPER, Box

QUIET: Final = 4  # modules
MARK: Final = 7  # modules
EYE: Final = 7


def drawn(url: str, x: float, y: float, side: float) -> list[Box]:
    """The modules of `url` within a square of `side` millimetres, the quiet zone around it."""
    made = segno.make(url, error="h", micro=False, boost_error=False)
    modules = int(made.symbol_size(border=0)[0])
    unit = side / modules
    boxes = [
        Box(x + left * unit, y + row * unit, length * unit, unit)
        for row, line in enumerate(made.matrix)
        for left, length in _runs(line, row, modules)
    ]
    last = modules - EYE
    for at_x, at_y in ((0, 0), (last, 0), (0, last)):
        boxes += _eye(x + at_x * unit, y + at_y * unit, unit)
    return boxes + _mark(x + side / 2, y + side / 2, unit)


def modules_of(url: str) -> int:
    made = segno.make(url, error="h", micro=False, boost_error=False)
    return int(made.symbol_size(border=0)[0])


def _runs(line: bytes | bytearray, row: int, modules: int) -> Iterator[tuple[int, int]]:
    """Dark modules side by side as one piece: no hair lines between them on paper."""
    start: int | None = None
    for column in range(modules + 1):
        is_dark = (
            column < modules and bool(line[column]) and not _is_kept_free(column, row, modules)
        )
        if is_dark and start is None:
            start = column
        elif not is_dark and start is not None:
            yield start, column - start
            start = None


def _is_kept_free(column: int, row: int, modules: int) -> bool:
    last, middle = modules - EYE, modules // 2
    is_eye = (column < EYE and row < EYE) or (column >= last and row < EYE)
    is_eye = is_eye or (column < EYE and row >= last)
    return is_eye or (abs(column - middle) <= MARK // 2 and abs(row - middle) <= MARK // 2)


def _eye(x: float, y: float, unit: float) -> list[Box]:
    return [
        Box(x, y, 7 * unit, 7 * unit, INK, 1.7 * unit),
        Box(x + unit, y + unit, 5 * unit, 5 * unit, PAPER, 0.7 * unit),
        Box(x + 2 * unit, y + 2 * unit, 3 * unit, 3 * unit, INK, 0.5 * unit),
    ]


def _mark(x: float, y: float, unit: float) -> list[Box]:
    """Our own mark, the eye with its stroke, in the middle."""
    out, inner = 2.775 * unit, 2.025 * unit
    return [
        Box(x - out, y - out, 2 * out, 2 * out, INK, 1.675 * unit),
        Box(x - inner, y - inner, 2 * inner, 2 * inner, PAPER, 0.925 * unit),
        Box(x - 1.25 * unit, y - 0.32 * unit, 2.5 * unit, 0.64 * unit, INK, 0.32 * unit),
    ]
