"""Who the payer is, and what a merchant has granted. Source: alipay.md 3.3 and 4.5."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from simulator.alipay.codes import Refusal
from simulator.alipay.state import Alipay, Call
from simulator.clock import china
from simulator.parties import PEOPLE, AlipayApp, AlipayMerchant
from simulator.world import Token

ACCESS_LIFE = 500
REFRESH_LIFE = 300 * 86400
GRANT_LIFE = 31536000
CODE_LIFE = 180.0
_REFRESH = "alipay-refresh"
_SPENT = "alipay-refreshed"
APP_AUTH = "app-auth"  # a merchant's token that a refresh gave or ended
_METHODS = {
    "f2f": ("pay", "precreate", "create", "query", "close", "cancel", "refund"),
    "wap": ("wap.pay",),
}


def oauth_token(call: Call) -> dict[str, Any]:
    """alipay.system.oauth.token: no code and msg on success, failures under error_response."""
    given = call.biz
    match given.get("grant_type"):
        case "authorization_code":
            person, scope = _redeemed(call, given.get("code") or "")
        case "refresh_token":
            person, scope = _renewed(call, given.get("refresh_token") or "")
        case _:
            raise Refusal("isv.grant-type-invalid")
    return _issued(call, person, scope)


def _redeemed(call: Call, code: str) -> tuple[str, str]:
    """A code works once, within 3 minutes, for the app it was given to."""
    world = call.sim.world
    with world.lock:
        held = world.codes.get(code)
        wrong = held is None or held.used or held.app != call.app.app_id
        if held is None or wrong or held.expires_at <= world.clock.time():
            raise Refusal("isv.code-invalid")
        held.used = True
        return held.person, held.scope


def _renewed(call: Call, refresh_token: str) -> tuple[str, str]:
    world = call.sim.world
    with world.lock:
        held = world.tokens.get(refresh_token)
        if held is None or held.kind not in (_REFRESH, _SPENT):
            raise Refusal("isv.refresh-token-invalid")
        if held.app != call.app.app_id:
            raise Refusal("isv.unmatched-app-id")
        if held.kind == _SPENT:
            raise Refusal("isv.refreshed-token-invalid")
        if held.expires_at <= world.clock.time():
            raise Refusal("isv.refresh-token-time-out")
        held.kind = _SPENT
        return held.person, held.scope


def _issued(call: Call, person: str, scope: str) -> dict[str, Any]:
    world, app = call.sim.world, call.app
    now = world.clock.time()
    access, refresh = "authusrB" + secrets.token_hex(16), "authusrB" + secrets.token_hex(16)
    user_id = PEOPLE[person].alipay_user_id
    world.tokens[access] = Token(app.app_id, user_id, scope, now + ACCESS_LIFE, person)
    world.tokens[refresh] = Token(
        app.app_id, user_id, scope, now + REFRESH_LIFE, person, kind=_REFRESH
    )
    return {
        "access_token": access,
        **call.sim.identity(app.app_id, person, "user_id", "open_id"),
        "union_id": hashlib.sha256(f"union:{app.pid}:{person}".encode()).hexdigest()[:32],
        "expires_in": ACCESS_LIFE,
        "re_expires_in": REFRESH_LIFE,
        "refresh_token": refresh,
        "auth_start": china(world.clock.now()),
    }


def merchant_of(sim: Alipay, app: AlipayApp, app_auth_token: str) -> AlipayMerchant | None:
    """Whose token it is, as long as it serves."""
    held = sim.world.tokens.get(app_auth_token)
    if held is None or held.kind != APP_AUTH:
        return app.merchants.get(app_auth_token)
    if held.app != app.app_id or held.expires_at <= sim.world.clock.time():
        return None
    return next((m for m in app.merchants.values() if m.pid == held.person), None)


def token_state(sim: Alipay, merchant: AlipayMerchant) -> str:
    """valid, invalid, expired, no_api, or any sub_code of alipay.md 3.4, by switch or by party."""
    return sim.switch(f"token.{merchant.pid}") or merchant.token_state


def token_query(call: Call) -> dict[str, Any]:
    """alipay.open.auth.token.app.query (3.3)."""
    wanted = call.biz["app_auth_token"]
    merchant = merchant_of(call.sim, call.app, wanted)
    if merchant is None:
        others = {t for app in call.sim.world.alipay.values() for t in app.merchants}
        known = wanted in others
        raise Refusal("AUTH_TOKEN_NOT_CONSISTENT" if known else "AUTH_TOKEN_NOT_EXISTED")
    state, now = token_state(call.sim, merchant), call.sim.world.clock.now()
    granted = [f"alipay.trade.{m}" for p in sorted(merchant.products) for m in _METHODS.get(p, ())]
    return {
        "user_id": merchant.pid,
        "auth_app_id": merchant.auth_app_id,
        "expires_in": GRANT_LIFE,
        "auth_methods": [] if state == "no_api" else granted,
        "auth_start": china(now - dt.timedelta(days=30)),
        "auth_end": china(now + dt.timedelta(days=float(call.sim.switch("grant_days")))),
        "status": "invalid" if state in ("invalid", "expired") else "valid",
        "is_by_app_auth": True,
    }
