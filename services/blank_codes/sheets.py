"""A package of blank codes on paper: stickers with cutting marks, and one picture for each code.

A sheet is A4 with nine stickers of 60 × 82 mm; the code is the poster's smallest, 42 mm. Drawing
takes libraries that start slowly: whoever prints imports this module when asked to.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Final

from services.blank_codes.reading import Printed
from services.paycodes.pdf import pages_as_pdf
from services.paycodes.picture import as_quick_png
from services.paycodes.poster import SIZES, Poster, Size, scene
from services.paycodes.scene import INK_6, PT, Box, Scene, Words

WIDTH, HEIGHT = 210.0, 297.0
COLUMNS, ROWS = 3, 3
PER_SHEET: Final = COLUMNS * ROWS
MARK, HAIR = 4.0, 0.1  # a cutting mark: its length, its width
TITLE: Final = "收款码"


def pdf(codes: Sequence[Printed], title: str) -> bytes:
    """All codes in order, nine to a page; `title` stands at the foot of each."""
    sheets = [codes[i : i + PER_SHEET] for i in range(0, len(codes), PER_SHEET)]
    return pages_as_pdf(
        _sheet(sheet, f"{title} · {page}/{len(sheets)}") for page, sheet in enumerate(sheets, 1)
    )


def png(code: Printed) -> bytes:
    return as_quick_png(_sticker(code))


def pictures(codes: Sequence[Printed]) -> Iterator[bytes]:
    """A ZIP of one PNG for each code, a piece as soon as it is drawn."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # PNG is packed already
        for one in codes:
            entry = zipfile.ZipInfo(f"{one.place:04d}-{one.code}.png")
            archive.writestr(entry, png(one))
            yield sink.taken()
    yield sink.taken()


def _sticker(code: Printed) -> Scene:
    return scene(Poster(code.url, code.code, TITLE, ""), Size.STICKER)


def _sheet(codes: Sequence[Printed], foot: str) -> Scene:
    wide, high = SIZES[Size.STICKER]
    left, top = (WIDTH - COLUMNS * wide) / 2, (HEIGHT - ROWS * high) / 2
    shapes: list[Box | Words] = []
    for index, code in enumerate(codes):
        x, y = left + index % COLUMNS * wide, top + index // COLUMNS * high
        shapes += [_moved(shape, x, y) for shape in _sticker(code).shapes]
    for column in range(COLUMNS + 1):
        x = left + column * wide - HAIR / 2
        shapes += [Box(x, top - MARK - 2, HAIR, MARK), Box(x, HEIGHT - top + 2, HAIR, MARK)]
    for row in range(ROWS + 1):
        y = top + row * high - HAIR / 2
        shapes += [Box(left - MARK - 2, y, MARK, HAIR), Box(WIDTH - left + 2, y, MARK, HAIR)]
    shapes.append(Words(WIDTH / 2, HEIGHT - 10, foot, 8 * PT, INK_6))
    return Scene(foot, WIDTH, HEIGHT, tuple(shapes))


def _moved(shape: Box | Words, x: float, y: float) -> Box | Words:
    if isinstance(shape, Box):
        return Box(shape.x + x, shape.y + y, shape.width, shape.height, shape.colour, shape.radius)
    return Words(
        shape.x + x, shape.y + y, shape.text, shape.size, shape.colour, shape.align, shape.is_bold
    )


class _Sink(io.RawIOBase):
    """Where an archive is written to that leaves as it grows."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
