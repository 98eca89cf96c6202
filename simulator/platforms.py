"""The wallets' own platforms, where a merchant or provider puts right what only they can.

`GET /sim/platforms` lists what is not as it was at the start (商户平台, 公众平台); pressing
a row is what its owner does there. `/sim/receiver` is a provider's own system, told of payments.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, Response, jsonify, render_template_string, request
from flask.typing import ResponseReturnValue

from simulator import alipay, wechat
from simulator.second import FIRST, SECOND, WHICH
from simulator.wechat import rules
from simulator.world import World

SWITCHES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "wechat.public_identity": (FIRST, WHICH, "which WeChat Pay public key answers are signed with"),
    "wechat.apiv2_key": (FIRST, (FIRST, SECOND), "second: the APIv2 key was reset"),
    "wechat.oa_secret": (FIRST, (FIRST, SECOND), "second: the official accounts' AppSecret too"),
    "wechat.pay_directories": (
        "registered", ("registered", "missing"), "missing: no page of the product may pay",
    ),
    "alipay.app_key": (FIRST, WHICH, "which public key of the app Alipay has"),
    "alipay.gateway_key": (FIRST, (FIRST, SECOND), "which key Alipay signs with"),
    "alipay.app_state": ("online", ("online", "offline"), "offline: the app may not be called"),
    "alipay.grant_days": ("365", (), "days until merchants' authorisations end"),
    "receiver.answer": ("ok", ("ok", "refuse"), "refuse: the provider's own system answers 500"),
}  # fmt: skip
PAGE = """<!doctype html><meta charset="utf-8"><title>platforms</title><h1>平台</h1>
<ul>{% for name, row in rows.items() %}<li><form method="post"><input type="hidden" name="name"
value="{{ name }}"><code>{{ name }}</code> = {{ row.value }} <button>在平台上改好</button></form>
<small>{{ row.about }}</small></li>{% else %}<li>一切如初</li>{% endfor %}</ul>"""


def declare(world: World) -> None:
    """Before the channels: their keys follow these."""
    for name, (default, allowed, about) in SWITCHES.items():
        world.switches.declare(name, default, allowed, about)
    for provider in world.wechat.values():
        for merchant in provider.merchants.values():
            rules.declare_merchant(world, merchant)
    for app in world.alipay.values():
        for held in app.merchants.values():
            about = f"{held.name}: none: 当面付 is not signed"
            world.switches.declare(f"alipay.product.{held.pid}", "", ("", "none"), about)


def register(app: Flask, world: World) -> None:
    heard: list[dict[str, Any]] = []

    @app.get("/sim/platforms")
    def platforms_page() -> ResponseReturnValue:
        rows = {n: r for n, r in world.switches.rows().items() if r["value"] != r["default"]}
        return render_template_string(PAGE, rows=rows)

    @app.post("/sim/platforms")
    def platform_pressed() -> ResponseReturnValue:
        """The owner puts one thing right; a key that was replaced stays replaced."""
        name = request.form.get("name", "")
        row = world.switches.rows().get(name)
        if row is None or "key" in name or name.endswith(("identity", "certificate", "secret")):
            return Response("nothing to put right there", status=409)
        world.switches.set(name, str(row["default"]))
        world.note("sim", "platform", name)
        return Response(status=303, headers={"Location": "/sim/platforms"})

    @app.get("/sim/credentials/next")
    def next_keys() -> ResponseReturnValue:
        """What the demo parties replace their keys with; made when first asked for."""
        provider, isv = next(iter(world.wechat.values())), next(iter(world.alipay.values()))
        return jsonify(
            wechat=wechat.next_credentials(world, provider),
            alipay=alipay.next_credentials(world, isv),
        )

    @app.post("/sim/receiver")
    def receiver_told() -> ResponseReturnValue:
        if world.switches.get("receiver.answer") != "ok":
            return Response("out of order", status=500)
        heard.append(json.loads(request.get_data()))
        return Response("ok")

    @app.get("/sim/receiver")
    def receiver_heard() -> ResponseReturnValue:
        return Response(json.dumps(heard[-50:]), content_type="application/json")
