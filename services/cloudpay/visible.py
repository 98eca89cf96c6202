"""A signed string so that people see every character of it, and where two of them part."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

_HEAD: Final = 12_000
_TAIL: Final = 2_000
_AROUND: Final = 24
_MARKS: Final = {
    "\n": ("lf", "LF"), "\r": ("cr", "CR"), "\t": ("tab", "TAB"), "\ufeff": ("bom", "BOM"),
}  # fmt: skip


class Piece(NamedTuple):
    """`kind`: plain, space, wide (not ASCII), lf, cr, tab, bom, hidden, gap."""

    kind: str
    text: str


def pieces(text: str) -> tuple[Piece, ...]:
    """All of a string of usual length; of a longer one its begin and its end."""
    if len(text) <= _HEAD + _TAIL:
        return _cut(text)
    left = len(text) - _HEAD - _TAIL
    gap = Piece("gap", f"中间还有 {left} 个字符")
    return (*_cut(text[:_HEAD]), gap, *_cut(text[-_TAIL:]))


def _cut(text: str) -> tuple[Piece, ...]:
    made: list[Piece] = []
    for kind, letters in groupby(text, _kind):
        run = "".join(letters)
        if kind in ("plain", "wide"):
            made.append(Piece(kind, run))
        elif kind == "space":
            made.append(Piece(kind, "·" * len(run)))
        elif kind == "hidden":
            made.extend(Piece(kind, f"U+{ord(letter):04X}") for letter in run)
        else:
            made.extend(Piece(kind, _MARKS[letter][1]) for letter in run)
    return tuple(made)


def _kind(letter: str) -> str:
    if letter in _MARKS:
        return _MARKS[letter][0]
    if letter == " ":
        return "space"
    if not letter.isprintable():
        return "hidden"
    return "plain" if letter.isascii() else "wide"


@dataclass(frozen=True, slots=True)
class Difference:
    """`at`: the first byte that differs, from 1; None where the two are the same."""

    at: int | None
    before: tuple[Piece, ...] = ()
    ours: tuple[Piece, ...] = ()
    theirs: tuple[Piece, ...] = ()
    said: str = ""


def difference(ours: str, theirs: str) -> Difference:
    """Where `theirs` parts from what we sign over."""
    if ours == theirs:
        return Difference(None, said="两边一个字节都不差。")
    same = next(
        (n for n, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other),
        min(len(ours), len(theirs)),
    )
    return Difference(
        at=len(ours[:same].encode()) + _same_bytes(ours[same:], theirs[same:]) + 1,
        before=_cut(ours[max(0, same - _AROUND) : same]),
        ours=_cut(ours[same : same + _AROUND]),
        theirs=_cut(theirs[same : same + _AROUND]),
        said=_ends(ours[same:], theirs[same:]),
    )


def _same_bytes(ours: str, theirs: str) -> int:
    """Letters that differ may begin with the same bytes."""
    one, other = ours[:1].encode(), theirs[:1].encode("utf-8", "replace")
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)


def _ends(ours: str, theirs: str) -> str:
    if ours in ("\n", "\r\n") and not theirs:
        return "发出来的内容结尾有换行，你算的那一串没有。"
    if theirs in ("\n", "\r\n") and not ours:
        return "你算的那一串结尾有换行，发出来的内容没有。"
    if not ours:
        return "你算的那一串更长。"
    return "" if theirs else "你算的那一串到这里就结束了。"
