"""SDKs that nobody here wrote use the simulator as if it were the upstream."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import requests

from simulator.faults import Fault
from simulator.world import World
from tests.simulator.alipay.client import Client
from tests.simulator.alipay.conftest import LIN, Listener
from tests.simulator.alipay.test_alipay_road import auth_code
from tests.simulator.node import SDK, run_script

Phone = Callable[..., requests.Response]
Until = Callable[[Callable[[], Any]], None]
Step = list[Any]


def node(client: Client, *steps: Step) -> list[dict[str, Any]]:
    orders = {
        "gateway": client.url,
        "appId": client.app_id,
        "privateKey": client.holdings["app_private_key"],
        "alipayPublicKey": client.holdings["alipay_public_key"],
        "steps": steps,
    }
    return list(run_script("alipay.mjs", given=json.dumps(orders)))


def python(client: Client, *steps: Step) -> list[dict[str, Any]]:
    orders = {k: v for k, v in client.holdings.items() if isinstance(v, str)}
    orders |= {"gateway": client.url, "steps": steps}  # type: ignore[dict-item]
    done = subprocess.run(
        [sys.executable, "alipay_python.py"],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=SDK,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_the_official_node_sdk_pays_asks_and_closes(
    client: Client,
    listener: Listener,
    phone: Phone,
    until: Until,
) -> None:
    token = {"appAuthToken": client.token}

    def ask(method: str, **biz: Any) -> Step:
        return ["exec", method, token | {"notifyUrl": listener.url, "bizContent": biz}]

    shared = {"totalAmount": "12.30", "subject": "拿铁 大杯+奶"}
    goods = [{"goodsId": "g1", "goodsName": "拿铁", "quantity": 1, "price": "12.30"}]
    extend = {"sysServiceProviderId": "2088000000000001"}
    found = node(
        client,
        ask("alipay.trade.create", outTradeNo="N1", buyerId=LIN, **shared),
        ask("alipay.trade.query", outTradeNo="N1"),
        ask(
            "alipay.trade.precreate",
            outTradeNo="N2",
            goodsDetail=goods,
            extendParams=extend,
            **shared,
        ),
        ask("alipay.trade.query", outTradeNo="N2"),
        ask("alipay.trade.create", outTradeNo="N3", buyerId=LIN, **shared),
        ask("alipay.trade.close", outTradeNo="N3"),
        ask("alipay.trade.cancel", outTradeNo="N3"),
        ask("alipay.trade.create", outTradeNo="N4", **shared),
        [
            "exec",
            "alipay.system.oauth.token",
            {"grantType": "authorization_code", "code": auth_code(client)},
        ],
        [
            "unchecked",
            "alipay.system.oauth.token",
            {"grantType": "authorization_code", "code": "x"},
        ],
        ["exec", "alipay.trade.query", {"bizContent": {"outTradeNo": "N1"}}],
    )
    assert [f.get("error") for f in found] == [None] * len(found)
    said = [f["ok"] for f in found]
    codes = ["10000"] * 3 + ["40004"] + ["10000"] * 3 + ["40004", None, "40002", "40006"]
    assert [s.get("code") for s in said] == codes
    assert said[1]["tradeStatus"] == "WAIT_BUYER_PAY"
    assert said[2]["qrCode"].startswith("https://qr.alipay.com/")
    assert said[3]["subCode"] == "ACQ.TRADE_NOT_EXIST"
    assert said[6]["action"] == "close"
    assert said[8]["userId"] == LIN
    assert said[9]["subCode"] == "isv.code-invalid"
    assert said[0]["traceId"]

    phone("confirm", said[0]["tradeNo"])
    until(lambda: listener.bodies)
    notice = listener.notices()[0]
    paid, good, forged = node(
        client,
        ask("alipay.trade.query", outTradeNo="N1"),
        ["notice", notice],
        ["notice", notice | {"total_amount": "12.31"}],
    )
    assert (paid["ok"]["tradeStatus"], paid["ok"]["totalAmount"]) == ("TRADE_SUCCESS", "12.30")
    assert (good["ok"], forged["ok"]) == (True, False)


def test_the_official_node_sdk_notices_a_bad_signature_and_escapes(
    client: Client, world: World
) -> None:
    biz = {"outTradeNo": "N1", "totalAmount": "1.00", "subject": "茶"}
    step = ["exec", "alipay.trade.precreate", {"appAuthToken": client.token, "bizContent": biz}]
    world.switches.set("alipay.escape", "both")
    (escaped,) = node(client, step)
    assert escaped["ok"]["qrCode"].startswith("https://qr.alipay.com/")
    world.faults.arm(Fault("alipay.precreate", "bad_signature"))
    (spoiled,) = node(client, step)
    assert "验签失败" in spoiled["error"]


def test_the_official_node_sdk_sends_a_browser_to_the_cashier(client: Client) -> None:
    biz = {
        "outTradeNo": "W1",
        "totalAmount": "1.00",
        "subject": "茶",
        "productCode": "QUICK_WAP_WAY",
    }
    params = {"appAuthToken": client.token, "bizContent": biz}
    (page,) = node(client, ["page", "alipay.trade.wap.pay", params])
    assert "确认付款" in requests.get(page["ok"], timeout=10).text


def test_stock_python_alipay_sdk_pays_asks_and_closes(
    client: Client, listener: Listener, phone: Phone, until: Until
) -> None:
    shared = {"total_amount": "12.30", "subject": "拿铁 大杯+奶", "notify_url": listener.url}
    found = python(
        client,
        ["api_alipay_trade_create", shared | {"out_trade_no": "P1", "buyer_id": LIN}],
        ["api_alipay_trade_query", {"out_trade_no": "P1"}],
        ["api_alipay_trade_precreate", shared | {"out_trade_no": "P2"}],
        ["api_alipay_trade_create", shared | {"out_trade_no": "P3", "buyer_id": LIN}],
        ["api_alipay_trade_close", {"out_trade_no": "P3"}],
        ["api_alipay_trade_cancel", {"out_trade_no": "P3"}],
        ["api_alipay_trade_query", {"out_trade_no": "P2"}],
    )
    assert [f.get("error") for f in found] == [None] * len(found)
    said = [f["ok"] for f in found]
    assert [s["code"] for s in said] == ["10000"] * 6 + ["40004"]
    phone("confirm", said[0]["trade_no"])
    until(lambda: listener.bodies)
    notice = listener.notices()[0]
    paid, good, forged = python(
        client,
        ["api_alipay_trade_query", {"out_trade_no": "P1"}],
        ["verify", dict(notice)],
        ["verify", notice | {"total_amount": "0.01"}],
    )
    assert paid["ok"]["trade_status"] == "TRADE_SUCCESS"
    assert (good["ok"], forged["ok"]) == (True, False)


def test_stock_python_alipay_sdk_notices_a_bad_signature(client: Client, world: World) -> None:
    world.faults.arm(Fault("alipay.query", "bad_signature"))
    (spoiled,) = python(client, ["api_alipay_trade_query", {"out_trade_no": "P1"}])
    assert spoiled["error"].startswith("AliPayValidationError")
