"""Envelopes as clients write them, and everything that is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.cloudpay.envelope import Envelope, Received, read
from services.cloudpay.statuses import Refused, Status
from services.cloudpay.wire_json import read_object


def outer(**members: Any) -> bytes:
    return json.dumps({"request_content": "{}", **members}).encode()


def proof(**a: Any) -> Received:
    return read(Envelope.STANDARD, outer(authen_info={"a": {"authen_code": "C", **a}}))


def refusal(raw: bytes, envelope: Envelope = Envelope.STANDARD) -> str:
    with pytest.raises(Refused) as caught:
        read(envelope, raw)
    assert caught.value.reply_status is Status.FAILED
    assert len(caught.value.description) < 255
    return caught.value.description


@pytest.mark.parametrize("kind", [1, 1.0, "1", None, ""])
def test_hmac_is_told_in_many_ways(kind: Any) -> None:
    assert proof(authen_type=kind).authen_type == 1
    assert proof().authen_type == 1


@pytest.mark.parametrize(
    ("kind", "is_read"), [(2, 2), ("2", 2), (0, 0), (-1, -1), (10**300, 10**300)]
)
def test_other_types_are_read_and_refused_later(kind: Any, is_read: int) -> None:
    assert proof(authen_type=kind).authen_type == is_read


@pytest.mark.parametrize("kind", [True, 1.5, "x", "1.0", "-1", [], {}, "9" * 5000, "²"])
def test_what_is_no_number_is_named(kind: Any) -> None:
    said = refusal(outer(authen_info={"a": {"authen_type": kind, "authen_code": "C"}}))
    assert "authen_info.a.authen_type" in said


@pytest.mark.parametrize(
    "raw",
    [
        b'{"authen_info":{"a":{"authen_code":"C","authen_type":1}},"request_content":"x"}\n',
        b'\xef\xbb\xbf{"request_content":"x","authen_info":{"a":{"authen_code":"C"}}}',
        b' \r\n{"request_content":"x","sign_info":{},"authen_info":{"a":{"authen_code":"C"}}}\r\n',
        b'{"request_content":"x","authen_info":{"a":{"authen_code":"C"},"s":null}}',
        b'{"request_content":"x","authen_info":{"a":{"authen_code":"C"},"s":{}}}',
    ],
)
def test_lineages_write_the_same_in_many_ways(raw: bytes) -> None:
    """Go sends sign_info, C a line feed behind the object, C# a BOM before it."""
    found = read(Envelope.STANDARD, raw)
    assert (found.content, found.authen_code, found.sign) == ("x", "C", None)


def test_a_line_feed_inside_the_content_is_kept() -> None:
    found = read(Envelope.STANDARD, json.dumps({"request_content": '{"a":1}\n'}).encode())
    assert found.content == '{"a":1}\n'
    assert read_object(found.content) == {"a": 1}


@pytest.mark.parametrize(
    ("s", "sign"),
    [({"sign": "x"}, "x"), ({"signature": "x"}, "x"), ({"sign": "", "signature": "x"}, "x"),
     ({"sign": "x", "signature": "y"}, "x"), ({}, None), (None, None)],
)  # fmt: skip
def test_a_signature_has_two_names(s: Any, sign: str | None) -> None:
    assert read(Envelope.STANDARD, outer(authen_info={"s": s})).sign == sign


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"", "JSON"),
        (b"x", "JSON"),
        (b"[]", "对象"),
        (b"null", "对象"),
        (b'"x"', "对象"),
        (b"{}", "request_content"),
        (b'{"request_content":{"a":1}}', "request_content"),
        (b'{"request_content":["x"]}', "request_content"),
        (b'{"request_content":1}', "request_content"),
        (b'{"request_content":null}', "request_content"),
        (b'{"request_content":""}', "request_content"),
        (b'{"request_content":"x","request_content":"y"}', "重复"),
        (b'{"request_content":"x","authen_info":[]}', "authen_info"),
        (b'{"request_content":"x","authen_info":"x"}', "authen_info"),
        (b'{"request_content":"x","authen_info":{"a":"C"}}', "authen_info.a"),
        (b'{"request_content":"x","authen_info":{"a":{"authen_code":1}}}', "authen_code"),
        (b'{"request_content":"x","authen_info":{"s":{"sign":["x"]}}}', "sign"),
        (b'{"request_content":"\\ud800"}', "代理"),
        (b'{"request_content":"x","a":NaN}', "JSON"),
        (b'{"request_content":"x","a":1e999}', "JSON"),
        (b'{"request_content":"x","a":' + b"9" * 5000 + b"}", "JSON"),
        (b'{"request_content":"x","a":' + b"[" * 40 + b"]" * 40 + b"}", "过深"),
        (b"[" * 100_000, "过深"),
        ('{"request_content":"中"}'.encode("gbk"), "UTF-8"),
        ('{"request_content":"x"}'.encode("utf-16"), "UTF-8"),
        (b'{"request_content":"\x00"}', "JSON"),
        (b"request_content=%7B%7D", "JSON"),
    ],
)
def test_what_is_no_envelope_is_told_by_name(raw: bytes, named: str) -> None:
    assert named in refusal(raw)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b'{"r":{}}', "r"),
        (b"{}", "r"),
        (b'{"r":"x","a":{}}', "a"),
        (b'{"request_content":"x"}', "r"),
    ],
)
def test_the_brief_envelope_names_its_members(raw: bytes, named: str) -> None:
    assert f"参数{named}" in refusal(raw, Envelope.BRIEF)


def test_the_brief_envelope_is_read() -> None:
    found = read(Envelope.BRIEF, b'{"a":"C","r":"{}\\n"}')
    assert (found.content, found.authen_code, found.authen_type) == ("{}\n", "C", 1)


@pytest.mark.parametrize(
    "text", ['{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":["\\ud83d","\\ude00"]}']
)
def test_half_a_surrogate_pair_in_the_content_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="代理"):
        read_object(f'{{"x":{text}}}')


def test_whole_pairs_and_a_bom_are_taken() -> None:
    assert read_object('\ufeff{"a":"\\ud83d\\ude00"}') == {"a": "😀"}


def test_nothing_of_a_request_is_in_its_repr() -> None:
    assert "secret" not in repr(proof(authen_code="secret"))
