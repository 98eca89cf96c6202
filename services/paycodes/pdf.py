"""A poster as a PDF of its true size. Letters are outlines: it prints the same everywhere."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from fontTools.pens.basePen import BasePen
from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from services.paycodes import font
from services.paycodes.scene import PT, Box, Scene, Words

BOLD = 0.032  # of the size: how much a bold letter is widened


def as_pdf(scene: Scene) -> bytes:
    return pages_as_pdf([scene])


def pages_as_pdf(scenes: Iterable[Scene]) -> bytes:
    """One page for each; the first one's title is the document's. Drawn one at a time."""
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.setCreator("Yima")
    canvas.setAuthor("")
    for index, scene in enumerate(scenes):
        if not index:
            canvas.setTitle(scene.title)
        canvas.setPageSize((scene.width / PT, scene.height / PT))
        canvas.translate(0, scene.height / PT)
        canvas.scale(1 / PT, -1 / PT)  # millimetres from the upper left, as the scene has them
        for shape in scene.shapes:
            if isinstance(shape, Box):
                _box(canvas, shape)
            else:
                _words(canvas, shape)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _box(canvas: Any, box: Box) -> None:
    canvas.setFillColor(HexColor(box.colour))
    if box.radius:
        canvas.roundRect(box.x, box.y, box.width, box.height, box.radius, stroke=0, fill=1)
    else:
        canvas.rect(box.x, box.y, box.width, box.height, stroke=0, fill=1)


def _words(canvas: Any, words: Words) -> None:
    width = font.measure(words.text, words.size)
    x = words.x - {"left": 0.0, "middle": width / 2, "right": width}[words.align]
    path = canvas.beginPath()

    def pen(glyphs: Any, advance: float, em: int) -> BasePen:
        return _Pen(glyphs, path, x + advance * words.size, words.y, words.size / em)

    font.draw(words.text, pen)
    canvas.setFillColor(HexColor(words.colour))
    canvas.setStrokeColor(HexColor(words.colour))
    canvas.setLineWidth(words.size * BOLD)
    canvas.drawPath(path, stroke=int(words.is_bold), fill=1)


class _Pen(BasePen):  # type: ignore[misc]
    """Puts a glyph's outline into a path, at its place and size, upside down as the page is."""

    def __init__(self, glyphs: Any, path: Any, x: float, y: float, scale: float) -> None:
        super().__init__(glyphs)
        self._path, self._x, self._y, self._scale = path, x, y, scale

    def _at(self, point: tuple[float, float]) -> tuple[float, float]:
        return self._x + point[0] * self._scale, self._y - point[1] * self._scale

    def _moveTo(self, pt: tuple[float, float]) -> None:
        self._path.moveTo(*self._at(pt))

    def _lineTo(self, pt: tuple[float, float]) -> None:
        self._path.lineTo(*self._at(pt))

    def _curveToOne(
        self, pt1: tuple[float, float], pt2: tuple[float, float], pt3: tuple[float, float]
    ) -> None:
        self._path.curveTo(*self._at(pt1), *self._at(pt2), *self._at(pt3))

    def _closePath(self) -> None:
        self._path.close()
