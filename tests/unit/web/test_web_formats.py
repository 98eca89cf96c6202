from datetime import UTC, datetime

import pytest

from web.formats import figure, local_clock, local_day, local_time, money, tail4


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "¥0.00"),
        (1, "¥0.01"),
        (128_450, "¥1,284.50"),
        (-3_850, "\u2212¥38.50"),
        (-5, "\u2212¥0.05"),
        (2_147_483_647, "¥21,474,836.47"),
    ],
)
def test_money_is_grouped_with_two_decimals(fen: int, text: str) -> None:
    assert money(fen) == text
    assert figure(fen) == text.replace("¥", "")


def test_times_are_read_in_shanghai() -> None:
    at = datetime(2026, 11, 21, 6, 16, 8, tzinfo=UTC)
    assert local_time(at) == "2026-11-21 14:16:08"
    assert local_time(at.replace(tzinfo=None)) == "2026-11-21 14:16:08"
    assert local_clock(at) == "14:16"
    assert local_day(at) == "11 月 21 日 周六"
    assert local_time(None) == ""


def test_lists_show_the_last_four_of_a_number() -> None:
    assert tail4("YM26112112410708613") == "…8613"
    assert tail4(None) == ""
