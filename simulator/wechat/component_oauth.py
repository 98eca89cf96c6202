"""Web authorisation by a platform on an account's behalf. Source: wechat.md D."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, Response, request

from simulator.official import PLATFORM
from simulator.wallets import register_operations
from simulator.wechat import base_token, oa_door
from simulator.wechat.component import check_appid
from simulator.wechat.oa_door import only
from simulator.wechat.oauth import Account, ApiError, _guarded, accounts, tokens, use_code
from simulator.wechat.oauth import refresh as refresh_person
from simulator.world import World

NAME = "wechat.component_oauth"
Work = Callable[[World, dict[str, str]], dict[str, Any]]


def mount(app: Flask, world: World) -> None:
    for path, work in (("access_token", exchange), ("refresh_token", refresh_on_behalf)):
        _mount_get(app, world, f"/sns/oauth2/component/{path}", work)
    register_operations(app, NAME)


def _mount_get(app: Flask, world: World, path: str, work: Work) -> None:
    def view() -> Response:
        run = partial(work, world, request.args.to_dict())
        return _guarded(world, NAME, lambda: oa_door.answered(world, run))

    app.add_url_rule(path, f"wechat{path}", view, methods=["GET"])


def exchange(world: World, args: dict[str, str]) -> dict[str, Any]:
    """A code that the platform's page gave, for the person's openid under the account."""
    fields = ("appid", "code", "grant_type", "component_appid", "component_access_token")
    only(dict(args), *fields)
    account = _behalf(world, args)
    if not args.get("code"):
        raise ApiError(41008, "missing code")
    if args.get("grant_type") != "authorization_code":
        raise ApiError(40002, "invalid grant_type")
    with world.lock:
        code = use_code(world, account, args["code"], PLATFORM.appid)
    return tokens(world, account, code)


def refresh_on_behalf(world: World, args: dict[str, str]) -> dict[str, Any]:
    fields = ("appid", "grant_type", "component_appid", "component_access_token", "refresh_token")
    only(dict(args), *fields)
    _behalf(world, args)
    return refresh_person(world, args)


def _behalf(world: World, args: dict[str, str]) -> Account:
    check_appid(dict(args))
    base_token.live_token(world, args.get("component_access_token"), ("component",))
    if not args.get("appid"):
        raise ApiError(41002, "appid missing")
    account = accounts(world).get(args["appid"])
    if account is None:
        raise ApiError(40013, "invalid appid")
    grant = world.oa.grants.get(account.appid)
    if grant is None:
        raise ApiError(61003, "component is not authorized by this account")
    if 4 not in grant.funcs:
        raise ApiError(61007, "api is unauthorized to component")
    return account
