"""/sim/oa/…: what people do with official accounts: follow, scan, press, authorise. All JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from simulator.clock import SHANGHAI
from simulator.oa_state import Server
from simulator.official import OFFICIAL, PLATFORM
from simulator.parties import PEOPLE
from simulator.wechat import component, component_page, menus, notices, oa_door, push, scenes
from simulator.wechat.oauth import ApiError, PageError
from simulator.world import World

RENEWALS = (
    *("annual_renew", "verify_expired"),
    *("qualification_verify_success", "naming_verify_success"),
)
TEXT_MOST = 600


class No(Exception):
    """A call that makes no sense: 400 with a code and a sentence."""

    def __init__(self, text: str, code: str = "PARAM_ERROR") -> None:
        super().__init__(text)
        self.text, self.code = text, code


Act = Callable[[World, str, dict[str, Any]], Any]


def register(app: Flask, world: World) -> None:
    _register_looks(app, world)

    @app.post("/sim/oa/<appid>/<act>")
    def acts(appid: str, act: str) -> ResponseReturnValue:
        body = request.get_json(force=True, silent=True)
        if appid not in OFFICIAL:
            raise No(f"unknown account {appid}; known: {', '.join(OFFICIAL)}")
        if act not in ACTS or not isinstance(body, dict):
            raise No(f"a JSON object to one of {', '.join(ACTS)}")
        try:
            found = ACTS[act](world, appid, body)
            world.keep_oa()
            return jsonify(found)
        except (ApiError, PageError) as no:
            raise No(no.text, str(no.code)) from None

    @app.errorhandler(No)
    def refused(no: No) -> ResponseReturnValue:
        return jsonify(code=no.code, message=no.text), 400


def _register_looks(app: Flask, world: World) -> None:
    @app.get("/sim/oa")
    def looked() -> ResponseReturnValue:
        """Every account as WeChat sees it; never a token."""
        with world.lock:
            return jsonify([_row(world, appid) for appid in OFFICIAL])

    @app.get("/sim/messages")
    def read() -> ResponseReturnValue:
        """Notices and replies that arrived, oldest first; of ?appid= and ?person= alone."""
        wanted = {n: v for n in ("appid", "person", "kind") if (v := request.args.get(n))}
        with world.lock:
            rows = list(world.oa.notices)
        return jsonify([r for r in rows if all(r[n] == v for n, v in wanted.items())])

    @app.get("/sim/calls")
    def calls() -> ResponseReturnValue:
        """How often which call of an account or a platform was answered with which errcode."""
        with world.lock:
            counted = sorted(world.oa.calls.items())
        return jsonify([{"path": p, "errcode": c, "times": n} for (p, c), n in counted])


def _row(world: World, appid: str) -> dict[str, Any]:
    account, grant = OFFICIAL[appid], world.oa.grants.get(appid)
    server, menu = world.oa.servers.get(appid), world.oa.menu(appid)
    people = {p: f for (owner, p), f in world.oa.fans.items() if owner == appid}
    return {
        "appid": appid,
        "name": account.name,
        "is_verified": account.is_verified and not oa_door.lapsed(world, appid),
        "followers": [p for p, fan in people.items() if fan.follows],
        "server": None if server is None else {"url": server.url, "mode": server.mode},
        "menu": menu.default,
        "conditional_menus": len(menu.conditional),
        "granted": None if grant is None else list(grant.funcs),
    }


def _take(body: dict[str, Any], *names: str) -> list[Any]:
    if extra := set(body) - set(names):
        raise No(f"unknown field {sorted(extra)[0]}; known: {', '.join(names)}")
    return [body.get(name) for name in names]


def _person(given: Any) -> str:
    if given is None:
        given = request.cookies.get("sim_person", "lin")
    if given not in PEOPLE:
        raise No(f"unknown person {given}")
    return str(given)


def _follow(world: World, appid: str, body: dict[str, Any]) -> Any:
    person = _person(*_take(body, "person"))
    return {"told": _followed(world, appid, person), "follows": True}


def _followed(world: World, appid: str, person: str, scene: str = "", ticket: str = "") -> bool:
    fan = world.oa.fan(appid, person)
    fan.follows, fan.since, fan.scene = True, world.clock.time(), scene
    more = {"Ticket": ticket} if ticket else {}
    return push.event(
        world, appid, person, "subscribe", EventKey=f"qrscene_{scene}" if ticket else "", **more
    )


def _unfollow(world: World, appid: str, body: dict[str, Any]) -> Any:
    person = _person(*_take(body, "person"))
    fan = world.oa.fan(appid, person)
    fan.follows, fan.tags, fan.scene = False, [], ""
    return {"told": push.event(world, appid, person, "unsubscribe", EventKey=""), "follows": False}


def _say(world: World, appid: str, body: dict[str, Any]) -> Any:
    person, said = _take(body, "person", "text")
    if not isinstance(said, str) or not 1 <= len(said) <= TEXT_MOST:
        raise No(f"text has 1 to {TEXT_MOST} characters")
    if not world.oa.fan(appid, _person(person)).follows:
        raise No("only followers can write to an account", "43004")
    message = {"MsgType": "text", "Content": said}
    return {"told": push.to_account(world, appid, _person(person), message)}


def _scan(world: World, appid: str, body: dict[str, Any]) -> Any:
    """A parametric code by its `url` or `ticket`: follows first when the person does not yet."""
    given, code = _take(body, "person", "code")
    person, found = _person(given), scenes.scanned(world, str(code))
    if found is None or found[1].appid != appid:
        raise No("the code is unknown or over", "CODE_OVER")
    ticket, scene = found
    if not world.oa.fan(appid, person).follows:
        told = _followed(world, appid, person, scene.scene, ticket)
        return {"told": told, "event": "subscribe", "scene": scene.scene}
    told = push.event(world, appid, person, "SCAN", EventKey=scene.scene, Ticket=ticket)
    return {"told": told, "event": "SCAN", "scene": scene.scene}


def _press(world: World, appid: str, body: dict[str, Any]) -> Any:
    """A menu item by its place, e.g. [0] or [2, 1]; a link answers with `open`."""
    given, path = _take(body, "person", "path")
    person = _person(given)
    button: dict[str, Any] = {"sub_button": menus.menu_of(world, appid, person) or []}
    if not world.oa.fan(appid, person).follows:
        raise No("only followers see a menu", "43004")
    try:
        for place in path:
            button = button["sub_button"][place]
    except (KeyError, IndexError, TypeError):
        raise No("there is no such menu item") from None
    kind = button.get("type")
    if kind == "view":
        told = push.event(world, appid, person, "VIEW", EventKey=button["url"])
        return {"told": told, "open": button["url"]}
    if kind != "click":
        raise No(f"a button of type {kind} can not be pressed here")
    return {"told": push.event(world, appid, person, "CLICK", EventKey=button["key"])}


def _menu(world: World, appid: str, body: dict[str, Any]) -> Any:
    person = _person(*_take(body, "person"))
    return {"button": menus.menu_of(world, appid, person)}


def _subscribe(world: World, appid: str, body: dict[str, Any]) -> Any:
    """The pop-up of subscription notices: `answers` is template_id -> accept or reject."""
    given, answers, how = _take(body, "person", "answers", "as")
    fine = isinstance(answers, dict) and answers
    if not fine or not set(answers.values()) <= {"accept", "reject"}:
        raise No("answers is template_id -> accept or reject")
    if how not in (None, "popup", "change"):
        raise No("as is popup or change")
    notices.consent(world, appid, _person(given), answers, how or "popup")
    return {"ok": True}


def _block(world: World, appid: str, body: dict[str, Any]) -> Any:
    """Puts a fan on the account's black list, or takes them off."""
    given, blocked = _take(body, "person", "blocked")
    if not isinstance(blocked, bool):
        raise No("blocked is true or false")
    world.oa.fan(appid, _person(given)).blocked = blocked
    return {"blocked": blocked}


def _server(world: World, appid: str, body: dict[str, Any]) -> Any:
    """The server configuration of direct mode; the URL is asked for its echo first. "": none."""
    url, mode = _take(body, "url", "mode")
    if not isinstance(url, str) or mode not in (None, "plain", "safe"):
        raise No("url is a text, mode plain or safe")
    if not url:
        world.oa.servers.pop(appid, None)
        return {"server": None}
    problem = push.check_url(world, appid, url)
    if problem:
        raise No(problem, "URL_CHECK")
    world.oa.servers[appid] = Server(url, mode or "safe")
    return {"server": {"url": url, "mode": mode or "safe"}}


def _verification(world: World, appid: str, body: dict[str, Any]) -> Any:
    """The yearly verification: its warning, its end, its renewal; the event is pushed."""
    kind, on = _take(body, "as", "expires_on")
    if kind not in RENEWALS:
        raise No(f"as is one of {', '.join(RENEWALS)}")
    day = dt.datetime.fromtimestamp(world.clock.time(), SHANGHAI).date()
    ends = day if kind == "verify_expired" else day + dt.timedelta(days=30)
    if kind.endswith("success"):
        ends = day + dt.timedelta(days=365)
    try:
        ends = dt.date.fromisoformat(on) if on is not None else ends
    except (TypeError, ValueError):
        raise No("expires_on is a date") from None
    at = int(dt.datetime.combine(ends, dt.time(), SHANGHAI).timestamp())
    lapsed = {a for a in world.switches.get("wechat.oa_lapsed").split(",") if a}
    lapsed = lapsed | {appid} if kind == "verify_expired" else lapsed
    lapsed = lapsed - {appid} if kind.endswith("success") else lapsed
    world.switches.set("wechat.oa_lapsed", ",".join(sorted(lapsed)))
    record = {"annual_renew": "认证即将到期", "verify_expired": "认证已经到期"}.get(kind)
    more: dict[str, Any] = {"ExpiredTime": at} | ({"NotifyRecord": record} if record else {})
    return {"told": push.event(world, appid, "weixin", kind, **more), "expired_time": at}


def _authorise(world: World, appid: str, body: dict[str, Any]) -> Any:
    """The administrator agrees, without a browser: `redirect` is where it would go then."""
    code, back, funcs = _take(body, "pre_auth_code", "redirect_uri", "funcs")
    ticked = list(PLATFORM.funcs) if funcs is None else funcs
    if not isinstance(ticked, list) or not all(type(n) is int for n in ticked):
        raise No("funcs is a list of numbers")
    return {"redirect": component_page.consent(world, appid, str(code), str(back), ticked)}


def _unauthorise(world: World, appid: str, body: dict[str, Any]) -> Any:
    _take(body)
    return {"was_authorised": component.unauthorise(world, appid)}


def _expire(world: World, appid: str, body: dict[str, Any]) -> Any:
    """Tokens of the account end now; with {"forget": true} they are unknown (40001)."""
    (forget,) = _take(body, "forget")
    held = [n for n, t in world.tokens.items() if t.app == appid and t.kind in ENDABLE]
    for name in held:
        if forget:
            del world.tokens[name]
        else:
            world.tokens[name].expires_at = world.clock.time()
    return {"ended": len(held)}


ENDABLE = ("base", "stable", "authorizer")
ACTS: dict[str, Act] = {
    "follow": _follow,
    "unfollow": _unfollow,
    "say": _say,
    "scan": _scan,
    "press": _press,
    "menu": _menu,
    "subscribe": _subscribe,
    "block": _block,
    "server": _server,
    "verification": _verification,
    "authorise": _authorise,
    "unauthorise": _unauthorise,
    "expire": _expire,
}
