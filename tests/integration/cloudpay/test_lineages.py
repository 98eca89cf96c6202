"""The same payment and question as five families of clients write them (Cloud Pay, 1.2 to 1.12).

Each body is put together by hand, as bytes: what its library would do is what is tried.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.cloudpay import Till, code_of
from tests.harness.product import Product
from tests.integration.cloudpay.helping import asking, scan

Writer = Callable[[Till, dict[str, Any]], bytes]


def c(till: Till, content: dict[str, Any]) -> bytes:
    """JsonCpp: members by the alphabet, compact, a line feed that is signed; another behind all.

    Its nonce is always the same, and it leaves pay_platform out of questions.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    outer = {"authen_info": {"a": {"authen_code": code_of(till.key, text), "authen_type": 1}},
             "request_content": text}  # fmt: skip
    return (json.dumps(outer, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def java(till: Till, content: dict[str, Any]) -> bytes:
    """Gson: escapes of HTML, and numbers that went through a Map come out as 100.0."""
    doubled = json.loads(json.dumps(content), parse_int=lambda digits: float(digits))
    text = json.dumps(doubled, separators=(",", ":"), ensure_ascii=False)
    text = text.replace("=", "\\u003d").replace("&", "\\u0026").replace("'", "\\u0027")
    info = {"a": {"authen_type": 1.0, "authen_code": code_of(till.key, text)}}
    outer = {"request_content": text, "authen_info": info}
    return json.dumps(outer, separators=(",", ":"), ensure_ascii=False).encode()


def go(till: Till, content: dict[str, Any]) -> bytes:
    """encoding/json: a member sign_info that nobody reads, empty objects, a line feed behind."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    info = {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}, "s": {}}
    outer = {"request_content": text, "authen_info": info, "sign_info": {"sign": ""}}
    return (json.dumps(outer, separators=(",", ":")) + "\n").encode()


def csharp(till: Till, content: dict[str, Any]) -> bytes:
    """Newtonsoft: null for what is not set, a BOM before the body, line breaks inside."""
    content["pay_mch_key"]["alipay_pay_mch_key_ext"] = None
    content["order_client"]["sn_code"] = None
    text = json.dumps(content, indent=2, ensure_ascii=False).replace("\n", "\r\n")
    info = {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}, "s": None}
    outer = {"request_content": text, "authen_info": info}
    return b"\xef\xbb\xbf" + json.dumps(outer, indent=2, ensure_ascii=False).encode()


def php(till: Till, content: dict[str, Any]) -> bytes:
    """json_encode: escapes of slashes and of all that is not ASCII; a code in small letters.

    What came by a form is text, amounts included, and an array without members is no object.
    """
    content["order_client"] |= {"device_id": 1, "terminal_type": "2"}  # a form's field
    content["pay_mch_key"] |= {"wxpay_pay_mch_key_ext": []}  # an array without members
    for name in ("total_fee", "refund_fee"):
        for part in ("pay_content", "refund_content"):
            if name in content.get(part, {}):
                content[part][name] = str(content[part][name])
    text = json.dumps(content, separators=(",", ":")).replace("/", "\\/")
    info = {"a": {"authen_type": "1", "authen_code": code_of(till.key, text).lower()}}
    outer = {"request_content": text, "authen_info": info}
    return json.dumps(outer, separators=(",", ":")).replace("/", "\\/").encode()


@pytest.mark.parametrize("write", [c, java, go, csharp, php], ids=lambda one: str(one.__name__))
def test_a_client_pays_and_asks_in_its_own_way(product: Product, write: Writer) -> None:
    till = Till.of(product)
    paid = scan(product, till, fen=123, body="咖啡 a=b&c/d", attach="附/言")
    paid["nonce_str"] = "416492026bc84091bcaf7e74ea90ceba"
    number = paid["pay_content"]["out_trade_no"]
    answer = till.read(till.post("micro_pay", write(till, paid)))
    order = answer["micro_pay"]["order_content"]
    assert (answer["status"], order["wxpay_order_content_ext"]["current_trade_state"]) == (0, 2)
    assert (order["total_fee"], order["out_trade_no"]) == (123, number)
    assert order["body"] == "咖啡 a=b&c/d"
    again = till.read(till.post("micro_pay", write(till, {**paid, "nonce_str": "x"})))
    assert {**again, "log_id": 0} == {**answer, "log_id": 0}, "the stored reply"
    asked = asking(till, number, nonce_str=paid["nonce_str"])
    if write is java:
        asked["pay_mch_key"]["pay_platform"] = 0
    found = till.read(till.post("query_order", write(till, asked)))
    told = found["query_order"]["order_content"]
    assert (found["status"], told["total_fee"]) == (0, 123)
    assert told["wxpay_order_content_ext"]["current_trade_state"] == 2


MISWRITTEN: dict[str, Any] = {
    "zeros before": "0100", "a sign": "+100", "a fraction": "100.0", "wide digits": "１００",
    "a blank": " 100", "a line feed": "100\n", "an exponent": "1e2", "nothing": "",
    "more than any number": "1" * 20, "hexadecimal": "0x64", "an underscore": "1_00",
}  # fmt: skip


@pytest.mark.parametrize("given", MISWRITTEN.values(), ids=MISWRITTEN.keys())
def test_a_text_that_could_be_two_numbers_is_none(product: Product, given: str) -> None:
    till = Till.of(product)
    content = scan(product, till, fen=100)
    content["pay_content"]["total_fee"] = given
    answer = till.call("micro_pay", content)
    assert (answer["status"], answer["internal_status"]) == (104, 1002)
    assert answer["description"] == "参数pay_content.total_fee应为整数"


def test_an_amount_as_text_is_the_amount_and_its_repeat_the_same_call(product: Product) -> None:
    till = Till.of(product)
    content = scan(product, till, fen=100)
    first = till.call("micro_pay", content)
    content["pay_content"]["total_fee"] = "100"
    again = till.call("micro_pay", content)
    assert {**again, "log_id": 0} == {**first, "log_id": 0}, "the stored reply"
    content["pay_content"]["total_fee"] = "101"
    assert till.call("micro_pay", content)["internal_status"] == 407


def test_an_array_is_an_object_only_while_it_is_empty(product: Product) -> None:
    till = Till.of(product)
    content = scan(product, till, fen=100)
    content["pay_content"]["wxpay_pay_content_ext"] = [{"attach": "x"}]
    refused = till.call("micro_pay", content)
    assert refused["description"] == "参数pay_content.wxpay_pay_content_ext应为对象"
    content["pay_content"]["wxpay_pay_content_ext"] = []
    assert till.call("micro_pay", content)["status"] == 0
    refused = till.call("micro_pay", content | {"pay_content": []})
    assert refused["description"] == "参数pay_content.out_trade_no缺失"


@pytest.mark.parametrize(
    ("doubled", "said"),
    [
        ("out_trade_no", "out_trade_no"),
        ("金额", "金额"),
        ("x" * 65, ""),
        ("\\ud800", ""),
        ("\\n", ""),
    ],
)
def test_a_member_that_comes_twice_is_named(product: Product, doubled: str, said: str) -> None:
    """Two readers could take different ones: nobody guesses which was meant."""
    till = Till.of(product)
    text = json.dumps(asking(till, till.number()))[:-1] + f', "{doubled}": 1, "{doubled}": 2}}'
    answer = till.read(till.send("query_order", text))
    assert answer["status"] == 101
    assert answer["description"] == f"请求内容有重复的成员{said}"
