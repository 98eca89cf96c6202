"""A merchant's consent to an ISV's app: the page, and the code's exchange. Source: alipay.md 3.1,
3.2.

Any known Alipay account may consent for any merchant of the app: whose it is, the app has to look.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, redirect, render_template_string, request
from werkzeug.wrappers import Response as BaseResponse

from simulator.alipay.codes import Refusal
from simulator.alipay.consent import is_allowed, new_code
from simulator.alipay.pages import refusal_page
from simulator.alipay.state import Alipay, Call
from simulator.alipay.tokens import GRANT_LIFE

PATH = "/oauth2/appToAppAuth.htm"
CODE_LIFE = 86400.0  # once, within 24 hours
_SCOPE = "app_auth"
_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>支付宝应用授权</title><style>
body{font:16px/1.6 sans-serif;margin:0 auto;max-width:26rem;padding:24px}
h1{font-size:20px} button{display:block;width:100%;min-height:44px;margin:12px 0;font-size:17px}
small{color:#555}</style></head>
<body><h1>支付宝应用授权</h1><p><small>模拟页面，不产生真实授权</small></p>
<p>{{ app }} 申请代你的商户收款、退款和下载账单。用哪个支付宝账号同意？</p>
<form method="get">{% for name, value in fields %}
<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
{% for one in merchants %}<button name="pid" value="{{ one.pid }}">{{ one.name }} {{ one.pid }}
</button>{% endfor %}</form></body></html>"""


def add_grants(app: Flask, sim: Alipay) -> None:
    @app.get(PATH)
    def alipay_app_to_app_auth() -> BaseResponse:
        try:
            return _authorise(sim.fresh())
        except Refusal as no:
            return refusal_page(no)


def _authorise(sim: Alipay) -> BaseResponse:
    """With `pid` that account has consented; without one its owner is asked."""
    app = sim.world.alipay.get(request.args.get("app_id", ""))
    if app is None:
        raise Refusal("isv.invalid-app-id")
    state, back = request.args.get("state", ""), request.args.get("redirect_uri", "")
    if len(state) > 100:
        raise Refusal("isv.invalid-parameter", "参数无效：state 超过 100 个字符")
    if not is_allowed(app, back):
        raise Refusal("isv.invalid-parameter", "参数无效：redirect_uri 与授权回调地址不一致")
    merchants = list(app.merchants.values())
    chosen = next((m for m in merchants if m.pid == request.args.get("pid")), None)
    if chosen is None:
        fields = [(n, v) for n, v in request.args.items() if n != "pid"]
        page = render_template_string(_PAGE, app=app.name, fields=fields, merchants=merchants)
        return Response(page)
    answer = {"app_id": app.app_id, "source": "alipay_app_auth"}
    answer["app_auth_code"] = new_code(sim, app.app_id, chosen.pid, _SCOPE, CODE_LIFE)
    if state:
        answer["state"] = state
    return redirect(back + ("&" if "?" in back else "?") + urlencode(answer))


def token(call: Call) -> dict[str, Any]:
    """alipay.open.auth.token.app: the code, good once, for the merchant's token.

    Whoever consents again has a valid grant again, whatever a switch had made of it.
    """
    if call.biz.get("grant_type") != "authorization_code":
        raise Refusal("GRANT_TYPE_INVALID", "授权类型无效")
    world = call.sim.world
    with world.lock:
        held = world.codes.get(str(call.biz.get("code") or ""))
        if held is None or held.scope != _SCOPE:
            raise Refusal("AUTH_CODE_NOT_EXIST", "授权码不存在")
        if held.app != call.app.app_id:
            raise Refusal("APP_ID_NOT_CONSISTENT", "授权码与应用不一致")
        if held.used or held.expires_at <= world.clock.time():
            raise Refusal("AUTH_CODE_NOT_VALID", "授权码已失效")
        held.used = True
    merchant = next(m for m in call.app.merchants.values() if m.pid == held.person)
    world.switches.set(f"alipay.token.{merchant.pid}", "")
    return {
        "app_auth_token": merchant.app_auth_token,
        "app_refresh_token": "202611RR" + secrets.token_hex(12),
        "auth_app_id": merchant.auth_app_id,
        "user_id": merchant.pid,
        "expires_in": str(GRANT_LIFE),
        "re_expires_in": str(GRANT_LIFE),
    }
