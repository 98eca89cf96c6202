"""Code 128, set C (pairs of digits): the bars of a card's code, as one path of an SVG.

Source: ISO/IEC 15417. Each symbol is eleven modules wide, three bars and three spaces in turn; the
stop symbol is thirteen. Quiet zones of ten modules belong to it.
"""

from __future__ import annotations

from typing import Final

# Widths of bar, space, bar, space, bar, space for the values 0 to 105 (103 to 105 are starts).
_TABLE: Final = (
    "212222222122222221121223121322131222122213122312132212221213221312231212"
    "112232122132122231113222123122123221223211221132221231213212223112312131"
    "311222321122321221312212322112322211212123212321232121111323131123131321"
    "112313132113132311211313231113231311112133112331132131113123113321133121"
    "313121211331231131213113213311213131311123311321331121312113312311332111"
    "314111221411431111111224111422121124121421141122141221112214112412122114"
    "122411142112142211241211221114413111241112134111111242121142121241114212"
    "124112124211411212421112421211212141214121412121111143111341131141114113"
    "114311411113411311113141114131311141411131211412211214211232"
)
_WIDTHS: Final = tuple(_TABLE[i : i + 6] for i in range(0, len(_TABLE), 6))
_START_C: Final = 105
_STOP: Final = "2331112"
QUIET: Final = 10


def values(digits: str) -> list[int]:
    """The symbols of an even number of digits: start, pairs, check symbol."""
    if not (digits.isascii() and digits.isdigit()) or len(digits) % 2:
        raise ValueError("set C holds pairs of digits")
    pairs = [int(digits[i : i + 2]) for i in range(0, len(digits), 2)]
    check = (_START_C + sum(place * pair for place, pair in enumerate(pairs, 1))) % 103
    return [_START_C, *pairs, check]


def widths(digits: str) -> str:
    """Bars and spaces in turn, beginning and ending with a bar, in modules."""
    return "".join(_WIDTHS[value] for value in values(digits)) + _STOP


def modules(digits: str) -> int:
    """The width of the whole, quiet zones included."""
    return sum(map(int, widths(digits))) + 2 * QUIET


def path(digits: str) -> str:
    """The `d` of a path one unit high and `modules` units wide."""
    x, drawn = QUIET, []
    for index, width in enumerate(map(int, widths(digits))):
        if index % 2 == 0:
            drawn.append(f"M{x} 0h{width}v1h-{width}z")
        x += width
    return "".join(drawn)
