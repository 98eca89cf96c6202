"""One number, one payment, one reply: repeated, changed, in flight, killed, raced for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from config.settings import ROOT
from tests.harness.cloudpay import Till, code_of
from tests.harness.product import Product
from tests.integration.cloudpay.helping import calls, paid, query, refusal, scan, state
from tests.integration.cloudpay.test_refunds import ask
from tests.integration.codepay.helping import PAY, WALLETS, paycode


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def inner(raw: bytes) -> str:
    """The content as the string that was signed."""
    return str(json.loads(raw)["response_content"])


def text_of(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)


@WALLETS
def test_the_same_call_gets_the_same_bytes(product: Product, till: Till, wallet: str) -> None:
    content = scan(product, till, wallet)
    first = till.send("micro_pay", text_of(content))
    assert state(till.read(first)["micro_pay"]) == 2
    again = json.dumps(content, ensure_ascii=True, indent=1, sort_keys=True) + "\n"
    for text in (text_of(content), again):  # the same members in other bytes
        assert till.send("micro_pay", text) == first
    assert till.send("micro_pay", text_of(content | {"nonce_str": "fresh"})) == first
    assert calls(product, PAY[wallet]) == 1


def test_a_repeat_keeps_its_reply_when_the_order_has_moved_on(product: Product, till: Till) -> None:
    number = paid(product, till, "alipay", 1000)
    kept = product.one("SELECT reply FROM cpay_call WHERE number = :n", n=number).reply
    assert till.call("refund", ask(till, number, 1000))["status"] == 0
    assert state(query(till, number)) == 5
    assert product.one("SELECT reply FROM cpay_call WHERE number = :n", n=number).reply == kept


@pytest.mark.parametrize(
    "change",
    [{"total_fee": 1235}, {"author_code": "other"}, {"body": "茶"}, {"remark": "加冰"}],
)
def test_other_content_is_407_and_leaves_the_first_alone(
    product: Product, till: Till, change: dict[str, Any]
) -> None:
    content = scan(product, till)
    first = till.call("micro_pay", content)
    if "author_code" in change:
        change = {"author_code": paycode(product, "wechat")}
    other = content | {"pay_content": content["pay_content"] | change}
    answer = till.call("micro_pay", other)
    assert refusal(answer) == (104, 407)
    assert "请勿撤销" in answer["description"]
    assert till.call("micro_pay", content) == first
    assert calls(product) == 1


def test_another_shop_of_the_merchant_is_other_content(product: Product, till: Till) -> None:
    content = scan(product, till)
    till.call("micro_pay", content)
    second = Till.of(product, 0, 1)
    other = content | {"pay_mch_key": second.mch_key(pay_platform=1)}
    assert refusal(till.call("micro_pay", other)) == (104, 407)


def test_a_number_of_a_pay_page_is_407(product: Product, till: Till, phone: Any) -> None:
    phone().start(amount="12.34")
    number = product.one("SELECT out_trade_no FROM pay_order WHERE status = 'paying'").out_trade_no
    content = scan(product, till, number=number)
    assert refusal(till.call("micro_pay", content)) == (104, 407)
    found = query(till, number)  # and it is not shown as the till's
    assert found["order_content"]["trade_type"] == 8
    assert found["order_content"]["nonce_str"] != content["nonce_str"]


def test_a_number_that_was_refused_before_anything_was_done_is_free(
    product: Product, till: Till
) -> None:
    content = scan(product, till)
    wrong = content | {"pay_content": content["pay_content"] | {"author_code": "6901234567892"}}
    assert refusal(till.call("micro_pay", wrong)) == (104, 1002)
    assert till.call("micro_pay", content)["status"] == 0


def test_a_repeat_in_flight_hears_so_within_ten_seconds(product: Product, till: Till) -> None:
    """The first one is held up by its wallet: the second does not wait for ever, nor pay."""
    content = scan(product, till)
    text = text_of(content)
    product.do(  # somebody holds the number, and will for longer than a call waits
        "INSERT INTO cpay_call (provider_id, merchant_id, kind, number, method, same, asked,"
        " lease_until, created_at) SELECT provider_id, id, 'pay', :n, 'micro_pay', '', '{}',"
        " :until, :now FROM merchant WHERE out_sub_mch_id = :m",
        n=content["pay_content"]["out_trade_no"], m=till.out_sub_mch_id, now=product.deps.now(),
        until=product.deps.now().replace(year=2099),
    )  # fmt: skip
    began = time.monotonic()
    answer = till.read(till.send("micro_pay", text))
    assert 5 < time.monotonic() - began < 10
    assert refusal(answer) == (103, 1010)
    assert calls(product) == 0


def test_a_repeat_in_flight_gets_the_reply_once_it_is_there(product: Product, till: Till) -> None:
    content = scan(product, till)
    text = text_of(content)
    product.simulator.fault(PAY["wechat"], "delay", ms=1500)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(Till.of(product).send("micro_pay", text)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert state(till.read(found[0])["micro_pay"]) == 2
    assert calls(product) == 1


_WEB = """
import json, sys, threading
from config.settings import load_settings
from services.cloudpay import dispatch, once
from services.deps import build_deps
given = json.loads(sys.stdin.readline())
deps = build_deps(load_settings(**given["settings"]))
if given["dies_after"]:
    kept = getattr(once, given["dies_after"])
    def and_waits(*words, **more):
        kept(*words, **more)
        print("done", flush=True)
        threading.Event().wait()
    setattr(once, given["dies_after"], and_waits)
print("ready", flush=True)
asked = json.loads(sys.stdin.readline())
found = []
def call():
    raw = dispatch.answer(deps, asked["method"], asked["body"].encode(), ip="").body
    found.append(raw.decode())
threads = [threading.Thread(target=call) for _ in range(asked["times"])]
for one in threads: one.start()
for one in threads: one.join()
print(json.dumps(found), flush=True)
"""


class Web:
    """A web process of its own, ready to serve."""

    def __init__(self, product: Product, *, dies_after: str = "") -> None:
        settings = product.deps.settings.model_dump(mode="json")
        names = ("data_dir", "database_url", "migrate_database_url", "public_url", "simulator_url")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WEB], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        kept = {name: settings[name] for name in names} | {
            "web_threads": 40
        }  # twenty calls at once
        given = {"settings": kept, "dies_after": dies_after}
        self._write(given)

    def _write(self, given: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def get_ready(self) -> None:
        """It has started: what it is asked now, it does now."""
        assert self._line() == "ready"

    def serve(self, till: Till, method: str, text: str, times: int = 1) -> None:
        """So many equal calls at a time."""
        info = {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}}
        body = json.dumps({"request_content": text, "authen_info": info})
        self._write({"method": method, "body": body, "times": times})

    def said(self) -> list[bytes]:
        line = self._line()
        assert self.process.wait(60) == 0
        self._close()
        return [raw.encode() for raw in json.loads(line)]

    def kill(self) -> None:
        """SIGKILL once it has come to where it waits."""
        assert self._line() == "done"
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait(10) == -signal.SIGKILL
        self._close()

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


def webs(product: Product, count: int, *, dies_after: str = "") -> list[Web]:
    made = [Web(product, dies_after=dies_after) for _ in range(count)]
    for one in made:
        one.get_ready()
    return made


def test_killed_between_commit_and_answer_the_repeat_gets_the_stored_answer(
    product: Product, till: Till
) -> None:
    (web,) = webs(product, 1, dies_after="store")
    text = text_of(scan(product, till))
    web.serve(till, "micro_pay", text)
    web.kill()
    kept = product.one("SELECT reply FROM cpay_call").reply
    raw = till.send("micro_pay", text)
    assert inner(raw) == kept
    assert state(till.read(raw)["micro_pay"]) == 2
    assert calls(product) == 1


def test_killed_after_its_claim_the_number_is_taken_over_and_charged_once(
    product: Product, till: Till
) -> None:
    (web,) = webs(product, 1, dies_after="claim")
    text = text_of(scan(product, till))
    web.serve(till, "micro_pay", text)
    web.kill()
    product.simulator.advance(20)  # its lease is over
    assert state(till.read(till.send("micro_pay", text))["micro_pay"]) == 2
    assert calls(product) == 1


def test_four_processes_with_twenty_equal_calls_each_make_one_upstream_call(
    product: Product, till: Till
) -> None:
    running = webs(product, 4)
    content = scan(product, till)
    for web in running:
        web.serve(till, "micro_pay", text_of(content), times=20)
    found = [raw for web in running for raw in web.said()]
    assert len(found) == 80
    assert len({inner(raw) for raw in found}) == 1
    assert state(till.read(found[0])["micro_pay"]) == 2
    assert calls(product) == 1
    number = content["pay_content"]["out_trade_no"]
    assert (
        product.one("SELECT status FROM pay_order WHERE out_trade_no = :n", n=number)[0] == "paid"
    )


def test_equal_refunds_from_two_processes_are_one(product: Product, till: Till) -> None:
    running = webs(product, 2)
    number = paid(product, till, "alipay", 1000)
    text = text_of(ask(till, number, 300))
    for web in running:
        web.serve(till, "refund", text, times=5)
    found = [raw for web in running for raw in web.said()]
    assert len({inner(raw) for raw in found}) == 1
    assert till.read(found[0])["status"] == 0
    assert len(product.sql("SELECT 1 FROM refund")) == 1
    assert calls(product, "alipay.trade.refund") == 1
