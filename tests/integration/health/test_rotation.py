"""failures.md 47, through the console: keys are changed while customers pay, and nobody fails."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.harness.console import Console
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator

MakePhone = Callable[..., Phone]
CODES = ("8K3FQ2", "8K3FQ3", "8K3FQ4")


class Customers:
    """People who pay one after the other, by both wallets, until they are told to stop."""

    def __init__(self, phone: MakePhone) -> None:
        self._phone, self._stop = phone, threading.Event()
        self.paid: list[str] = []
        self.failed: list[str] = []
        self._threads = [
            threading.Thread(target=self._pay, args=("wechat", 1)),
            threading.Thread(target=self._pay, args=("alipay", 13)),
        ]

    def __enter__(self) -> Customers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _pay(self, wallet: str, first: int) -> None:
        """Each time somebody else, or at another code: a payer just seen is shown the result."""
        n = 0
        while not self._stop.is_set():
            person, code = f"p{first + n % 12:02d}", CODES[n // 12 % len(CODES)]
            amount, n = f"{n % 90 + 1}.0{n % 9 + 1}", n + 1
            try:
                self._phone(wallet, person).pay(code, amount)
                self.paid.append(f"{wallet} {n}")
            except Exception as problem:  # whatever it is: a customer could not pay
                self.failed.append(f"{wallet} {n}: {problem!r}"[:300])


def test_keys_are_changed_while_customers_pay_and_no_request_fails(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    desk = Console(product)
    new = simulator.get("/sim/credentials/next")
    wechat, alipay = new["wechat"], new["alipay"]

    def save(path: str, held: dict[str, str], *names: str) -> None:
        answer = desk.post(path, {name: held[name] for name in names}, confirmed=True)
        assert answer.status_code == 200, answer.text[-600:]

    def flip(name: str, value: str) -> None:
        simulator.switch(name, value)

    steps: list[Callable[[], None]] = [
        lambda: save("/settings/wechat", wechat, "merchant_certificate", "merchant_private_key"),
        lambda: flip("wechat.merchant_certificate", "revoked"),
        lambda: flip("wechat.public_identity", "both"),
        lambda: save("/settings/wechat", wechat, "public_key", "public_key_id"),
        lambda: flip("wechat.public_identity", "second"),
        lambda: save("/settings/wechat", wechat, "apiv3_key"),
        lambda: flip("wechat.apiv3_key", "changed"),
        lambda: flip("alipay.app_key", "both"),
        lambda: save("/settings/alipay", alipay, "app_private_key"),
        lambda: flip("alipay.app_key", "second"),
        lambda: save("/settings/alipay", alipay, "alipay_public_key"),
        lambda: flip("alipay.gateway_key", "second"),
    ]
    with Customers(phone) as people:
        for step in steps:
            before = len(people.paid)
            step()
            for _ in range(300):
                if len(people.paid) > before + 1 or people.failed:
                    break
                threading.Event().wait(0.05)
        desk.post("/settings/retire", confirmed=True)
    assert people.failed == []
    assert len(people.paid) > 24
    for row in product.sql("SELECT out_trade_no FROM pay_order WHERE intent_key NOT LIKE 'demo:%'"):
        product.wait_paid(row.out_trade_no)
    refused = [
        line for line in simulator.get("/sim/trail")
        if line["way"] == "notify" and not line["more"].startswith(("200", "204"))
    ]  # fmt: skip
    assert refused == []
    assert desk.post("/health/run").status_code == 303
    levels = {
        row.check_name: row.level
        for row in product.sql("SELECT check_name, level FROM health_finding")
    }
    assert {name for name, level in levels.items() if level == "bad"} == set()
    for name in ("wechat_keys", "wechat_apiv3_key", "wechat_public_key", "alipay_keys"):
        assert levels[name] == "ok"
