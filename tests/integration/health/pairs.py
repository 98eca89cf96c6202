"""For every check: what at the wallets turns it red, and the remedy done through screens alone.

Screens are the console's own, and `/sim/platforms`, which stands for the wallets' platforms where
their owners act. Nothing here writes a row of the product.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import requests

from services.health import reading
from tests.harness.console import Console
from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.integration.refunds.helping import refund

MERCHANT, SUB, PID = "sub01QINGHE8H2K4M6P9", "1900000109", "2088000000000109"
OWN_SUB, OWN_STORE, OWN_CODE = "1900000117", "qinghe-dongpo", "4M8RT6"
APP = "wx8888888888888888"
LINK = re.compile(r'<a class="btn btn-s" href="([^"]+)">去处理</a>')


@dataclass
class Desk:
    """The provider's admin at the console, customers with phones, the wallets' platforms."""

    product: Product
    console: Console
    phone: Callable[..., Phone]

    @property
    def provider(self) -> int:
        return int(self.product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=MAIN).id)

    def look(self) -> dict[str, str]:
        """Press 再查一次 for the provider and the merchant; check to level."""
        for path in ("/health/run", f"/health/merchants/{MERCHANT}/run"):
            answer = self.console.post(path)
            assert answer.status_code == 303, answer.text[-500:]
        return self.levels()

    def levels(self) -> dict[str, str]:
        def unit(session: Any) -> dict[str, str]:
            now = self.product.deps.now()
            own = reading.of_provider(session, self.provider, now)
            found = own + reading.of_merchant(session, self.provider, 1, now)
            return {self.name(one): str(one.level) for one in found}

        return self.product.deps.transact(unit)

    @staticmethod
    def name(one: reading.Finding) -> str:
        """A store's finding counts where the store has an account of its own."""
        return one.check.name if one.store_id in (None, 2) else f"{one.check.name}:{one.store_id}"

    def red(self) -> set[str]:
        return {name for name, level in self.look().items() if level == "bad"}

    def pages(self) -> str:
        return (
            self.console.get("/health").text
            + self.console.get(f"/health/merchants/{MERCHANT}").text
        )

    def switch(self, name: str, value: str) -> None:
        self.product.simulator.switch(name, value)

    def platform(self, name: str) -> None:
        """The wallet's own platform, where its owner puts something right."""
        answer = requests.post(
            f"{self.product.simulator.url}/sim/platforms", data={"name": name}, timeout=10,
            allow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 303, answer.text

    def next(self, channel: str) -> dict[str, str]:
        held: dict[str, str] = self.product.simulator.get("/sim/credentials/next")[channel]
        return held

    def save(self, path: str, **fields: str) -> str:
        """A form of the console, with a fresh code of the second factor."""
        answer = self.console.post(path, fields, confirmed=True)
        assert answer.status_code in (200, 303), answer.text[-800:]
        return answer.text

    def pay(self, wallet: str = "wechat", code: str = "8K3FQ2") -> None:
        made = self.phone(wallet).pay(code, "1.23")
        number = self.product.sql("SELECT out_trade_no FROM pay_order ORDER BY id DESC LIMIT 1")
        self.product.wait_paid(number[0].out_trade_no)
        assert "bridge" in made
        self.product.simulator.advance(61)

    def try_to_pay(self, wallet: str = "wechat", code: str = "8K3FQ2") -> None:
        """A customer who gets as far as the product lets him."""
        someone = self.phone(wallet)
        form = someone.form(code)
        someone.press(form, "1.23")
        self.product.simulator.advance(61)

    def paid_order(self) -> Any:
        self.pay()
        return self.product.sql("SELECT * FROM pay_order ORDER BY id DESC LIMIT 1")[0]


Act = Callable[[Desk], None]


def _new_certificate(desk: Desk) -> None:
    new = desk.next("wechat")
    desk.save("/settings/wechat", merchant_certificate=new["merchant_certificate"],
              merchant_private_key=new["merchant_private_key"])  # fmt: skip


def _new_secret(desk: Desk) -> None:
    desk.save("/official/direct", sp_appid=APP, oa_secret=desk.next("wechat")["oa_secret"])


def _saves(path: str, channel: str, *names: str) -> Act:
    def act(desk: Desk) -> None:
        new = desk.next(channel)
        desk.save(path, **{name: new[name] for name in names})

    return act


def _flips(name: str, value: str) -> Act:
    return lambda desk: desk.switch(name, value)


def _platform(*names: str) -> Act:
    def act(desk: Desk) -> None:
        for name in names:
            desk.platform(name)

    return act


def _all(*acts: Act) -> Act:
    def act(desk: Desk) -> None:
        for one in acts:
            one(desk)

    return act


def _lapse(desk: Desk) -> None:
    desk.product.simulator.post(f"/sim/oa/{APP}/verification", {"as": "verify_expired"})


def _five_lost(desk: Desk) -> None:
    desk.switch("wechat.oa_page_error", "10005")
    for n in range(1, 6):
        desk.phone("wechat", f"p{n:02d}").scan()
    desk.product.simulator.advance(61)


def _five_unpaid(desk: Desk) -> None:
    desk.switch("wechat.pay_directories", "missing")
    for n in range(1, 6):
        someone = desk.phone("wechat", f"p{n:02d}")
        made = someone.start(amount="1.23")
        status, _said = desk.product.simulator.wallet(
            "wechat",
            made["bridge"],
            person=someone.person,
            page_url=f"{desk.product.url}/q/{MAIN}/x",
        )
        assert status != 200
    desk.product.simulator.advance(61)


def _test_callback(desk: Desk) -> None:
    desk.console.post("/settings/callback/test")


def _refuse_refund(desk: Desk) -> None:
    order = desk.paid_order()
    desk.switch(f"wechat.sub.{SUB}", "no_refund")
    refund(desk.product, order, 100)


def _refund_again(desk: Desk) -> None:
    refund(desk.product, desk.paid_order(), 50)
    desk.product.simulator.advance(61)
    desk.product.sweep(2)


def _consent_again(desk: Desk) -> None:
    """The merchant's owner opens the link of the console's page and agrees once more."""
    page = html.unescape(desk.console.get(f"/merchants/{MERCHANT}/alipay?again=1").text)
    found = re.search(r"https?://[^\s\"<]*appToAppAuth\.htm[^\s\"<]*", page)
    assert found, "no link of consent"
    answer = requests.get(f"{found[0]}&pid={PID}", timeout=20)
    assert answer.status_code == 200, answer.text[-300:]


KEYS: Final = "/settings/wechat"
# check -> (what goes wrong at the wallet, the remedy through screens)
PAIRS: Final[dict[str, tuple[Act, Act]]] = {
    "wechat_certificate": (_flips("wechat.merchant_certificate", "expired"), _new_certificate),
    "wechat_keys": (_flips("wechat.merchant_certificate", "replaced"), _new_certificate),
    "wechat_apiv3_key": (
        _flips("wechat.apiv3_key", "changed"), _saves(KEYS, "wechat", "apiv3_key"),
    ),
    "wechat_public_key": (
        _flips("wechat.public_identity", "second"),
        _saves(KEYS, "wechat", "public_key", "public_key_id"),
    ),
    "wechat_apiv2_key": (
        _flips("wechat.apiv2_key", "second"), _saves(KEYS, "wechat", "apiv2_key"),
    ),
    "oa_access": (_flips("wechat.oa_secret", "second"), _new_secret),
    "oa_verified": (_lapse, _platform("wechat.oa_lapsed")),
    "oa_web": (_five_lost, _all(_platform("wechat.oa_page_error"), Desk.pay)),
    "pay_page": (_five_unpaid, _all(_platform("wechat.pay_directories"), Desk.pay)),
    "callback": (
        _all(_flips("receiver.answer", "refuse"), _test_callback),
        _all(_platform("receiver.answer"), _test_callback),
    ),
    "alipay_keys": (
        _flips("alipay.app_key", "second"),
        _saves("/settings/alipay", "alipay", "app_private_key"),
    ),
    "alipay_public_key": (
        _flips("alipay.gateway_key", "second"),
        _saves("/settings/alipay", "alipay", "alipay_public_key"),
    ),
    "alipay_app": (_flips("alipay.app_state", "offline"), _platform("alipay.app_state")),
    "merchant_wechat": (
        _flips(f"wechat.sub.{SUB}", "no_relation"), _platform(f"wechat.sub.{SUB}"),
    ),
    "merchant_collecting": (
        _all(_flips(f"wechat.sub.{SUB}", "no_product"), Desk.try_to_pay),
        _all(_platform(f"wechat.sub.{SUB}"), Desk.pay),
    ),
    "merchant_refunding": (
        _refuse_refund, _all(_platform(f"wechat.sub.{SUB}"), _refund_again),
    ),
    "merchant_alipay": (_flips(f"alipay.token.{PID}", "invalid"), _consent_again),
    "merchant_alipay_scope": (_flips(f"alipay.token.{PID}", "no_api"), _consent_again),
    "merchant_f2f": (
        _all(_flips(f"alipay.product.{PID}", "none"), lambda d: d.try_to_pay("alipay")),
        _all(_platform(f"alipay.product.{PID}"), lambda d: d.pay("alipay")),
    ),
    "store_paying": (
        _flips(f"wechat.sub.{OWN_SUB}", "unknown"),
        _all(_platform(f"wechat.sub.{OWN_SUB}"), lambda d: d.pay(code=OWN_CODE)),
    ),
}  # fmt: skip
