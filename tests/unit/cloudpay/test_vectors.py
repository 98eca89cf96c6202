"""The published and recomputed vectors of envelopes, codes and signatures, one test each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.callbacks.envelope import seal
from services.cloudpay import authen
from services.cloudpay.envelope import Envelope, content_of, read, sealed
from services.cloudpay.statuses import Internal, Status
from services.cloudpay.wire_json import read_object
from tests.harness.cloudpay import code_of

FILE = Path(__file__).parents[2] / "data" / "cloudpay-vectors.json"
FOUND: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
HMAC = FOUND["hmac_vectors"]
PSS = FOUND["rsa_pss_vectors"]
EXAMPLES = {one["name"]: one for one in FOUND["examples"]}
SIGNED = [
    (name, end)
    for name, one in EXAMPLES.items()
    for end in ("http_request_body", "http_response_body")
    if "authen_info" in json.loads(one.get(end) or "{}")
]


@pytest.mark.parametrize("one", HMAC, ids=lambda one: str(one["id"]))
def test_a_code_is_over_the_exact_characters(one: dict[str, Any]) -> None:
    """Trailing line feeds, escapes and the key's case count; ours and that of the
    tests' own client are the same."""
    key, content, expected = one["key"], one["content"], one["expected"]
    if one["content_utf8_hex"]:
        assert content.encode().hex() == one["content_utf8_hex"]
    assert authen.code_of(key, content) == expected
    assert code_of(key, content) == expected
    for code in (expected, expected.lower()):
        assert authen.matching_key(("other", key), content, code) == 1
    for other in (content + "\n", content + "\r\n", " " + content, content.removesuffix("\n")):
        if other != content:
            assert authen.matching_key((key,), other, expected) is None
    if key.swapcase() != key:
        assert authen.matching_key((key.swapcase(),), content, expected) is None


def test_the_same_json_with_and_without_a_line_feed_has_two_codes() -> None:
    with_lf = next(one for one in HMAC if one["id"] == "own-micro-pay-newline")
    without = next(one for one in HMAC if one["id"] == "own-micro-pay-no-newline")
    assert with_lf["content"] == without["content"] + "\n"
    assert with_lf["expected"] != without["expected"]
    assert read_object(with_lf["content"]) == read_object(without["content"])


@pytest.mark.parametrize("one", PSS["vectors"], ids=lambda one: str(one["id"]))
def test_a_signature_is_pss_with_any_salt_and_nothing_else(one: dict[str, Any]) -> None:
    content = one.get("content_override", PSS["content"])
    is_good = authen.is_signed(PSS["public_key_pem"], content, one["sign_base64"])
    assert is_good is (one["expected"] == "valid")


@pytest.mark.parametrize("sign", ["", "x", "====", "AAAA", "\u00e9", "A" * 9999])
def test_a_broken_signature_is_wrong_and_no_error(sign: str) -> None:
    assert authen.is_signed(PSS["public_key_pem"], PSS["content"], sign) is False
    assert authen.is_signed("no key", PSS["content"], sign) is False


@pytest.mark.parametrize(("name", "end"), SIGNED)
def test_the_documented_examples_are_read_and_their_codes_hold(name: str, end: str) -> None:
    one, member = EXAMPLES[name], ("request" if "request" in end else "response") + "_content"
    outer = json.loads(one[end])
    renamed = {"request_content": outer.pop(member), **outer}
    received = read(Envelope.STANDARD, json.dumps(renamed).encode())
    assert received.authen_code is not None
    assert authen.matching_key((one["key"],), received.content, received.authen_code) == 0
    assert read_object(received.content)


@pytest.mark.parametrize("name", ["micro_pay", "query_order", "refund"])
def test_what_we_send_is_taken_by_clients_that_check_everything(name: str) -> None:
    key = EXAMPLES[name]["key"]
    text = content_of(
        Envelope.STANDARD, status=0, description="操作成功。", log_id=2**32 - 1, internal=0,
        results={name: {"nonce_str": "x"}},
    )  # fmt: skip
    outer = json.loads(sealed(Envelope.STANDARD, text, key))
    assert list(outer) == list(json.loads(EXAMPLES[name]["http_response_body"]))
    assert outer["authen_info"] == {"a": {"authen_type": 1, "authen_code": code_of(key, text)}}
    base = FOUND["base"]["base_response_fields"]
    assert list(json.loads(text)) == [*base, name]


def test_a_wrong_code_is_told_as_documented() -> None:
    text = content_of(
        Envelope.STANDARD, status=Status.FAILED, description="参数authen_code错误.",
        log_id=1912969760, internal=Internal.AUTHEN, results={},
    )  # fmt: skip
    made = json.loads(sealed(Envelope.STANDARD, text, None))
    documented = json.loads(EXAMPLES["authen_code_wrong"]["http_response_body"])
    assert list(made) == list(documented)
    assert json.loads(made["response_content"]) == json.loads(documented["response_content"])


def test_replies_are_ascii_with_escapes_in_capitals() -> None:
    text = content_of(
        Envelope.BRIEF, status=0, description="应付½😀", log_id=1, internal=0, results={}
    )
    raw = sealed(Envelope.BRIEF, text, "key")
    assert text == '{"s":0,"d":"\\u5E94\\u4ED8\\u00BD\\uD83D\\uDE00","li":1,"is":0}'
    assert raw.isascii()
    assert json.loads(raw) == {"rc": text, "a": code_of("key", text)}


def test_a_callback_is_signed_with_the_same_rule() -> None:
    one = EXAMPLES["callback_pay_success"]
    content = json.loads(json.loads(one["http_request_body"])["request_content"])
    made = json.loads(seal(content, one["key"]))
    assert list(made) == ["request_content", "authen_info"]
    code = made["authen_info"]["a"]["authen_code"]
    assert code == code_of(one["key"], made["request_content"])
    assert json.loads(made["request_content"]) == content
