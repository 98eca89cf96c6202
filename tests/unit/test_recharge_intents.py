import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from models.order import OrderStatus, PayOrder
from secretbox.ring import KeyRing
from services.cards import recharge_intents
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


def read(token: str, **more: int) -> str:
    whose = {"provider_id": 1, "card_id": 7, "store_id": 3, "lives_s": 3600, **more}
    return recharge_intents.read(RING, token, now=NOW + timedelta(seconds=60), **whose)


def order(status: OrderStatus, *, ends_in_s: int = 300) -> PayOrder:
    return PayOrder(
        id=41, intent_key="r7:3:40", status=status, expires_at=NOW + timedelta(seconds=ends_in_s)
    )


def test_a_form_comes_back_as_the_intention_it_was_made_for() -> None:
    key = recharge_intents.next_key(7, 3, None, NOW)
    assert key == "r7:3:0"
    assert read(recharge_intents.sign(RING, 1, key, NOW)) == key


def test_a_live_order_goes_on_and_a_finished_one_starts_the_next() -> None:
    going = order(OrderStatus.PAYING)
    assert recharge_intents.next_key(7, 3, going, NOW) == "r7:3:40"
    for ended in (
        order(OrderStatus.PAID),
        order(OrderStatus.CLOSED),
        order(OrderStatus.PAYING, ends_in_s=0),
    ):
        assert recharge_intents.next_key(7, 3, ended, NOW) == "r7:3:41"


@pytest.mark.parametrize("other", [{"card_id": 8}, {"store_id": 4}, {"provider_id": 2}])
def test_a_form_of_another_card_store_or_provider_is_refused(other: dict[str, int]) -> None:
    token = recharge_intents.sign(RING, 1, "r7:3:0", NOW)
    with pytest.raises(PayProblem) as refused:
        read(token, **other)
    assert refused.value.code == "PAYER_CHANGED"


def test_an_edited_or_broken_form_is_refused() -> None:
    issued, generation, mac = recharge_intents.sign(RING, 1, "r7:3:0", NOW).split(".")
    for token in (
        f"{issued}.1.{mac}", f"{int(issued) + 1}.{generation}.{mac}", f"{issued}.{generation}.",
        "", "..", "1.2", "a.b.c", "１.0.x", f"{issued}.{generation}.é", "9" * 200,
    ):  # fmt: skip
        with pytest.raises(PayProblem) as refused:
            read(token)
        assert refused.value.code == "PAYER_CHANGED", token


def test_an_old_form_has_to_be_opened_again() -> None:
    token = recharge_intents.sign(RING, 1, "r7:3:0", NOW)
    with pytest.raises(PayProblem) as refused:
        read(token, lives_s=59)
    assert refused.value.code == "PAGE_EXPIRED"
