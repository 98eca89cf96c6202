"""brief_micro_pay and brief_query_order: the same payment in a device's few bytes."""

from __future__ import annotations

from typing import Any

import pytest

from services.cards.codes import issue
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cards.spend.helping import give_card
from tests.integration.cloudpay.helping import calls, query, state
from tests.integration.codepay.helping import PASSWORD, PAY, WALLETS, paycode

SHORT = {"wechat": "wx", "alipay": "ali"}


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def pay(till: Till, code: str, fen: int = 1234, **more: Any) -> dict[str, Any]:
    return {
        "sc": "LANDI_QM600_LA190000000", "osi": till.out_shop_id, "ns": "n" * 32,
        "otn": till.number(), "ac": code, "tf": fen, "bd": "咖啡", "di": "7", "stt": 2451, **more,
    }  # fmt: skip


@WALLETS
def test_a_device_charges_a_code_and_asks(product: Product, till: Till, wallet: str) -> None:
    content = pay(till, paycode(product, wallet))
    answer = till.brief("brief_micro_pay", content)
    assert (answer["s"], answer["is"]) == (0, 0)
    found = answer["brief_micro_pay"]
    assert set(found) == {SHORT[wallet], "ns"}
    assert found[SHORT[wallet]]["cts"] == 2
    assert len(found["ns"]) == 8
    asked = {"osi": till.out_shop_id, "otn": content["otn"], "ns": "1"}
    answer = till.brief("brief_query_order", asked)
    found = answer["brief_query_order"]
    assert (found["pp"], found["otn"], found["tf"]) == (
        {"wechat": 1, "alipay": 2}[wallet], content["otn"], 1234,
    )  # fmt: skip
    assert found[SHORT[wallet]]["cts"] == 2
    whole = query(till, content["otn"])  # the same order in the standard envelope
    assert state(whole) == 2
    assert whole["order_content"]["body"] == "咖啡"
    assert whole["order_content"]["nonce_str"] == "n" * 32
    client = whole["order_client"]
    assert (client["device_id"], client["sn_code"], client["sub_terminal_type"]) == (
        "7", "LANDI_QM600_LA190000000", 2451,
    )  # fmt: skip


def test_a_member_card_is_cd(product: Product, till: Till) -> None:
    held = give_card(product.deps, 10_000)
    code = issue(product.deps, held.provider_id, held.card_id).text
    content = pay(till, code, 100)
    assert till.brief("brief_micro_pay", content)["brief_micro_pay"]["cd"] == {"cts": 2}
    asked = {"osi": till.out_shop_id, "otn": content["otn"], "ns": "1"}
    assert till.brief("brief_query_order", asked)["brief_query_order"]["pp"] == 3


def test_waiting_says_to_ask_and_a_repeat_is_the_same_reply(product: Product, till: Till) -> None:
    product.simulator.switch(*PASSWORD["wechat"])
    content = pay(till, paycode(product, "wechat"))
    answer = till.brief("brief_micro_pay", content)
    assert answer["brief_micro_pay"]["wx"]["cts"] == 9
    assert "查询" in answer["brief_micro_pay"]["wx"]["tsd"]
    assert till.brief("brief_micro_pay", content) == answer
    assert calls(product, PAY["wechat"]) == 1
    other = till.brief("brief_micro_pay", content | {"tf": 1235})
    assert (other["s"], other["is"]) == (104, 407)


@pytest.mark.parametrize(
    ("change", "s", "name"),
    [
        ({"tf": 0}, 104, "tf"),
        ({"otn": "another001"}, 102, "otn"),
        ({"osi": "nobody-s"}, 101, ""),  # whose key it would be is not known
        ({"ac": None}, 104, "ac"),
        ({"ac": "123"}, 104, "ac"),
    ],
)
def test_bad_members_are_named(
    product: Product, till: Till, change: dict[str, Any], s: int, name: str
) -> None:
    answer = till.brief("brief_micro_pay", pay(till, paycode(product, "wechat")) | change)
    assert answer["s"] == s
    assert f"参数{name}" in answer["d"]
    assert len(answer["d"]) <= 128
    assert calls(product) == 0


def test_another_merchants_shop_and_order(product: Product, till: Till) -> None:
    other = Till.of(product, 1)
    content = pay(till, paycode(product, "wechat"))
    assert till.brief("brief_micro_pay", content)["s"] == 0
    theirs = {"osi": other.out_shop_id, "otn": content["otn"], "ns": "1"}
    said = [
        other.brief("brief_query_order", theirs | {"otn": one}) | {"li": 0}
        for one in (content["otn"], other.number())
    ]
    assert said[0] == said[1]
    assert (said[0]["s"], said[0]["is"]) == (104, 400)
    # the device's own shop routes to its merchant; naming another's beside it is refused
    mixed = {"osi": other.out_shop_id, "osmi": till.out_sub_mch_id, "otn": content["otn"]}
    answer = till.brief("brief_query_order", mixed)
    assert (answer["s"], answer["is"]) == (104, 1006)
