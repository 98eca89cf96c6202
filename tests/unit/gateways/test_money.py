from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.money import fen_from_yuan, yuan_from_fen

# Up to 13 digits before the point, far above the largest amount of either wallet.
_FEN = st.integers(min_value=0, max_value=10**15 - 1)


@given(_FEN)
def test_fen_written_as_yuan_reads_back_as_the_same_fen(fen: int) -> None:
    assert fen_from_yuan(yuan_from_fen(fen)) == fen


@given(_FEN)
def test_yuan_always_has_two_decimals(fen: int) -> None:
    whole, _, decimals = yuan_from_fen(fen).partition(".")
    assert whole.isdigit()
    assert len(decimals) == 2


@given(st.text())
def test_any_text_is_either_refused_or_exact(text: str) -> None:
    try:
        fen = fen_from_yuan(text)
    except ValueError:
        return
    whole, _, decimals = text.partition(".")
    assert yuan_from_fen(fen) == f"{whole}.{decimals.ljust(2, '0')}"


@pytest.mark.parametrize(
    ("yuan", "fen"), [("12.30", 1230), ("12.3", 1230), ("12", 1200), ("0.01", 1), ("0", 0)]
)
def test_yuan_reads_as_fen(yuan: str, fen: int) -> None:
    assert fen_from_yuan(yuan) == fen


@pytest.mark.parametrize(
    ("fen", "yuan"), [(1230, "12.30"), (1, "0.01"), (0, "0.00"), (-5, "-0.05")]
)
def test_fen_writes_as_yuan(fen: int, yuan: str) -> None:
    assert yuan_from_fen(fen) == yuan


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1 ", " 1", "1\n", "1.001", "1.", ".5", "1e2", "+1", "-1", "１．０", "1,000"),
        *("٣", "01", "0x10", "NaN", "inf", "1_0", "1" * 14),
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        fen_from_yuan(text)
