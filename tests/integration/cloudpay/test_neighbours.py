"""failures.md 46: a merchant whose calls last long takes no other's threads."""

from __future__ import annotations

import json
import select
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.harness.cloudpay import Till, code_of
from tests.harness.product import Product
from tests.integration.cloudpay.changing import with_settings
from tests.integration.cloudpay.helping import asking, calls, refusal, scan, state
from tests.integration.cloudpay.raw import Line
from tests.integration.codepay.helping import PAY
from tests.integration.webs import web_processes

NOBODYS, LATER = (104, 400), (103, 1005)


def envelope(till: Till, content: dict[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False)
    proof = {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}}
    return json.dumps({"request_content": text, "authen_info": proof}).encode()


def asks(till: Till, line: Line) -> tuple[int, int]:
    """A question about an order that nobody has."""
    raw = envelope(till, asking(till, till.number()))
    return refusal(till.read(line.post("/cpay/query_order", raw).body))


def is_answered(line: Line) -> bool:
    return bool(select.select([line.sock], [], [], 0)[0])


def test_a_merchant_that_holds_its_threads_comes_again_and_another_is_answered(
    product: Product,
) -> None:
    """One process of four threads: two payments over a wallet that takes its time are its half."""
    till, other = Till.of(product), Till.of(product, merchant=1)
    product.simulator.fault(PAY["wechat"], "delay", times=2, ms=5000)
    pays = [scan(product, till) for _ in range(2)]
    alone = web_processes(product, 1, WEB_THREADS="4", CPAY_TOO_MANY_S="0")
    with alone as url, ExitStack() as stack:
        lines = [stack.enter_context(Line(url)) for _ in pays]
        for line, content in zip(lines, pays, strict=True):
            body = envelope(till, content)
            line.send(line.head("POST", "/cpay/micro_pay", len(body)) + body)
        until_asked(product, 2)
        own, theirs = (stack.enter_context(Line(url)) for _ in range(2))
        assert asks(other, theirs) == NOBODYS, "somebody else is there"
        assert asks(till, own) == LATER
        assert "3秒后" in till.answers[-1]["description"]
        assert asks(other, theirs) == NOBODYS
        assert not any(is_answered(line) for line in lines), "nobody was waited for"
        for line in lines:
            assert state(till.read(line.read().body)["micro_pay"]) == 2
        assert asks(till, own) == NOBODYS
    assert calls(product) == 2


def test_who_calls_too_often_is_answered_later_and_no_thread_waits_with_it(
    product: Product,
) -> None:
    """One process of two threads, and six calls of one merchant above its limit."""
    till, other = Till.of(product), Till.of(product, merchant=1)
    late = {"CPAY_MERCHANT_PER_MINUTE": "3", "CPAY_TOO_MANY_S": "5"}
    web = web_processes(product, 1, WEB_THREADS="2", **late)
    with web as url, ExitStack() as stack:
        lines = [stack.enter_context(Line(url)) for _ in range(6)]
        theirs = stack.enter_context(Line(url))
        assert [asks(till, lines[0]) for _ in range(3)] == [NOBODYS] * 3
        began = time.monotonic()
        for line in lines:
            body = envelope(till, asking(till, till.number()))
            line.send(line.head("POST", "/cpay/query_order", len(body)) + body)
        assert [asks(other, theirs) for _ in range(3)] == [NOBODYS] * 3
        early = any(is_answered(line) for line in lines)
        assert not early or time.monotonic() - began >= 2.5, "the machine may be slow"
        for line in lines:
            assert refusal(till.read(line.read().body)) == LATER
        assert time.monotonic() - began >= 2.5, "half of what is set, at the least"
        assert lines[0].get("/cpay/ping").status == 200, "its connection is kept"


def until_asked(product: Product, count: int) -> None:
    ends = time.monotonic() + 20
    while product.one("SELECT count(*) AS n FROM cpay_call").n < count:
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_payment_that_is_told_to_come_again_was_never_begun(product: Product) -> None:
    with_settings(product, web_threads=2)
    till = Till.of(product)
    own = product.one(
        "SELECT provider_id, id FROM merchant WHERE out_sub_mch_id = :m", m=till.out_sub_mch_id
    )
    content = scan(product, till)
    with product.deps.cpay_threads.call(product.deps.settings, tuple(own), 0.0):
        answer = till.call("micro_pay", content)
        assert refusal(answer) == LATER
    assert product.sql("SELECT 1 FROM cpay_call") == []
    assert calls(product) == 0
    assert state(till.call("micro_pay", content)["micro_pay"]) == 2


@pytest.mark.parametrize("share", [50, 100])
def test_who_may_hold_all_of_them_is_never_told_so(product: Product, share: int) -> None:
    with_settings(product, web_threads=2, cpay_merchant_share=share)
    till = Till.of(product)
    own = product.one(
        "SELECT provider_id, id FROM merchant WHERE out_sub_mch_id = :m", m=till.out_sub_mch_id
    )
    with product.deps.cpay_threads.call(product.deps.settings, tuple(own), 0.0):
        said = refusal(till.call("query_order", asking(till, till.number())))
    assert said == (LATER if share == 50 else NOBODYS)
