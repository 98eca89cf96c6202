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
from simulator.alipay.tokens import APP_AUTH, GRANT_LIFE
from simulator.parties import AlipayMerchant
from simulator.world import Token

PATH = "/oauth2/appToAppAuth.htm"
CODE_LIFE = 86400.0  # once, within 24 hours
_SCOPE = "app_auth"
_REFRESH, _SPENT = "app-refresh", "app-refreshed"
FORMER_LIFE = 600.0  # after a refresh the former token works about ten minutes
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
    """alipay.open.auth.token.app: a code or a refresh token, each good once, for the merchant's.

    Whoever consents again has a valid grant again, whatever a switch had made of it.
    """
    with call.sim.world.lock:
        match call.biz.get("grant_type"):
            case "authorization_code":
                merchant = _merchant(call, _redeemed(call, str(call.biz.get("code") or "")))
                call.sim.world.switches.set(f"alipay.token.{merchant.pid}", "")
                call.sim.world.tokens.pop(merchant.app_auth_token, None)
                return _granted(call, merchant, merchant.app_auth_token)
            case "refresh_token":
                merchant = _merchant(call, _renewed(call, str(call.biz.get("refresh_token") or "")))
                return _granted(call, merchant, _next_token(call, merchant))
    raise Refusal("GRANT_TYPE_INVALID", "授权类型无效")


def _merchant(call: Call, pid: str) -> AlipayMerchant:
    return next(m for m in call.app.merchants.values() if m.pid == pid)


def _redeemed(call: Call, code: str) -> str:
    """Whose consent this is."""
    held = call.sim.world.codes.get(code)
    if held is None or held.scope != _SCOPE:
        raise Refusal("AUTH_CODE_NOT_EXIST", "授权码不存在")
    if held.app != call.app.app_id:
        raise Refusal("APP_ID_NOT_CONSISTENT", "授权码与应用不一致")
    if held.used or held.expires_at <= call.sim.world.clock.time():
        raise Refusal("AUTH_CODE_NOT_VALID", "授权码已失效")
    held.used = True
    return held.person


def _renewed(call: Call, refresh_token: str) -> str:
    """Whose grant this renews."""
    held = call.sim.world.tokens.get(refresh_token)
    if held is None or held.kind not in (_REFRESH, _SPENT):
        raise Refusal("REFRESH_TOKEN_NOT_EXIST", "刷新令牌不存在")
    if held.app != call.app.app_id:
        raise Refusal("APP_ID_NOT_CONSISTENT", "刷新令牌与应用不一致")
    if held.kind == _SPENT:
        raise Refusal("REFRESH_TOKEN_NOT_VALID", "刷新令牌无效")
    if held.expires_at <= call.sim.world.clock.time():
        raise Refusal("REFRESH_TOKEN_TIME_OUT", "刷新令牌已过期")
    held.kind = _SPENT
    return held.person


def _next_token(call: Call, merchant: AlipayMerchant) -> str:
    """A new token; the former ones go on for ten minutes."""
    world = call.sim.world
    until = world.clock.time() + FORMER_LIFE
    for held in world.tokens.values():
        if (held.kind, held.app, held.person) == (APP_AUTH, call.app.app_id, merchant.pid):
            held.expires_at = min(held.expires_at, until)
    first = Token(call.app.app_id, "", "", until, merchant.pid, kind=APP_AUTH)
    world.tokens.setdefault(merchant.app_auth_token, first)
    made = "202611BB" + secrets.token_hex(16)
    world.tokens[made] = Token(call.app.app_id, "", "", float("inf"), merchant.pid, kind=APP_AUTH)
    return made


def _granted(call: Call, merchant: AlipayMerchant, app_auth_token: str) -> dict[str, Any]:
    world, refresh = call.sim.world, "202611RR" + secrets.token_hex(12)
    until = world.clock.time() + GRANT_LIFE
    world.tokens[refresh] = Token(call.app.app_id, "", "", until, merchant.pid, kind=_REFRESH)
    return {
        "app_auth_token": app_auth_token,
        "app_refresh_token": refresh,
        "auth_app_id": merchant.auth_app_id,
        "user_id": merchant.pid,
        "expires_in": str(GRANT_LIFE),
        "re_expires_in": str(GRANT_LIFE),
    }
