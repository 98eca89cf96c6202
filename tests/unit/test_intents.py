"""One intention per form and payer: what a refresh keeps, what starts anew, what is forged."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.order import OrderStatus, PayOrder
from secretbox.ring import KeyRing
from services.intents import Intent, next_intent, read, sign
from services.problems import PayProblem

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
RING = KeyRing(
    text=json.dumps(
        {
            "primary": "k",
            "keys": {"k": base64.b64encode(b"k" * 32).decode()},
            "index": base64.b64encode(b"i" * 32).decode(),
        }
    )
)
MINE = Intent(provider_id=1, code_id=2, person_id=3, generation=4)


def read_mine(token: str, now: datetime = NOW, **other: int) -> Intent:
    names = {"provider_id": 1, "code_id": 2, "person_id": 3, **other}
    return read(RING, token, now=now, lives_s=1800, **names)


def refusal(token: str, now: datetime = NOW, **other: int) -> str:
    with pytest.raises(PayProblem) as raised:
        read_mine(token, now, **other)
    return raised.value.code


def order(
    status: OrderStatus, *, number: int = 9, key: str = "c2:3:4", lives: int = 60
) -> PayOrder:
    expires = NOW + timedelta(seconds=lives)
    return PayOrder(id=number, status=status, intent_key=key, expires_at=expires)


def test_a_form_comes_back_as_it_was_rendered() -> None:
    found = read_mine(sign(RING, MINE, NOW))
    assert found == MINE
    assert found.key == "c2:3:4"


def test_the_same_form_rendered_again_is_the_same_intention() -> None:
    later = sign(RING, MINE, NOW + timedelta(seconds=30))
    assert later != sign(RING, MINE, NOW)
    assert read_mine(later).key == read_mine(sign(RING, MINE, NOW)).key


@pytest.mark.parametrize("other", [{"provider_id": 9}, {"code_id": 9}, {"person_id": 9}])
def test_a_form_of_somebody_else_is_refused(other: dict[str, int]) -> None:
    assert refusal(sign(RING, MINE, NOW), NOW, **other) == "PAYER_CHANGED"


def test_an_edited_generation_or_time_is_refused() -> None:
    issued, generation, mac = sign(RING, MINE, NOW).split(".")
    assert refusal(f"{issued}.{int(generation) + 1}.{mac}") == "PAYER_CHANGED"
    assert refusal(f"{int(issued) + 1}.{generation}.{mac}") == "PAYER_CHANGED"


def test_a_form_expires_and_its_last_second_counts() -> None:
    token = sign(RING, MINE, NOW)
    assert read_mine(token, NOW + timedelta(seconds=1800)) == MINE
    assert refusal(token, NOW + timedelta(seconds=1801)) == "PAGE_EXPIRED"


@given(token=st.text(max_size=200))
def test_no_text_makes_it_fall_over(token: str) -> None:
    assert refusal(token) == "PAYER_CHANGED"


@pytest.mark.parametrize(
    "token", ["", "..", "1.2", "1.2.", "１.2.x", "1.٣.x", "-1.2.x", "1" * 500 + ".2.x", "1.2.é"]
)
def test_odd_digits_and_lengths_are_refused(token: str) -> None:
    assert refusal(token) == "PAYER_CHANGED"


def test_a_first_visit_starts_at_zero() -> None:
    assert next_intent(1, 2, 3, None, NOW).key == "c2:3:0"


@pytest.mark.parametrize("status", [OrderStatus.CREATED, OrderStatus.PAYING])
def test_a_live_order_keeps_its_intention(status: OrderStatus) -> None:
    assert next_intent(1, 2, 3, order(status), NOW).key == "c2:3:4"


@pytest.mark.parametrize("status", [OrderStatus.PAID, OrderStatus.CLOSED])
def test_a_finished_order_starts_the_next(status: OrderStatus) -> None:
    assert next_intent(1, 2, 3, order(status), NOW).key == "c2:3:9"


def test_an_order_past_its_time_starts_the_next() -> None:
    assert next_intent(1, 2, 3, order(OrderStatus.PAYING, lives=0), NOW).key == "c2:3:9"


def test_two_payers_at_one_code_have_two_intentions() -> None:
    assert next_intent(1, 2, 3, None, NOW).key != next_intent(1, 2, 4, None, NOW).key
