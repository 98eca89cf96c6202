"""biz_content that JSON allows and nobody could sign, answer or put into a bill: refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.alipay.client import Client

HALF = "\ud800"


@pytest.mark.parametrize("name", ["subject", "body", "out_trade_no", "store_id", "unknown"])
def test_half_a_character_is_an_invalid_parameter(
    client: Client, order: dict[str, Any], name: str
) -> None:
    wrong = json.dumps(order | {name: f"茶{HALF}"})
    answer = client.call("alipay.trade.precreate", wrong)
    assert (answer.code, answer.sub_code) == ("40002", "isv.invalid-parameter")


@pytest.mark.parametrize("text", ["\ufeff{}", "[" * 5000, '{"a":1,"a":2}', '{"a":NaN}'])
def test_what_is_no_object_is_an_invalid_parameter(client: Client, text: str) -> None:
    answer = client.call("alipay.trade.query", text)
    assert (answer.code, answer.sub_code) == ("40002", "isv.invalid-parameter")


def test_a_whole_character_as_two_escapes_is_taken(client: Client, order: dict[str, Any]) -> None:
    text = json.dumps(order | {"subject": "茶🍵"})
    assert "\\ud83c\\udf75" in text
    assert client.call("alipay.trade.create", text).code == "10000"
