"""A stand-in product's pay page and the real simulator, on two loopback ports."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from alipay import ISVAliPay
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import BaseWSGIServer, make_server

from simulator.app import create_app
from simulator.parties import PEOPLE
from simulator.world import World
from tests.simulator.wechat.client import Merchant

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PAGE_SCRIPT = """
(function (d, w) {
  var out = d.getElementById('out'), wallet = d.body.getAttribute('data-wallet');
  function say(x) { out.textContent = JSON.stringify(x); }
  d.addEventListener(wallet === 'alipay' ? 'AlipayJSBridgeReady' : 'WeixinJSBridgeReady',
    function () { d.getElementById('ready').textContent = 'ready'; });
  d.getElementById('pay').addEventListener('click', function () {
    var params = JSON.parse(d.getElementById('params').value);
    if (wallet === 'alipay') w.AlipayJSBridge.call('tradePay', params, say);
    else w.WeixinJSBridge.invoke('getBrandWCPayRequest', params, say);
  });
  d.getElementById('leave').addEventListener('click', function () {
    if (wallet === 'alipay') w.AlipayJSBridge.call('popWindow');
    else w.WeixinJSBridge.invoke('closeWindow', {}, function () {});
  });
  d.getElementById('next').addEventListener('click', function () {
    w.location.href = '/q/sz/NEXT' + w.location.search;
  });
})(document, window);
"""
HTML = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>付款</title>
<meta name="viewport" content="width=device-width"><body data-wallet="{wallet}"><h1>{shop}</h1>
<p>用 <b id="wallet">{wallet}</b></p><label>单 <input id="params"></label>
<button id="pay">付款</button><button id="leave">完成</button><button id="next">下一页</button>
<p id="ready"></p><pre id="out"></pre>{bridge}<script src="/page.js"></script></body></html>"""


@dataclass
class Stage:
    product: str
    sim: str
    world: World
    product_is_up: bool = True

    def link(self, code: str = "8K3FQ2") -> str:
        return f"{self.product}/q/sz01/{code}"

    def state(self) -> str:
        """Of the only trade."""
        (trade,) = self.world.books.all()
        return trade.state

    def order(self, wallet: str, person: str = "lin") -> dict[str, str]:
        """What the bridge takes to pay ¥1,284.50 to 青禾茶事, ordered as an integrator would."""
        creds = requests.get(f"{self.sim}/sim/credentials", timeout=5).json()
        return (self._wechat if wallet == "wechat" else self._alipay)(creds[wallet], person)

    def _wechat(self, creds: dict[str, Any], person: str) -> dict[str, str]:
        shop = Merchant(self.sim, creds)
        more = {"amount": {"total": 128450}, "out_trade_no": "YM0001"}
        openid = self.world.openid(creds["sp_appid"], person)
        answer = shop.place(shop.order(openid, notify_url=f"{self.product}/notify", **more))
        shop.hang_up()
        assert answer.status == 200, answer.body
        params: dict[str, str] = shop.bridge(answer.json["prepay_id"])
        return params

    def _alipay(self, creds: dict[str, Any], person: str) -> dict[str, str]:
        client = ISVAliPay(
            appid=creds["app_id"],
            app_notify_url=f"{self.product}/notify",
            app_private_key_string=creds["app_private_key"],
            alipay_public_key_string=creds["alipay_public_key"],
            app_auth_token=creds["app_auth_token"],
        )
        client._gateway = f"{self.sim}/gateway.do"
        answer = client.api_alipay_trade_create(
            out_trade_no="YM0001",
            total_amount="1284.50",
            subject="青禾茶事-柜台",
            buyer_id=PEOPLE[person].alipay_user_id,
        )
        assert answer["code"] == "10000", answer
        return {"tradeNO": answer["trade_no"]}


def serve(app: Flask, running: list[BaseWSGIServer]) -> str:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    running.append(server)
    return f"http://127.0.0.1:{server.server_port}"


def product_app(stage: Stage) -> Flask:
    app = Flask("product")

    def page(code: str) -> ResponseReturnValue:
        wallet = request.args.get("sim_wallet", "browser")
        tag = f'<script src="{stage.sim}/sim/bridge.js?wallet={wallet}"></script>'
        bridge = "" if wallet == "browser" else tag
        answer = Response(HTML.format(wallet=wallet, shop=f"店 {code}", bridge=bridge))
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' {stage.sim}; connect-src 'self' {stage.sim}; "
            f"style-src 'none'; frame-ancestors {stage.sim}"
        )
        return answer

    app.add_url_rule("/q/sz01/<code>", "page", page)
    app.add_url_rule("/q/sz/<code>", "next", page)
    app.add_url_rule("/outside/<code>", "outside", page)
    app.add_url_rule("/page.js", "js", lambda: Response(PAGE_SCRIPT, mimetype="text/javascript"))

    @app.post("/notify")
    def notify() -> ResponseReturnValue:
        return "success", 200

    @app.get("/sim-codes.json")
    def codes() -> ResponseReturnValue:
        if not stage.product_is_up:
            return "", 503
        names = (("青禾茶事 · 12 号桌", "8K3FQ2"), ("南窗面馆 · 前台", "2W7ND5"))
        rows = [{"name": n, "code": c, "url": stage.link(c), "kind": "store"} for n, c in names]
        answer = jsonify(codes=rows, merchant_url=f"{stage.product}/outside/m")
        answer.headers["Access-Control-Allow-Origin"] = stage.sim
        return answer

    return app


@pytest.fixture(scope="session")
def the_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    running: list[BaseWSGIServer] = []
    made = Stage("", "", None)  # type: ignore[arg-type]
    made.product = serve(product_app(made), running)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIM_PRODUCT_URL", made.product)
        patch.delenv("SIM_CLOCK_FILE", raising=False)
        app = create_app(tmp_path_factory.mktemp("sim"))
    made.world = app.extensions["sim_world"]
    made.sim = serve(app, running)
    yield made
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def stage(the_stage: Stage) -> Stage:
    """Emptied, with a product that answers."""
    the_stage.world.reset()
    the_stage.product_is_up = True
    return the_stage


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=FLAGS.split(), headless=True
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """A desk browser that fails the test on a script error or a request to anywhere else."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    made = context.new_page()
    problems: list[str] = []
    made.on("pageerror", lambda error: problems.append(str(error)))
    made.on("console", lambda m: problems.append(m.text) if "Security Policy" in m.text else None)

    def heard(url: str) -> None:
        if not url.startswith((stage.product, stage.sim, "data:", "about:")):
            problems.append(f"foreign request {url}")

    made.on("request", lambda asked: heard(asked.url))
    yield made
    context.close()
    assert problems == []
