"""The official account's own token and its tickets. Source: wechat.md C2, C3."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, Response, request

from simulator import strict_json
from simulator.wechat.oauth import TOKEN_LIFE_S, ApiError, _guarded, _json, accounts
from simulator.world import Token, World

STABLE_AGAIN_S = 300  # before its end stable_token gives a new one
FORCE_APART_S, FORCED_A_DAY = 30, 20
TICKETS = {"jsapi": 4, "wx_card": 8}  # and the permission set that a platform needs
OLD_LIFE_S = 300  # how long the token before lives on
OPERATION = "wechat.base_token"


def mount(app: Flask, world: World) -> None:
    def stable() -> Response:
        return _answered(world, lambda: _stable(world))

    def plain() -> Response:
        return _answered(world, lambda: _plain(world))

    def ticket() -> Response:
        return _answered(world, lambda: _ticket(world))

    app.add_url_rule("/cgi-bin/stable_token", "wechat.stable_token", stable, methods=["POST"])
    app.add_url_rule("/cgi-bin/token", "wechat.token", plain, methods=["GET"])
    app.add_url_rule("/cgi-bin/ticket/getticket", "wechat.ticket", ticket, methods=["GET"])


def _answered(world: World, work: Any) -> Response:
    def said() -> Response:
        try:
            found = work()
        except ApiError as no:
            world.note("in", request.path, f"errcode {no.code} {no.text}")
            found = {"errcode": no.code, "errmsg": no.text}
        else:
            world.note("in", request.path, "ok")
        with world.lock:
            world.oa.calls[(request.path, int(found.get("errcode", 0)))] += 1
        return _json(found)

    return _guarded(world, OPERATION, said)


def holder(world: World, func: int | None = None) -> str:
    """The account that the request's token belongs to. Raises ApiError.

    A platform's token for an account serves only within the permission set `func` (wechat.md D).
    """
    token = live_token(world, request.args.get("access_token"), ("base", "stable", "authorizer"))
    if token.kind == "authorizer":
        grant = world.oa.grants.get(token.app)
        if grant is None:
            raise ApiError(61003, "component is not authorized by this account")
        if func is not None and func not in grant.funcs:
            raise ApiError(61007, "api is unauthorized to component")
    return token.app


def live_token(world: World, given: str | None, kinds: tuple[str, ...]) -> Token:
    if not given:
        raise ApiError(41001, "access_token missing")
    token = world.tokens.get(given)
    if token is None or token.kind not in kinds:
        raise ApiError(40001, "invalid credential, access_token is invalid or not latest")
    if world.clock.time() >= token.expires_at:
        raise ApiError(42001, "access_token expired")
    return token


def _checked(world: World, given: dict[str, Any]) -> str:
    if given.get("grant_type") != "client_credential":
        raise ApiError(40002, "invalid grant_type")
    account = accounts(world).get(str(given.get("appid", "")))
    if account is None:
        raise ApiError(40013, "invalid appid")
    if given.get("secret") != account.secret:
        raise ApiError(40125, "invalid appsecret")
    return account.appid


def _stable(world: World) -> dict[str, Any]:
    try:
        body = strict_json.read(request.get_data())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(47001, "data format error")
    if extra := set(body) - {"grant_type", "appid", "secret", "force_refresh"}:
        raise ApiError(47001, f"data format error: {sorted(extra)[0]}")
    appid = _checked(world, body)
    force = body.get("force_refresh", False)
    if not isinstance(force, bool):
        raise ApiError(47001, "data format error: force_refresh")
    with world.lock:
        if force:
            _count_force(world, appid)
        kept = [(n, t) for n, t in world.tokens.items() if (t.kind, t.app) == ("stable", appid)]
        for name, token in kept:
            left = token.expires_at - world.clock.time()
            if left > STABLE_AGAIN_S and not force:
                return {"access_token": name, "expires_in": int(left)}
            if force:
                del world.tokens[name]
        return _issue(world, appid, "stable")


def _count_force(world: World, appid: str) -> None:
    """Forced at most 20 times in a day, and 30 s apart (C2)."""
    now = world.clock.time()
    lately = [at for at in world.oa.forced.get(appid, []) if at > now - 86400]
    if lately and now - lately[-1] < FORCE_APART_S:
        raise ApiError(45011, "api minute-quota reach limit, must slower")
    if len(lately) >= FORCED_A_DAY:
        raise ApiError(45009, "reach max api daily quota limit")
    world.oa.forced[appid] = [*lately, now]


def _plain(world: World) -> dict[str, Any]:
    """A new one each time; the one before lives on for five minutes."""
    appid = _checked(world, request.args.to_dict())
    with world.lock:
        return renew(world, appid, "base")


def renew(world: World, appid: str, kind: str) -> dict[str, Any]:
    """A new token of this kind; those before live on for five minutes. Callers hold the lock."""
    for token in world.tokens.values():
        if (token.kind, token.app) == (kind, appid):
            token.expires_at = min(token.expires_at, world.clock.time() + OLD_LIFE_S)
    return _issue(world, appid, kind)


def _issue(world: World, appid: str, kind: str) -> dict[str, Any]:
    name = f"SIM_{kind.upper()}_" + secrets.token_urlsafe(32)
    world.tokens[name] = Token(appid, "", "", world.clock.time() + TOKEN_LIFE_S, kind=kind)
    return {"access_token": name, "expires_in": TOKEN_LIFE_S}


def _ticket(world: World) -> dict[str, Any]:
    kind = request.args.get("type", "")
    if kind not in TICKETS:
        raise ApiError(40097, "invalid args")
    appid = holder(world, TICKETS[kind])
    return {
        "errcode": 0,
        "errmsg": "ok",
        "ticket": ticket_of(world, appid, kind),
        "expires_in": TOKEN_LIFE_S,
    }


def ticket_of(world: World, appid: str, kind: str) -> str:
    """The same for two hours, as upstream."""
    window = int(world.clock.time() // TOKEN_LIFE_S)
    return f"SIMTICKET-{kind}-{appid}-{window}"
