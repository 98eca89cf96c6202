"""The words of a callback: exact bytes, exact codes, the one table of states."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.callbacks.envelope import (
    OrderFacts,
    Party,
    RefundFacts,
    order_state,
    pay_content,
    refund_content,
    refund_state,
    seal,
)
from services.cloudpay.authen import code_of
from services.cloudpay.wire_json import ascii_json

Vectors = Callable[[str], Any]
KEY = "0123456789abcdefghijklmnopqrstuv"
AT = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
PARTY = Party("wechat", "sz01mch", "sz01sub", "sz01shop", "wx1", "o-lin")
ORDER = OrderFacts(
    out_trade_no="sz0100qhcs1",
    state="paid",
    is_scanned=False,
    source_type=1,
    amount_fen=1234,
    refunded_fen=0,
    transaction_id="42000",
    body="青禾茶事",
    remark="少糖\\u4e00",
    created_at=AT,
    expires_at=AT + timedelta(seconds=120),
    paid_at=AT + timedelta(seconds=9),
    changed_at=AT + timedelta(seconds=9),
)


def test_the_code_is_that_of_the_published_vectors(vectors: Vectors) -> None:
    found = vectors("cloudpay-vectors.json")["hmac_vectors"]
    assert len(found) >= 9
    for vector in found:
        assert code_of(vector["key"], vector["content"]) == vector["expected"], vector["id"]


def test_text_is_ascii_with_capital_escapes_and_reads_back_as_it_was(vectors: Vectors) -> None:
    (own,) = [
        v for v in vectors("cloudpay-vectors.json")["hmac_vectors"] if v["id"] == "own-utf8-escaped"
    ]
    assert ascii_json({"body": "生活用品套餐"}).lower() == own["content"]
    value = {"a": "é中\U0001f600", "b": 'slash \\u4e00 "q" \n\t', "c": [1, 2_147_483_647]}
    made = ascii_json(value)
    assert json.loads(made) == value
    assert made.isascii()
    assert r"\u4E2D" in made
    assert r"\\u4e00" in made, "a backslash of the text is no escape: its letters stay"
    with pytest.raises(ValueError, match="not JSON compliant"):
        ascii_json({"a": float("nan")})


def test_the_examples_of_the_vendor_are_sealed_to_the_same_codes(vectors: Vectors) -> None:
    """Outer and inner envelope, byte for byte, but for the spaces of the printed example."""
    for example in vectors("cloudpay-vectors.json")["examples"]:
        if "http_request_body" not in example or "key" not in example:
            continue
        outer = json.loads(example["http_request_body"])
        text = outer["request_content"]
        assert code_of(example["key"], text) == outer["authen_info"]["a"]["authen_code"]
        assert ascii_json(json.loads(text)) == text
        assert json.loads(seal(json.loads(text), example["key"])) == outer


def test_what_is_sealed_is_the_text_that_stands_there() -> None:
    body = seal(pay_content(PARTY, ORDER, "8K3FQ2", "N" * 32), KEY)
    assert body.isascii()
    outer = json.loads(body)
    assert list(outer) == ["request_content", "authen_info"]
    said = outer["authen_info"]["a"]
    assert said["authen_type"] == 1
    assert said["authen_code"] == code_of(KEY, outer["request_content"])
    assert len(said["authen_code"]) == 64
    assert said["authen_code"] == said["authen_code"].upper()
    content = json.loads(outer["request_content"])
    assert content["order_content"]["remark"] == ORDER.remark
    assert "1234" in outer["request_content"]
    assert ".0" not in outer["request_content"].replace("1.0", "").replace("127.0.0", "")


def test_every_field_that_receivers_read_is_a_plain_integer_or_text() -> None:
    said = pay_content(PARTY, ORDER, "", "N")["order_content"]
    for name in ("total_fee", "time_end", "create_time", "last_update_time", "time_expire"):
        assert type(said[name]) is int, name
    assert said["time_end"] - said["create_time"] == 9
    assert None not in said.values()


@pytest.mark.parametrize(
    ("word", "scanned", "unified", "alipay"),
    [
        ("created", 1, 1, 1),
        ("pending", 9, 6, 4),
        ("unknown", 9, 6, 4),
        ("paid", 2, 3, 2),
        ("late_paid", 2, 3, 2),
        ("part_refunded", 2, 3, 2),
        ("refunded", 4, 4, 5),
        ("closed", 8, 7, 5),
        ("failed", 10, 7, 5),
        ("void", 11, 11, 7),
    ],
)
def test_order_states_are_those_of_the_table(
    word: str, scanned: int, unified: int, alipay: int
) -> None:
    assert order_state("wechat", word, is_scanned=True) == scanned
    assert order_state("wechat", word, is_scanned=False) == unified
    assert order_state("alipay", word, is_scanned=False) == alipay


@pytest.mark.parametrize(
    ("word", "wechat", "alipay"),
    [
        ("created", 1, 1),
        ("processing", 4, 1),
        ("unknown", 4, 1),
        ("waiting", 4, 1),
        ("success", 2, 2),
        ("failed", 3, 3),
        ("abnormal", 5, 5),
        ("void", 6, 5),
    ],
)
def test_refund_states_are_those_of_the_table(word: str, wechat: int, alipay: int) -> None:
    assert (refund_state("wechat", word), refund_state("alipay", word)) == (wechat, alipay)


def test_an_unknown_word_is_never_guessed() -> None:
    with pytest.raises(KeyError):
        order_state("wechat", "paid?", is_scanned=False)
    with pytest.raises(KeyError):
        refund_state("alipay", "")


def test_exactly_one_wallets_part_is_there() -> None:
    refund = RefundFacts("R1", None, "success", 100, "缺货", AT, AT, AT)
    for channel, prefix in (("wechat", "wxpay"), ("alipay", "alipay")):
        party = replace(PARTY, channel=channel)
        order = pay_content(party, ORDER, "", "N")["order_content"]
        (back,) = refund_content(party, ORDER, [refund], "N")["refund_order_content"]
        assert [n for n in order if n.endswith("_ext")] == [f"{prefix}_order_content_ext"]
        assert [n for n in back if n.endswith("_ext")] == [f"{prefix}_refund_order_content_ext"]


@pytest.mark.parametrize(
    ("funds", "account"),
    [
        (None, None),
        ("UNSETTLED", "REFUND_SOURCE_UNSETTLED_FUNDS"),
        ("AVAILABLE", "REFUND_SOURCE_RECHARGE_FUNDS"),
        ("BASIC", "REFUND_SOURCE_RECHARGE_FUNDS"),
        ("OPERATION", None),  # the protocol has no word for it
    ],
)
def test_what_a_refund_was_paid_out_of_is_told_where_it_has_a_word(
    funds: str | None, account: str | None
) -> None:
    refund = RefundFacts("R1", None, "success", 1, "", AT, AT, AT, funds_account=funds)
    (back,) = refund_content(PARTY, ORDER, [refund], "N")["refund_order_content"]
    assert back["wxpay_refund_order_content_ext"].get("refund_account") == account


def test_a_scanned_payer_is_trade_type_1_and_the_payer_shows_in_no_repr() -> None:
    said = pay_content(PARTY, replace(ORDER, is_scanned=True, source_type=0), "", "N")
    assert said["order_content"]["trade_type"] == 1
    assert said["order_content"]["wxpay_order_content_ext"] == {"current_trade_state": 2}
    assert "o-lin" not in repr(PARTY)
