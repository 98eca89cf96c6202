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
    """json_encode: escapes of slashes and of all that is not ASCII; a code in small letters."""
    content["order_client"] |= {"device_id": 1, "terminal_type": 2}
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
