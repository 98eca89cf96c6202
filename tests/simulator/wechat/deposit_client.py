"""Deposits as wechatpy sends them: it signs, writes XML and raises what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature_hmac

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Merchant

HMAC = "HMAC-SHA256"
NUMBER, FEN = "DP0001", 1000


@dataclass
class Deposits:
    sim: Simulator
    sdk: WeChatPay
    key: str

    def call(self, name: str, **fields: Any) -> dict[str, str]:
        """What SUCCESS says, its signature proved."""
        said = {"appid": self.sdk.appid, "sign_type": HMAC} | fields
        said = {n: str(v) for n, v in said.items() if v is not None}
        answer = dict(self.sdk.post(f"deposit/{name}", data=said))
        assert answer.pop("sign") == calculate_signature_hmac(answer, self.key)
        return answer

    def refused(self, name: str, **fields: Any) -> str:
        """The err_code, or the words of what was not even read."""
        with pytest.raises(WeChatPayException) as caught:
            self.call(name, **fields)
        no = caught.value
        return str(no.errcode if no.return_code == "SUCCESS" else no.return_msg)

    def fields(self, number: str = NUMBER, fen: int = FEN, **more: Any) -> dict[str, Any]:
        """Of /deposit/micropay; `auth_code` a fresh one of 周航's unless given."""
        return {
            "deposit": "Y",
            "body": "青禾茶事-押金",
            "out_trade_no": number,
            "total_fee": fen,
            "spbill_create_ip": "127.0.0.1",
            "auth_code": more.pop("auth_code", None) or self.code(),
        } | more

    def freeze(self, number: str = NUMBER, fen: int = FEN, **more: Any) -> dict[str, str]:
        return self.call("micropay", **self.fields(number, fen, **more))

    def consume(self, fen: int, number: str = NUMBER, of: int = FEN) -> dict[str, str]:
        return self.call("consume", **consumption(fen, number, of))

    def query(self, number: str = NUMBER) -> dict[str, str]:
        return self.call("orderquery", out_trade_no=number)

    def code(self, person: str = "zhou") -> str:
        return str(self.sim.post("/sim/wechat/paycode", {"person": person})["auth_code"])

    def row(self, number: str = NUMBER) -> dict[str, Any]:
        rows = self.sim.get("/sim/freezes")
        return next(dict(row) for row in rows if row["out_freeze_no"] == number)

    def phone(self, act: str, status: int = 200, **which: str) -> Any:
        body = {**which, "act": act}
        answer = self.sim.http.post(f"{self.sim.url}/sim/wallet/wechat/pay", json=body, timeout=5)
        assert answer.status_code == status, answer.text
        return answer.json()


def consumption(fen: int, number: str = NUMBER, of: int = FEN) -> dict[str, Any]:
    return {"out_trade_no": number, "total_fee": of, "consume_fee": fen, "fee_type": "CNY"}


def deposits_of(sim: Simulator, shop: Merchant) -> Deposits:
    creds = shop.creds
    sdk = WeChatPay(
        creds["sp_appid"], creds["apiv2_key"], creds["sp_mchid"], sub_mch_id=creds["sub_mchid"],
        timeout=5,
    )  # fmt: skip
    sdk.API_BASE_URL = sim.url + "/"
    sdk._http.headers["X-SSL-Client-Cert"] = quote(creds["merchant_certificate"])
    return Deposits(sim, sdk, creds["apiv2_key"])
