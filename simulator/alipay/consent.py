"""GET /oauth2/publicAppAuthorize.htm: the payer's identity for a page. Source: alipay.md 4.5."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode, urlsplit

from flask import Flask, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from simulator.alipay.codes import Refusal
from simulator.alipay.pages import consent_page, holder, refusal_page
from simulator.alipay.state import Alipay
from simulator.alipay.tokens import CODE_LIFE
from simulator.parties import AlipayApp
from simulator.world import Code

PATH = "/oauth2/publicAppAuthorize.htm"
SCOPES = ("auth_base", "auth_user", "auth_userinfo")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def add_consent(app: Flask, sim: Alipay) -> None:
    @app.get(PATH)
    def alipay_public_app_authorize() -> BaseResponse:
        try:
            return _authorize(sim.fresh())
        except Refusal as no:
            return refusal_page(no)


def _authorize(sim: Alipay) -> BaseResponse:
    """auth_base is silent; the other scopes ask first. Wrong parameters end on our own page."""
    app = sim.world.alipay.get(request.args.get("app_id", ""))
    if app is None:
        raise Refusal("isv.invalid-app-id")
    scope, state = request.args.get("scope", ""), request.args.get("state", "")
    back = request.args.get("redirect_uri", "")
    if scope not in SCOPES:
        raise Refusal("isv.invalid-parameter", "参数无效：scope")
    if len(state) > 100:
        raise Refusal("isv.invalid-parameter", "参数无效：state 超过 100 个字符")
    if not is_allowed(app, back):
        raise Refusal("isv.invalid-parameter", "参数无效：redirect_uri 与授权回调地址不一致")
    if scope != "auth_base" and request.args.get("agree") != "yes":
        return consent_page(app.name)
    answer = {
        "app_id": app.app_id,
        "source": "alipay_wallet",
        "scope": scope,
        **({"state": state} if state else {}),
        "auth_code": new_code(sim, app.app_id, holder(), scope),
    }
    return redirect(back + ("&" if "?" in back else "?") + urlencode(answer))


def new_code(sim: Alipay, app_id: str, person: str, scope: str, life: float = CODE_LIFE) -> str:
    """Good once, for `life` seconds."""
    code = secrets.token_hex(16)
    until = sim.world.clock.time() + life
    sim.world.codes[code] = Code(app_id, person, until, scope=scope)
    return code


def is_allowed(app: AlipayApp, url: str) -> bool:
    """Whether the app may send people back there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or "#" in url:
        return False
    if app.oauth_redirects:
        return url.startswith(app.oauth_redirects)
    return host in LOOPBACK
