"""A third-party platform's calls: its ticket, its token, the accounts' tokens. wechat.md D."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, Response, request

from simulator.oa_state import AuthCode, Grant, PreAuth
from simulator.official import OFFICIAL, PLATFORM
from simulator.wallets import register_operations
from simulator.wechat import base_token, oa_door, push
from simulator.wechat.oa_door import Body, Call, text
from simulator.wechat.oauth import ApiError, _guarded
from simulator.world import World

TICKET_EVERY_S = 600
TICKET_LIFE_S = 12 * 3600
AUTH_CODE_LIFE_S = 600
LIST_MOST = 500
OPTIONS = {"location_report": "012", "voice_recognize": "01", "customer_service": "01"}


def mount(app: Flask, world: World) -> None:
    opened: tuple[tuple[str, str, Callable[[World], dict[str, Any]]], ...] = (
        ("api_start_push_ticket", "wechat.component_start", start),
        ("api_component_token", "wechat.component_token", token),
    )
    for path, name, work in opened:
        _mount_open(app, world, path, name, work)
    for call in CALLS:
        _mount_call(app, world, call)
    register_operations(
        app,
        *("wechat.component_start", "wechat.component_token"),
        *(call.name for call in CALLS),
    )


def _mount_open(app: Flask, world: World, path: str, name: str, work: Any) -> None:
    """Calls that the platform's secret opens, not a token."""

    def view() -> Response:
        return _guarded(world, name, lambda: oa_door.answered(world, run))

    def run() -> dict[str, Any]:
        found: dict[str, Any] = work(world)
        return found

    app.add_url_rule(f"/cgi-bin/component/{path}", name, view, methods=["POST"])


def _mount_call(app: Flask, world: World, call: Call) -> None:
    def run() -> dict[str, Any]:
        given = request.args.get("component_access_token") or request.args.get("access_token")
        base_token.live_token(world, given, ("component",))
        body = oa_door.read(call.fields)
        check_appid(body)
        with world.lock:
            found = call.work(world, PLATFORM.appid, body)
            world.keep_oa()
            return found

    def view() -> Response:
        return _guarded(world, call.name, lambda: oa_door.answered(world, run))

    app.add_url_rule(call.path, f"{call.name}{call.path}", view, methods=["POST"])


def check_appid(body: Body) -> None:
    if body.get("component_appid") != PLATFORM.appid:
        raise ApiError(61011, "invalid component")


# --- ticket and token ---------------------------------------------------------------------------


def start(world: World) -> dict[str, Any]:
    """Pushes begin, or begin again, with a ticket at once."""
    body = oa_door.read(("component_appid", "component_secret"))
    check_appid(body)
    _check_secret(body.get("component_secret"))
    world.switches.set("wechat.component_push", "on")
    return {"errcode": 0, "errmsg": "ok"}


def _check_secret(given: Any) -> None:
    if given != PLATFORM.secret:
        raise ApiError(40125, "invalid appsecret")


def switched(world: World, value: str) -> None:
    """The switch `wechat.component_push` was set: an older row of pushes ends, a new one starts."""
    with world.lock:
        world.oa.pushing += 1
        number = world.oa.pushing
        world.oa.is_pushing = value == "on"
    if value == "on":
        _push_ticket(world, number)


def resume(world: World) -> None:
    """After a start anew the platform is told on, as before."""
    if world.oa.is_pushing:
        world.switches.set("wechat.component_push", "on")


def _push_ticket(world: World, number: int) -> None:
    with world.lock:
        if number != world.oa.pushing or not push.is_pushing(world):
            return
        now = world.clock.time()
        kept = {t: at for t, at in world.oa.tickets.items() if at > now - 2 * TICKET_LIFE_S}
        ticket = f"ticket@@@{secrets.token_urlsafe(48)}"
        world.oa.tickets = kept | {ticket: now}
    world.keep_oa()
    push.to_platform(world, "component_verify_ticket", ComponentVerifyTicket=ticket)
    world.due.at(now + TICKET_EVERY_S, partial(_push_ticket, world, number))


def token(world: World) -> dict[str, Any]:
    body = oa_door.read(("component_appid", "component_appsecret", "component_verify_ticket"))
    check_appid(body)
    _check_secret(body.get("component_appsecret"))
    made = world.oa.tickets.get(str(body.get("component_verify_ticket")))
    if made is None:
        raise ApiError(61006, "component ticket is invalid")
    if world.clock.time() >= made + TICKET_LIFE_S:
        raise ApiError(61005, "component ticket is expired")
    with world.lock:
        found = base_token.renew(world, PLATFORM.appid, "component")
    return {"component_access_token": found["access_token"], "expires_in": found["expires_in"]}


def preauth(world: World, _: str, body: Body) -> dict[str, Any]:
    life = int(world.switches.get("wechat.preauth_life_s"))
    code = f"preauthcode@@@{secrets.token_urlsafe(32)}"
    world.oa.preauth[code] = PreAuth(world.clock.time() + life)
    return {"pre_auth_code": code, "expires_in": life}


# --- authorisation ------------------------------------------------------------------------------


def authorise(world: World, appid: str, pre_auth_code: str, funcs: tuple[int, ...]) -> str:
    """The administrator said yes to these sets. The authorization code for the way back."""
    with world.lock:
        again = appid in world.oa.grants
        options = world.oa.grants[appid].options if again else {}
        _end_tokens(world, appid)
        world.oa.grants[appid] = Grant(_refresh_token(), funcs, world.clock.time(), "", options)
        world.oa.preauth[pre_auth_code].used = True
        back, told = _auth_code(world, appid), _auth_code(world, appid)
        world.keep_oa()
    push.to_platform(
        world,
        "updateauthorized" if again else "authorized",
        AuthorizerAppid=appid,
        AuthorizationCode=told,
        AuthorizationCodeExpiredTime=int(world.oa.auth_codes[told].expires_at),
        PreAuthCode=pre_auth_code,
    )
    return back


def unauthorise(world: World, appid: str) -> bool:
    """The administrator takes the account back: every token of the platform's ends."""
    with world.lock:
        gone = world.oa.grants.pop(appid, None)
        for code in world.oa.auth_codes.values():
            code.used = code.used or code.appid == appid
        world.keep_oa()
    if gone is not None:
        push.to_platform(world, "unauthorized", AuthorizerAppid=appid)
    return gone is not None


def _end_tokens(world: World, appid: str) -> None:
    for name, held in list(world.tokens.items()):
        if (held.kind, held.app) == ("authorizer", appid):
            del world.tokens[name]


def _auth_code(world: World, appid: str) -> str:
    code = f"queryauthcode@@@{secrets.token_urlsafe(40)}"
    world.oa.auth_codes[code] = AuthCode(appid, world.clock.time() + AUTH_CODE_LIFE_S)
    return code


def _refresh_token() -> str:
    return f"refreshtoken@@@{secrets.token_urlsafe(32)}"


def query_auth(world: World, _: str, body: Body) -> dict[str, Any]:
    """A code serves once. Both codes of one authorisation lead to the same refresh token."""
    code = world.oa.auth_codes.get(text(body, "authorization_code", 512, 61009))
    if code is None or code.used:
        raise ApiError(61009, "code is invalid")
    if world.clock.time() >= code.expires_at:
        raise ApiError(61010, "code is expired")
    code.used = True
    grant = world.oa.grants.get(code.appid)
    if grant is None:
        raise ApiError(61003, "component is not authorized by this account")
    found = base_token.renew(world, code.appid, "authorizer")
    return {
        "authorization_info": {
            "authorizer_appid": code.appid,
            "authorizer_access_token": found["access_token"],
            "expires_in": found["expires_in"],
            "authorizer_refresh_token": grant.refresh_token,
            "func_info": _func_info(grant),
        }
    }


def refresh(world: World, _: str, body: Body) -> dict[str, Any]:
    """A new token with a new refresh token; what becomes of the old is a switch."""
    appid, grant = _grant(world, body)
    given = text(body, "authorizer_refresh_token", 512, 61023)
    if given not in (grant.refresh_token, grant.previous):
        raise ApiError(61023, "refresh_token is invalid")
    rule = world.switches.get("wechat.refresh_token")
    if rule != "same":
        grant.previous = given if rule == "grace" else ""
        grant.refresh_token = _refresh_token()
    found = base_token.renew(world, appid, "authorizer")
    return {
        "authorizer_access_token": found["access_token"],
        "expires_in": found["expires_in"],
        "authorizer_refresh_token": grant.refresh_token,
    }


def _grant(world: World, body: Body) -> tuple[str, Grant]:
    appid = text(body, "authorizer_appid", 64, 40013)
    if appid not in OFFICIAL:
        raise ApiError(40013, "invalid appid")
    grant = world.oa.grants.get(appid)
    if grant is None:
        raise ApiError(61003, "component is not authorized by this account")
    return appid, grant


def _func_info(grant: Grant) -> list[dict[str, Any]]:
    confirm = {"need_confirm": 0, "already_confirm": 0, "can_confirm": 0}
    return [
        {"funcscope_category": {"id": number}}
        | ({"confirm_info": dict(confirm)} if number in (1, 8) else {})
        for number in grant.funcs
    ]


# --- what the platform may know -----------------------------------------------------------------


def info(world: World, _: str, body: Body) -> dict[str, Any]:
    appid, grant = _grant(world, body)
    account = OFFICIAL[appid]
    is_verified = account.is_verified and not oa_door.lapsed(world, appid)
    return {
        "authorizer_info": {
            "nick_name": account.name,
            "head_img": "",
            "service_type_info": {"id": account.kind},
            "verify_type_info": {"id": 0 if is_verified else -1},
            "user_name": account.user_name,
            "alias": "",
            "qrcode_url": f"http://mmbiz.qpic.cn/sim/{account.user_name}/0",
            "business_info": dict.fromkeys(("open_pay", "open_shake", "open_scan", "open_card"), 0),
            "principal_name": account.principal,
            "signature": "",
        },
        "authorization_info": {
            "authorizer_appid": appid,
            "authorizer_refresh_token": grant.refresh_token,
            "func_info": _func_info(grant),
        },
    }


def listing(world: World, _: str, body: Body) -> dict[str, Any]:
    offset, count = body.get("offset"), body.get("count")
    if type(offset) is not int or type(count) is not int or offset < 0:
        raise ApiError(40097, "invalid args")
    if not 1 <= count <= LIST_MOST:
        raise ApiError(40097, "invalid args: count")
    rows = [
        {
            "authorizer_appid": appid,
            "refresh_token": grant.refresh_token,
            "auth_time": int(grant.since),
        }
        for appid, grant in sorted(world.oa.grants.items(), key=lambda e: (-e[1].since, e[0]))
    ]
    return {"total_count": len(rows), "list": rows[offset : offset + count]}


def get_option(world: World, _: str, body: Body) -> dict[str, Any]:
    appid, grant = _grant(world, body)
    name = _option(body)
    value = grant.options.get(name, "0")
    return {"authorizer_appid": appid, "option_name": name, "option_value": value}


def set_option(world: World, _: str, body: Body) -> dict[str, Any]:
    _, grant = _grant(world, body)
    name, value = _option(body), body.get("option_value")
    if not isinstance(value, str) or len(value) != 1 or value not in OPTIONS[name]:
        raise ApiError(40097, "invalid args: option_value")
    grant.options[name] = value
    return {"errcode": 0, "errmsg": "ok"}


def _option(body: Body) -> str:
    name = body.get("option_name")
    if name not in OPTIONS:
        raise ApiError(40097, "invalid args: option_name")
    return str(name)


def _call(path: str, name: str, work: oa_door.Work, *fields: str) -> Call:
    return Call(
        f"/cgi-bin/component/{path}",
        f"wechat.component_{name}",
        work,
        ("component_appid", *fields),
    )


APPID = "authorizer_appid"
CALLS = (
    _call("api_create_preauthcode", "preauth", preauth),
    _call("api_query_auth", "query_auth", query_auth, "authorization_code"),
    _call("api_authorizer_token", "refresh", refresh, APPID, "authorizer_refresh_token"),
    _call("api_get_authorizer_info", "info", info, APPID),
    _call("api_get_authorizer_list", "list", listing, "offset", "count"),
    *(
        _call(f"{start}get_authorizer_option", "get_option", get_option, APPID, "option_name")
        for start in ("api_", "")
    ),
    *(
        _call(
            f"{start}set_authorizer_option",
            "set_option",
            set_option,
            *(APPID, "option_name", "option_value"),
        )
        for start in ("api_", "")
    ),
)
SWITCHES = {
    "component_push": ("off", ("off", "on"), "on: tickets, changes and messages are pushed"),
    "component_url": ("", (), "where to; empty: <product>/oa/component"),
    "refresh_token": (
        "grace",
        ("grace", "strict", "same"),
        "after a refresh the old one: works until the new one is used, dies at once, stays",
    ),
    "preauth_life_s": ("1800", ("600", "1800"), "how long a pre-auth code lives"),
    "func_taken": ("", (), "permission sets that another platform holds, e.g. 15,7"),
    "oa_lapsed": ("", (), "appids, with commas, whose yearly verification has ended"),
}
