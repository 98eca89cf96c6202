"""The bar code of a card, read back module by module as the standard prints it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.code128 import QUIET, modules, path, values, widths

# Set C as the standard prints it: eleven modules of a symbol, 1 for a bar; a few of them.
PRINTED = {
    0: "11011001100",
    1: "11001101100",
    50: "11000101110",
    99: "10111011110",
    105: "11010011100",
}
STOP = "1100011101011"


def bits(digits: str) -> str:
    """The modules of the drawn path, quiet zones included, as a scanner sees them."""
    row = ["0"] * modules(digits)
    for x, width in re.findall(r"M(\d+) 0h(\d+)v1h-\2z", path(digits)):
        row[int(x) : int(x) + int(width)] = "1" * int(width)
    return "".join(row)


def test_the_symbols_are_the_standard_s() -> None:
    seen = bits("00015099")
    inner = seen[QUIET:-QUIET]
    symbols = [inner[i : i + 11] for i in range(0, 55, 11)]
    assert symbols == [PRINTED[value] for value in (105, 0, 1, 50, 99)]
    assert inner.endswith(STOP)
    assert seen.startswith("0" * QUIET)
    assert seen.endswith("0" * QUIET)


def test_the_check_symbol_is_the_weighted_sum() -> None:
    assert values("1234") == [105, 12, 34, (105 + 12 + 2 * 34) % 103]
    assert (
        values("991656823482683128")[-1]
        == (105 + sum(n * int("991656823482683128"[2 * n - 2 : 2 * n]) for n in range(1, 10))) % 103
    )


@given(st.from_regex(r"99[0-9]{16}", fullmatch=True))
def test_every_code_is_eighteen_digits_wide(digits: str) -> None:
    assert modules(digits) == 154
    assert len(widths(digits)) == 11 * 6 + 7
    symbols = [widths(digits)[i : i + 6] for i in range(0, 66, 6)]
    assert all(sum(map(int, symbol)) == 11 for symbol in symbols)
    assert all(sum(map(int, symbol[::2])) % 2 == 0 for symbol in symbols)  # bars: always even


@pytest.mark.parametrize("text", ["1", "12a4", "１２", "12 4"])
def test_only_pairs_of_digits_are_drawn(text: str) -> None:
    with pytest.raises(ValueError, match="pairs"):
        path(text)
