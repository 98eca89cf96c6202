"""Which ad an order gets: by weight, always the same for one order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from services.after_payment.choosing import pick
from services.after_payment.keeping import years_before


@dataclass(frozen=True)
class Row:
    name: str
    weight: int


def test_ads_are_shown_by_their_weight_and_one_order_keeps_its_ad() -> None:
    rows = [Row("a", 10), Row("b", 30), Row("c", 60)]
    orders = [f"order{n}" for n in range(20_000)]
    first = [pick(rows, order).name for order in orders]
    assert [pick(rows, order).name for order in orders] == first
    shares = {name: times / len(orders) for name, times in Counter(first).items()}
    assert shares == pytest.approx({"a": 0.1, "b": 0.3, "c": 0.6}, abs=0.015)


def test_three_years_before_a_leap_day_is_the_day_before_it() -> None:
    assert years_before(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2025, 2, 28, tzinfo=UTC)
    assert years_before(datetime(2026, 11, 26, tzinfo=UTC)) == datetime(2023, 11, 26, tzinfo=UTC)
