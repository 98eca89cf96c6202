"""Official-account web OAuth, page and exchange. Source: wechat.md C1."""

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, Response, request

from simulator import second, wire
from simulator.official import OFFICIAL, PLATFORM
from simulator.parties import PEOPLE
from simulator.world import Code, Token, World

CODE_LIFE_S = 300
TOKEN_LIFE_S = 7200
REFRESH_LIFE_S = 30 * 86400
SCOPES = ("snsapi_base", "snsapi_userinfo")
# The page compares the link with one pattern, order of parameters included.
ORDER = ("appid", "redirect_uri", "response_type", "scope", "state")
CODES_KEPT = 20_000
OURS = "SIM_WX_"
PAGE_ERRORS = {
    "10003": "redirect_uri 参数错误，域名与后台配置不一致",
    "10004": "该公众号已被封禁",
    "10005": "该公众号没有这些 scope 的权限",
    "10006": "请先关注此测试号",
    "10009": "操作太频繁，请稍后再试",
    "10010": "scope 不能为空",
    "10011": "redirect_uri 不能为空",
    "10012": "appid 不能为空",
    "10013": "state 不能为空",
    "10015": "公众号未授权第三方平台，请检查授权状态",
    "10016": "不支持微信开放平台的 appid，请使用公众号 appid",
}


@dataclass(frozen=True)
class Account:
    """An official account: a provider's, or a merchant's own."""

    appid: str
    secret: str
    domains: tuple[str, ...]
    page_error: str


class PageError(Exception):
    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code, self.text = code, text or PAGE_ERRORS[code]


class ApiError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def accounts(world: World) -> dict[str, Account]:
    host = urlsplit(world.public_url).hostname or ""
    found = {}
    for p in world.wechat.values():
        domains = (*p.oauth_domains, host)
        pairs = [(appid, p.oa_secret) for appid in p.appids]
        pairs += [(m.sub_appids[0], m.oa_secret) for m in p.merchants.values() if m.oa_secret]
        for appid, secret in pairs:
            secret = second.oa_secret(world, secret)
            found[appid] = Account(appid, secret, domains, p.oa_page_error or _lapse(world, appid))
    for appid, account in OFFICIAL.items():
        if appid not in found:
            found[appid] = Account(
                appid, account.secret, ("127.0.0.1", "localhost", host), _lapse(world, appid)
            )
    return found


def _lapse(world: World, appid: str) -> str:
    """The error of an account that is not verified, or no longer (wechat.md C1, D)."""
    known = OFFICIAL.get(appid)
    lapsed = appid in world.switches.get("wechat.oa_lapsed").split(",")
    return "10005" if lapsed or (known is not None and not known.is_verified) else ""


def mount(app: Flask, world: World) -> None:
    def page() -> Response:
        return _guarded(world, "wechat.oauth_page", lambda: authorize(world))

    app.add_url_rule("/connect/oauth2/authorize", "wechat.oauth_page", page, methods=["GET"])
    calls: dict[str, Callable[[World, dict[str, str]], dict[str, Any]]] = {
        "/sns/oauth2/access_token": exchange,
        "/sns/oauth2/refresh_token": refresh,
        "/sns/userinfo": userinfo,
        "/sns/auth": check_token,
    }
    for path, call in calls.items():
        _mount_call(app, world, path, call)


def _mount_call(
    app: Flask, world: World, path: str, call: Callable[[World, dict[str, str]], dict[str, Any]]
) -> None:
    def view() -> Response:
        return _guarded(world, "wechat.oauth", lambda: _api(world, path, call))

    app.add_url_rule(path, f"wechat{path}", view, methods=["GET", "POST"])


def _guarded(world: World, name: str, work: Callable[[], Response]) -> Response:
    names = (name, request.path)
    fault = wire.arrive(world.faults, request.environ, *names)
    if fault is not None and fault.kind == "drop":
        return Response(status=500)  # nobody hears it
    if fault is not None:
        answer = _json({"errcode": _number(fault.code), "errmsg": "system error"})
    else:
        answer = work()
    wire.leave(world.faults, request.environ, *names)
    return answer


def _number(code: str) -> int:
    return int(code) if re.fullmatch(r"-?[0-9]{1,6}", code) else -1


def _json(said: dict[str, Any]) -> Response:
    """Upstream says text/plain and always 200."""
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return Response(body, 200, content_type="text/plain; charset=utf-8")


def _api(
    world: World, path: str, call: Callable[[World, dict[str, str]], dict[str, Any]]
) -> Response:
    try:
        said = call(world, request.args.to_dict())
    except ApiError as no:
        world.note("in", path, f"errcode {no.code} {no.text}")
        return _json({"errcode": no.code, "errmsg": f"{no.text}, rid: {secrets.token_hex(12)}"})
    world.note("in", path, "ok")
    return _json(said)


# --- the page ---------------------------------------------------------------------------------


def authorize(world: World) -> Response:
    """Silent for snsapi_base; a consent page for snsapi_userinfo; errors are HTML, no redirect."""
    query = wire.raw_target(request.environ).partition("?")[2]
    pairs = parse_qsl(query, keep_blank_values=True)
    try:
        asked = _check_link(world, pairs)
    except PageError as no:
        world.note("phone", "wechat oauth page", f"{no.code} {no.text}")
        text = f"<h1>{html.escape(no.text)}</h1><p>错误码：{html.escape(no.code)}</p>"
        return _page(text)
    yes = _back(asked, code=_new_code(world, asked))
    if asked["scope"] == "snsapi_base":
        return Response(status=302, headers={"Location": yes})
    no_thanks = _back(asked)
    return _page(
        "<h1>申请获取你的昵称、头像</h1>"
        f'<p><a id="allow" href="{html.escape(yes)}">允许</a> '
        f'<a id="reject" href="{html.escape(no_thanks)}">拒绝</a></p>'
    )


def _page(inside: str) -> Response:
    head = '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>微信</title>'
    view = '<meta name="viewport" content="width=device-width">'
    return Response(head + view + inside, 200, content_type="text/html; charset=utf-8")


def _check_link(world: World, pairs: list[tuple[str, str]]) -> dict[str, str]:
    asked = dict(pairs)
    for name, code in (
        ("appid", "10012"),
        ("redirect_uri", "10011"),
        ("scope", "10010"),
        ("state", "10013"),
    ):
        if not asked.get(name):
            raise PageError(code)
    account = accounts(world).get(asked["appid"])
    if account is None:
        raise PageError("40013", "AppID 参数错误")
    names = [name for name, _ in pairs]
    if tuple(n for n in names if n in ORDER) != ORDER or names[: len(ORDER)] != list(ORDER):
        raise PageError("40029", "链接参数顺序错误或重复，页面无法访问")
    if asked["response_type"] != "code":
        raise PageError("40030", "response_type 参数错误")
    if asked["scope"] not in SCOPES:
        raise PageError("10005", "scope 参数错误或没有 scope 权限")
    if not re.fullmatch(r"[A-Za-z0-9]{1,128}", asked["state"], re.ASCII):
        raise PageError("10013", "state 参数错误，只允许不超过128字节的字母和数字")
    domains = account.domains
    if "component_appid" in asked:
        domains = _on_behalf(world, account, asked["component_appid"])
    if not _same_domain(domains, asked["redirect_uri"]):
        raise PageError("10003")
    if account.page_error:
        raise PageError(account.page_error)
    return asked


def _on_behalf(world: World, account: Account, component_appid: str) -> tuple[str, ...]:
    """The platform's own domain, for an account that gave it the permission set 4 (D)."""
    grant = world.oa.grants.get(account.appid)
    if component_appid != PLATFORM.appid or grant is None:
        raise PageError("10015")
    if 4 not in grant.funcs:
        raise PageError("10005")
    return (urlsplit(world.public_url).hostname or "",)


def _same_domain(domains: tuple[str, ...], redirect_uri: str) -> bool:
    """Whole host, without scheme and port."""
    try:
        parts = urlsplit(redirect_uri)
        host = parts.hostname
    except ValueError:
        return False
    clean = not re.search(r"[\x00-\x20\\]", redirect_uri)
    return clean and parts.scheme in ("http", "https") and host in domains


def _new_code(world: World, asked: dict[str, str]) -> str:
    person = request.cookies.get("sim_person", "")
    code = "0" + secrets.token_hex(16)[:31]
    now = world.clock.time()
    with world.lock:
        if len(world.codes) > CODES_KEPT:
            for old in [c for c, v in world.codes.items() if v.expires_at < now - CODE_LIFE_S]:
                del world.codes[old]
        world.codes[code] = Code(
            app=asked["appid"],
            person=person if person in PEOPLE else "lin",
            expires_at=now + CODE_LIFE_S,
            scope=asked["scope"],
            component=asked.get("component_appid", ""),
        )
    return code


def _back(asked: dict[str, str], code: str = "") -> str:
    """redirect_uri with code and state added to its own query, before its fragment."""
    more = urlencode({"code": code} if code else {}) + ("&" if code else "")
    parts = urlsplit(asked["redirect_uri"])
    query = "&".join(q for q in (parts.query, more + urlencode({"state": asked["state"]})) if q)
    return parts._replace(query=query).geturl()


# --- the exchange -----------------------------------------------------------------------------


def _account(world: World, args: dict[str, str]) -> Account:
    if not args.get("appid"):
        raise ApiError(41002, "appid missing")
    account = accounts(world).get(args["appid"])
    if account is None:
        raise ApiError(40013, "invalid appid")
    return account


def exchange(world: World, args: dict[str, str]) -> dict[str, Any]:
    """code -> token and openid. A code serves once, for 5 minutes, for its own appid."""
    account = _account(world, args)
    if not args.get("secret"):
        raise ApiError(41004, "appsecret missing")
    if not secrets.compare_digest(args["secret"].encode(), account.secret.encode()):
        raise ApiError(40125, "invalid appsecret")
    if not args.get("code"):
        raise ApiError(41008, "missing code")
    if args.get("grant_type") != "authorization_code":
        raise ApiError(40002, "invalid grant_type")
    with world.lock:
        code = use_code(world, account, args["code"])
    return tokens(world, account, code)


def use_code(world: World, account: Account, given: str, component: str = "") -> Code:
    """Spends a code of this account, asked for by the same platform or by none."""
    code = world.codes.get(given)
    if code is None or (code.app, code.component) != (account.appid, component):
        raise ApiError(40029, "invalid code")
    if code.used:
        raise ApiError(40163, "code been used")
    if world.clock.time() >= code.expires_at:
        raise ApiError(42003, "code expired")
    code.used = True
    return code


def tokens(world: World, account: Account, code: Code) -> dict[str, Any]:
    snapshot = world.switches.get("wechat.snapshotuser") == "on"
    openid = world.openid(account.appid, code.person)
    if snapshot:
        openid = "oSnap" + secrets.token_hex(12)[:23]
    token = _issue(world, account.appid, openid, code.scope, code.person, "access")
    again = _issue(world, account.appid, openid, code.scope, code.person, "refresh")
    said: dict[str, Any] = {
        "access_token": token,
        "expires_in": TOKEN_LIFE_S,
        "refresh_token": again,
        "openid": openid,
        "scope": code.scope,
    }
    return said | ({"is_snapshotuser": 1} if snapshot else {})


def _issue(world: World, app: str, openid: str, scope: str, person: str, kind: str) -> str:
    made = f"{OURS}{secrets.token_urlsafe(48)}"
    now = world.clock.time()
    life = TOKEN_LIFE_S if kind == "access" else REFRESH_LIFE_S
    with world.lock:
        if len(world.tokens) > CODES_KEPT:
            for old in [t for t in world.tokens if t.startswith(OURS)][: CODES_KEPT // 2]:
                del world.tokens[old]
        world.tokens[made] = Token(app, openid, scope, now + life, person, kind)
    return made


def refresh(world: World, args: dict[str, str]) -> dict[str, Any]:
    account = _account(world, args)
    if args.get("grant_type") != "refresh_token":
        raise ApiError(40002, "invalid grant_type")
    if not args.get("refresh_token"):
        raise ApiError(41003, "refresh_token missing")
    old = world.tokens.get(args["refresh_token"])
    if old is None or old.kind != "refresh" or old.app != account.appid:
        raise ApiError(40030, "invalid refresh_token")
    if world.clock.time() >= old.expires_at:
        raise ApiError(42002, "refresh_token expired")
    return {
        "openid": old.openid,
        "access_token": _issue(world, old.app, old.openid, old.scope, old.person, "access"),
        "expires_in": TOKEN_LIFE_S,
        "refresh_token": args["refresh_token"],
        "scope": old.scope,
    }


def _token(world: World, args: dict[str, str]) -> Token:
    if not args.get("access_token"):
        raise ApiError(41001, "access_token missing")
    token = world.tokens.get(args["access_token"])
    if token is None or token.kind != "access":
        raise ApiError(40001, "invalid credential, access_token is invalid or not latest")
    if world.clock.time() >= token.expires_at:
        raise ApiError(42001, "access_token expired")
    if not args.get("openid"):
        raise ApiError(41009, "missing openid")
    if args["openid"] != token.openid:
        raise ApiError(40003, "invalid openid")
    return token


def userinfo(world: World, args: dict[str, str]) -> dict[str, Any]:
    token = _token(world, args)
    if token.scope != "snsapi_userinfo":
        raise ApiError(48001, "api unauthorized")
    return {
        "openid": token.openid,
        "nickname": PEOPLE[token.person].name,
        "sex": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "privilege": [],
    }


def check_token(world: World, args: dict[str, str]) -> dict[str, Any]:
    _token(world, args)
    return {"errcode": 0, "errmsg": "ok"}
