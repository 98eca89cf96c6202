"""The page where an account's administrator authorises a platform. Source: wechat.md D.

In a browser at a desk it must be opened from the registered launch domain; inside WeChat its link
is fixed. The administrator chooses the account and may untick permission sets.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, request

from simulator.official import FUNCS, OFFICIAL, PLATFORM
from simulator.wechat import component
from simulator.wechat.oauth import PageError, _page
from simulator.world import World

DESK = "/cgi-bin/componentloginpage"
PHONE = ("/wxaopen/safe/bindcomponent", "/safe/bindcomponent")
CONSENT = "/sim/oa/consent"
KNOWN = {
    *("component_appid", "pre_auth_code", "redirect_uri", "auth_type", "biz_appid"),
    *("category_id_list", "action", "no_scan"),
}


@dataclass(frozen=True)
class Asked:
    pre_auth_code: str
    redirect_uri: str
    biz_appid: str


def mount(app: Flask, world: World) -> None:
    def desk() -> Response:
        return _answered(world, lambda: _form(world, _asked(world, launched=True)))

    def phone() -> Response:
        return _answered(world, lambda: _form(world, _asked(world, launched=False)))

    def consent() -> Response:
        return _answered(world, lambda: _consented(world))

    app.add_url_rule(DESK, "wechat.component_page", desk, methods=["GET"])
    for path in PHONE:
        app.add_url_rule(path, f"wechat{path}", phone, methods=["GET"])
    app.add_url_rule(CONSENT, "wechat.component_consent", consent, methods=["POST"])


def _answered(world: World, work: object) -> Response:
    assert callable(work)
    try:
        found = work()
    except PageError as no:
        world.note("phone", "wechat component page", f"{no.code} {no.text}")
        return _page(
            f"<h1>{html.escape(no.text)}</h1><p>错误码：<b id=code>{html.escape(no.code)}</b></p>"
        )
    assert isinstance(found, Response)
    return found


def _asked(world: World, *, launched: bool) -> Asked:
    given = request.args
    if extra := set(given) - KNOWN:
        raise PageError("40097", f"参数错误：{sorted(extra)[0]}")
    if given.get("component_appid") != PLATFORM.appid:
        raise PageError("61011", "第三方平台 component_appid 无效")
    if launched:
        _check_launch(world)
    elif (given.get("action"), given.get("no_scan")) != ("bindcomponent", "1"):
        raise PageError("40097", "参数错误：action 或 no_scan")
    if given.get("auth_type", "3") not in ("1", "2", "3"):
        raise PageError("40097", "参数错误：auth_type")
    if given.get("auth_type") == "2" and not given.get("biz_appid"):
        raise PageError("61000", "没有可授权的小程序")
    biz = given.get("biz_appid", "")
    if biz and biz not in OFFICIAL:
        raise PageError("40013", "指定的 biz_appid 无效")
    return check(world, given.get("pre_auth_code", ""), given.get("redirect_uri", ""), biz)


def check(world: World, pre_auth_code: str, redirect_uri: str, biz_appid: str = "") -> Asked:
    """Raises PageError: a code that is unknown, used or over; a foreign way back."""
    code = world.oa.preauth.get(pre_auth_code)
    if code is None or code.used:
        raise PageError("61009", "预授权码无效或已使用")
    if world.clock.time() >= code.expires_at:
        raise PageError("61010", "预授权码已过期，请返回第三方平台重新发起")
    if not _is_ours(world, redirect_uri):
        raise PageError("10003", "回调页的域名与登记的授权发起页域名不一致")
    return Asked(pre_auth_code, redirect_uri, biz_appid)


def _check_launch(world: World) -> None:
    """The browser tells by Referer from where the page was opened."""
    source = request.headers.get("Referer", "")
    if not _is_ours(world, source):
        host = urlsplit(source).hostname or ""
        raise PageError("10003", f"授权入口页所在域名：{host}，与登记的授权发起页域名不一致")


def _is_ours(world: World, url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and host == urlsplit(world.public_url).hostname


def _form(world: World, asked: Asked) -> Response:
    boxes = "".join(
        f'<p><label><input type=checkbox name=func value="{number}" checked> '
        f"{html.escape(FUNCS[number])}</label></p>"
        for number in offered(world)
    )
    rows = [asked.biz_appid] if asked.biz_appid else list(OFFICIAL)
    options = "".join(
        f'<option value="{appid}">{html.escape(OFFICIAL[appid].name)} {appid}</option>'
        for appid in rows
    )
    hidden = "".join(
        f'<input type=hidden name={name} value="{html.escape(value)}">'
        for name, value in (
            ("pre_auth_code", asked.pre_auth_code),
            ("redirect_uri", asked.redirect_uri),
        )
    )
    return _page(
        f"<h1>{html.escape(PLATFORM.name)} 申请你的公众号权限</h1>"
        f'<form method=post action="{CONSENT}">{hidden}'
        f"<p><label>公众号 <select name=appid>{options}</select></label></p>{boxes}"
        "<p><button id=allow>同意授权</button></p></form>"
    )


def offered(world: World) -> list[int]:
    """What can be granted: some sets belong to one platform at a time."""
    taken = {t.strip() for t in world.switches.get("wechat.func_taken").split(",")}
    return [number for number in PLATFORM.funcs if str(number) not in taken]


def _consented(world: World) -> Response:
    given = request.form
    ticked = [int(f) for f in given.getlist("func") if f.isascii() and f.isdigit()]
    back = consent(
        world,
        given.get("appid", ""),
        given.get("pre_auth_code", ""),
        given.get("redirect_uri", ""),
        ticked,
    )
    return Response(status=302, headers={"Location": back})


def consent(
    world: World, appid: str, pre_auth_code: str, redirect_uri: str, ticked: list[int]
) -> str:
    """The administrator agrees. Where the browser goes then, with auth_code and expires_in."""
    with world.lock:
        asked = check(world, pre_auth_code, redirect_uri)
        if appid not in OFFICIAL:
            raise PageError("40013", "请选择公众号")
        funcs = tuple(n for n in offered(world) if n in ticked)
        if not funcs:
            raise PageError("61007", "请至少选择一个权限集")
        code = component.authorise(world, appid, asked.pre_auth_code, funcs)
    world.note("phone", "wechat component page", f"{appid} 授权 {','.join(map(str, funcs))}")
    parts = urlsplit(redirect_uri)
    more = urlencode({"auth_code": code, "expires_in": component.AUTH_CODE_LIFE_S})
    return parts._replace(query="&".join(q for q in (parts.query, more) if q)).geturl()
