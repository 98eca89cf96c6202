"""The common way into an official account's calls: token, permission, verification, fields.

Source: wechat.md C and D. Every answer is HTTP 200 with an errcode.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from simulator import strict_json
from simulator.official import OFFICIAL
from simulator.wallets import register_operations
from simulator.wechat import base_token
from simulator.wechat.oauth import ApiError, _guarded, _json
from simulator.world import World

Body = dict[str, Any]
Work = Callable[[World, str, Body], dict[str, Any]]
HOLDER_FIELDS = ("access_token", "component_access_token")


@dataclass(frozen=True)
class Call:
    """`func`: the permission set a platform needs for it; `fields`: all that the body may have."""

    path: str
    name: str
    work: Work
    fields: tuple[str, ...] = ()
    func: int | None = None
    verified: bool = False
    methods: tuple[str, ...] = ("POST",)


def mount(app: Flask, world: World, calls: tuple[Call, ...]) -> None:
    for call in calls:
        _mount(app, world, call)
    register_operations(app, *{call.name for call in calls})


def _mount(app: Flask, world: World, call: Call) -> None:
    def work() -> dict[str, Any]:
        appid = base_token.holder(world, call.func)
        if call.verified:
            check_verified(world, appid)
        body = read(call.fields)
        with world.lock:
            found = call.work(world, appid, body)
            if request.method == "POST":
                world.keep_oa()
            return found

    def view() -> Response:
        return _guarded(world, call.name, lambda: answered(world, work))

    app.add_url_rule(call.path, f"{call.name}{call.path}", view, methods=list(call.methods))


def answered(world: World, work: Callable[[], dict[str, Any]]) -> Response:
    """What `work` gives, or its refusal; counted by path and errcode."""
    try:
        said = work()
    except ApiError as no:
        said = {"errcode": no.code, "errmsg": f"{no.text} rid: {secrets.token_hex(12)}"}
        world.note("in", request.path, f"errcode {no.code} {no.text}")
    else:
        world.note("in", request.path, "ok")
    count(world, int(said.get("errcode", 0)))
    return _json(said)


def count(world: World, errcode: int) -> None:
    with world.lock:
        world.oa.calls[(request.path, errcode)] += 1


def lapsed(world: World, appid: str) -> bool:
    """Whether the account's yearly verification has ended."""
    return appid in world.switches.get("wechat.oa_lapsed").split(",")


def check_verified(world: World, appid: str) -> None:
    """48001: what only verified accounts can do."""
    account = OFFICIAL.get(appid)
    if account is None or not account.is_verified or lapsed(world, appid):
        raise ApiError(48001, "api unauthorized")


def read(fields: tuple[str, ...]) -> Body:
    """The body (of a GET: its query), with no field that WeChat does not know."""
    if request.method == "GET":
        found: Any = {n: v for n, v in request.args.items() if n not in HOLDER_FIELDS}
    else:
        found = _json_body()
    if not isinstance(found, dict):
        raise ApiError(47001, "data format error")
    only(found, *fields)
    return found


def _json_body() -> Any:
    raw = request.get_data()
    if not raw:
        raise ApiError(44002, "empty post data")
    try:
        return strict_json.read(raw)
    except ValueError:
        raise ApiError(47001, "data format error") from None


def only(body: Body, *fields: str) -> None:
    if extra := set(body) - set(fields):
        raise ApiError(47001, f"data format error: {sorted(extra)[0]}")


def text(body: Body, name: str, most: int, code: int = 47001) -> str:
    """A needed text of 1 to `most` bytes; `code` when it is missing, of another type or longer."""
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= most:
        raise ApiError(code, f"invalid {name}")
    return value


def optional(body: Body, name: str, most: int, code: int = 47001) -> str:
    return text(body, name, most, code) if name in body else ""


def fan_of(world: World, appid: str, openid: str) -> str:
    """The person behind an openid of this account. Raises 40003."""
    person = world.person_of(appid, openid)
    if person is None:
        raise ApiError(40003, "invalid openid")
    return person
