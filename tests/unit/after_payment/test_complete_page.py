"""The address of a complete page with what was paid: an outside system can check its signature."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateways.outgoing.page import PageSeen
from services.after_payment import complete_page
from services.after_payment.problems import CompleteUrl
from services.after_payment.trying import LEAST_TEXT

VALUES = {name: f"{name} 值&=?" for name in complete_page.NAMES}


@pytest.mark.parametrize(
    "url", ["https://m.cn/done", "https://m.cn/done?a=1&b=%20", "https://m.cn/?"]
)
def test_whoever_has_the_key_checks_the_address(url: str) -> None:
    made = complete_page.signed(url, VALUES, b"key")
    assert made.startswith(url)
    heard = dict(parse_qsl(urlsplit(made).query, keep_blank_values=True))
    assert {name: heard[name] for name in VALUES} == VALUES
    plain = "&".join(f"{name}={heard[name]}" for name in sorted(VALUES))
    right = hmac.new(b"key", plain.encode(), hashlib.sha256).hexdigest().upper()
    assert heard["sign"] == right
    assert complete_page.signed(url, {**VALUES, "total_fee": "1"}, b"key") != made


@pytest.mark.parametrize(
    "typed",
    [
        "http://m.cn/", "ftp://m.cn/", "https://m.cn/#done", "https://m.cn/?out_trade_no=1",
        "https://m.cn/?sign=", "https://a:b@m.cn/", "https://169.254.169.254/", "https://[::1]/",
        "https://m.cn/" + "a" * 400, "javascript:alert(1)", "https://m.cn/a b",
    ],
)  # fmt: skip
def test_what_is_no_public_https_page_is_refused(typed: str) -> None:
    with pytest.raises(CompleteUrl):
        complete_page.read_address(typed)


def test_no_page_is_no_page() -> None:
    assert complete_page.read_address("  ") is None
    assert complete_page.read_address(" https://m.cn/x ") == "https://m.cn/x"


@pytest.mark.parametrize(
    ("body", "is_seen"),
    [
        ("<p>谢谢</p>", True),
        ("<html><head><title>支付</title></head><body> </body></html>", False),
        ("<body><script>document.write('x')</script></body>", False),
        ("", False),
        ("<!-- 谢谢 --><style>p{color:red}</style>", False),
    ],
)  # fmt: skip
def test_a_page_that_shows_nothing_is_found(body: str, is_seen: bool) -> None:
    seen = PageSeen(200, "text/html", body.encode())
    assert (seen.text_length >= LEAST_TEXT) is is_seen


def test_a_sample_is_of_no_order() -> None:
    url = complete_page.sample("https://m.cn/x", "sp1", datetime(2026, 11, 26, tzinfo=UTC))
    assert "out_trade_no=TEST_0000000000" in url
