"""A payer's phone without a screen: one wallet, one cookie jar, one person."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.harness.simulator import Simulator

AGENTS = {
    "wechat": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.43(0x18002b2c) NetType/WIFI"
    " Language/zh_CN",
    "alipay": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Mobile/15E148 Ariver/1.1.0 AliApp(AP/10.6.80.6000) Nebula WK"
    " AlipayClient/10.6.80.6000 Language/zh-Hans",
    "browser": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Safari/537.36",
}
MAIN = "sz01lXKA6DKGjNzr2l4B"


@dataclass
class Form:
    """The pay page as it was rendered."""

    page: str
    action: str
    intent: str


@dataclass
class Phone:
    """`person` is a key of the simulator's people: lin, zhou, chen."""

    product_url: str
    simulator: Simulator
    wallet: str = "wechat"
    person: str = "lin"
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False
        self.http.headers["User-Agent"] = AGENTS[self.wallet]
        self.http.headers["Accept-Language"] = "zh-CN"
        self.http.cookies.set("sim_person", self.person, domain="127.0.0.1")

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.product_url + path, timeout=30, **more)

    def scan(
        self, code: str = "8K3FQ2", out_mch_id: str = MAIN, path: str = ""
    ) -> requests.Response:
        """Open the code: the OAuth round trip happens on the way."""
        return self.get(path or f"/q/{out_mch_id}/{code}")

    def form(self, code: str = "8K3FQ2", out_mch_id: str = MAIN, path: str = "") -> Form:
        return self.read_form(self.scan(code, out_mch_id, path))

    @staticmethod
    def read_form(answer: requests.Response) -> Form:
        page = answer.text
        intent = re.search(r'name="intent" value="([^"]*)"', page)
        action = re.search(r'<form id="pay" action="([^"]*)"', page)
        assert intent, f"no pay form ({answer.status_code}): {words(page)[:300]}"
        assert action
        return Form(page, html.unescape(action[1]), html.unescape(intent[1]))

    def press(self, form: Form, amount: str = "12.34", **more: str) -> requests.Response:
        """Press the key, as the page's script does."""
        return self.http.post(
            self.product_url + form.action,
            data={"intent": form.intent, "amount": amount, "remark": "", **more},
            headers={"Accept": "application/json"},
            timeout=30,
        )

    def start(self, code: str = "8K3FQ2", amount: str = "12.34", **more: str) -> dict[str, Any]:
        """Scan and press: the answer to the script, which must have bridge parameters."""
        answer = self.press(self.form(code), amount, **more)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        assert "bridge" in made, made
        return made

    def confirm(self, made: dict[str, Any], act: str = "confirm") -> Any:
        """Confirm (or cancel, or fail) in the wallet's sheet; the answer must be a plain 200."""
        status, said = self.simulator.wallet(
            self.wallet, made["bridge"], act, person=self.person,
            page_url=f"{self.product_url}/q/{MAIN}/x",
        )  # fmt: skip
        assert status == 200, said
        return said

    def pay(self, code: str = "8K3FQ2", amount: str = "12.34", **more: str) -> dict[str, Any]:
        made = self.start(code, amount, **more)
        self.confirm(made)
        return made

    def result(self, made: dict[str, Any]) -> requests.Response:
        return self.get(made["result"])

    def state(self, made: dict[str, Any], seen: str = "") -> dict[str, Any]:
        path, _, query = made["result"].partition("?")
        said: dict[str, Any] = self.get(f"{path}/state?{query}&seen={seen}").json()
        return said


def words(page: str) -> str:
    """A page without tags, styles and scripts."""
    page = re.sub(r"<(style|script|noscript).*?</\1>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page))).strip()
