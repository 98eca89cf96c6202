"""What a poster shows, as shapes in millimetres: one drawing for the PDF and for the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Align = Literal["left", "middle", "right"]
PT: Final = 25.4 / 72  # millimetres of a typographic point
# As in static/css/tokens.css.
INK, INK_7, INK_6, PAPER = "#121A21", "#36434E", "#566370", "#FFFFFF"
HUES: Final = {"wechat": "#07C160", "alipay": "#1677FF"}  # graphics only
DEEPS: Final = {"wechat": "#067A42", "alipay": "#0958D9"}  # under white text


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; `y` grows downwards from the upper edge."""

    x: float
    y: float
    width: float
    height: float
    colour: str = INK
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text; `y` is its base line, `size` its em."""

    x: float
    y: float
    text: str
    size: float
    colour: str = INK
    align: Align = "middle"
    is_bold: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    title: str
    width: float
    height: float
    shapes: tuple[Box | Words, ...]


Measure = Callable[[str, float], float]  # of a text at a size, in millimetres


def fitted(
    text: str, size: float, width: float, measure: Measure, *, most_lines: int = 2
) -> tuple[list[str], float]:
    """The text in lines that are no wider, at its size or somewhat smaller.

    First on one line down to three quarters of the size, then on two, parted at the dot that joins
    a store and its branch where there is one. What fits nowhere ends in an ellipsis.
    """
    wanted = measure(text, size)
    if wanted <= width:
        return [text], size
    if wanted * 0.75 <= width:
        return [text], size * width / wanted
    lines = _halves(text) if most_lines > 1 else [text]
    widest = max(measure(line, size) for line in lines)
    size = max(size * 0.6, min(size, size * width / widest))
    return [_cut(line, size, width, measure) for line in lines], size


def _halves(text: str) -> list[str]:
    first, dot, second = text.partition(" · ")
    if dot:
        return [first, second]
    middle = (len(text) + 1) // 2
    return [text[:middle].strip(), text[middle:].strip()]


def _cut(text: str, size: float, width: float, measure: Measure) -> str:
    if measure(text, size) <= width + 1e-6:
        return text
    while text and measure(text + "…", size) > width:
        text = text[:-1]
    return text + "…"
