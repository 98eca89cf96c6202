from __future__ import annotations

import time

import pytest

from gateways import strict_json


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"b":{"a":1,"a":1}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b"[]",
        b"1",
        b"",
        b'{"a":1} x',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"' + b"x" * (1 << 20) + b'"}',
    ],
    ids=range(16),
)
def test_json_that_two_readers_could_understand_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - many reasons, all of them ValueError
        strict_json.loads(raw)


def test_a_member_that_comes_twice_is_named_and_found_in_one_pass() -> None:
    many = "".join(f'"{number}":0,' for number in range(100_000))
    with pytest.raises(strict_json.DuplicateKey) as found:
        strict_json.loads(f'{{{many}"a":1,"b":{{"c":1,"d":2,"d":3}}}}'.encode())
    assert (found.value.key, str(found.value)) == ("d", "duplicate key")
    began = time.monotonic()
    with pytest.raises(strict_json.DuplicateKey) as found:
        strict_json.loads(f'{{{many}"99999":1}}'.encode())
    assert found.value.key == "99999"
    assert time.monotonic() - began < 2


def test_a_plain_object_is_read() -> None:
    raw = '{"a":{"b":[1,2.5,"一",null,true]}}'.encode()
    assert strict_json.loads(raw) == {"a": {"b": [1, 2.5, "一", None, True]}}


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = strict_json.MAX_DEPTH - 1
    strict_json.loads(b'{"a":' + b"[" * depth + b"]" * depth + b"}")
    with pytest.raises(ValueError, match="too deep"):
        strict_json.loads(b'{"a":' + b"[" * (depth + 1) + b"]" * (depth + 1) + b"}")


@pytest.mark.parametrize(
    "value", [1, True, "a b", "a\n", "a\x00", "付", "x" * 129, ["a"], {"a": 1}]
)
def test_an_identifier_is_a_plain_word(value: object) -> None:
    with pytest.raises(ValueError, match="is not a word"):
        strict_json.word({"name": value}, "name")


def test_an_empty_or_missing_identifier_is_none() -> None:
    assert strict_json.word({"a": "", "b": None}, "a") is None
    assert strict_json.word({"a": "", "b": None}, "b") is None
    assert strict_json.word({}, "c") is None
