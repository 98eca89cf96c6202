"""The one font of posters: Noto Sans SC, which comes with a package, so no machine lacks it."""

from __future__ import annotations

import io
import threading
from functools import cache
from typing import Any, Final

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from pylopdf_fonts_zh_cn import sans_path

MISSING: Final = ".notdef"
_turn = threading.Lock()  # outlines are unpacked as they are asked for


@cache
def _font() -> Any:
    return TTFont(io.BytesIO(sans_path().read_bytes()), lazy=True)


@cache
def _parts() -> tuple[dict[int, str], Any, Any, int]:
    font = _font()
    return font.getBestCmap(), font.getGlyphSet(), font["hmtx"], font["head"].unitsPerEm


def measure(text: str, size: float) -> float:
    """How wide a line is, in the unit of `size`."""
    with _turn:
        names, _, widths, em = _parts()
        units = sum(widths[names.get(ord(char), MISSING)][0] for char in text)
    return float(units) * size / em


def draw(text: str, pen_of: Any) -> None:
    """Draw each glyph with `pen_of(glyphs, advance)`; advance is where it begins, in ems."""
    with _turn:
        names, glyphs, widths, em = _parts()
        at = 0
        for char in text:
            name = names.get(ord(char), MISSING)
            pen: BasePen = pen_of(glyphs, at / em, em)
            glyphs[name].draw(pen)
            at += widths[name][0]
