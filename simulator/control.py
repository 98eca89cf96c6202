"""/sim/…: what people's phones, tests and benches ask of the simulator itself. All JSON.

Source: architecture.md section 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from simulator import wechat
from simulator.faults import KINDS, Fault
from simulator.freezes import Freeze, refunded
from simulator.parties import PEOPLE
from simulator.switches import BadSwitch
from simulator.wallets import PhoneContext
from simulator.world import World

ACTS = ("confirm", "cancel", "fail")
OPERATIONS = (
    "alipay.create",
    "alipay.query",
    "alipay.close",
    "alipay.notify",
    "alipay.oauth",
    "alipay.wap",
)
FARTHEST_S = 400 * 86400
SETTLE_WITHIN_S = 2.0


class Bad(Exception):
    """A control call that makes no sense: 400 with a sentence for the person who typed it."""


def register(app: Flask, world: World) -> None:
    _register_books(app, world)
    _register_wallets(app, world)
    _register_faults(app, world)
    _register_switches(app, world)
    _register_clock(app, world)

    @app.errorhandler(Bad)
    def bad(problem: Bad) -> ResponseReturnValue:
        return jsonify(code="PARAM_ERROR", message=str(problem)), 400


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise Bad("the body must be a JSON object")
    return body


def _only(body: dict[str, Any], *names: str) -> None:
    extra = sorted(set(body) - set(names))
    if extra:
        raise Bad(f"unknown field {extra[0]}; known: {', '.join(names)}")


# --- reading ----------------------------------------------------------------------------------


def _register_books(app: Flask, world: World) -> None:
    @app.get("/sim/health")
    def health() -> ResponseReturnValue:
        return jsonify(ok=True, time=world.clock.time())

    @app.get("/sim/books")
    def books() -> ResponseReturnValue:
        with world.books.lock:
            return jsonify([trade.row() for trade in world.books.all()])

    @app.get("/sim/freezes")
    def freezes() -> ResponseReturnValue:
        """Deposits as of now, with what was refunded of their consumptions."""
        world.due.run()
        with world.books.lock:
            return jsonify([_freeze_row(world, freeze) for freeze in world.freezes.all()])

    @app.get("/sim/trail")
    def trail() -> ResponseReturnValue:
        return jsonify(list(world.trail))

    @app.get("/sim/outbox")
    def outbox() -> ResponseReturnValue:
        """Notifications that still wait for their time."""
        return jsonify(world.outbox.waiting())

    @app.post("/sim/outbox/settle")
    def settle() -> ResponseReturnValue:
        """Answers when what is due has been delivered, or after two seconds."""
        return jsonify(settled=world.outbox.settle(SETTLE_WITHIN_S))

    @app.get("/sim/credentials")
    def credentials() -> ResponseReturnValue:
        """Of the demo parties, or with ?owner=<sp_mchid or app_id> of another provider."""
        owner = request.args.get("owner", "")
        provider = world.wechat.get(owner) or next(iter(world.wechat.values()))
        return jsonify(
            wechat=wechat.credentials(world, provider),
            alipay=_alipay_credentials(world, owner),
            component=wechat.platform_credentials(),
        )


def _freeze_row(world: World, freeze: Freeze) -> dict[str, Any]:
    trades = [world.books.find(freeze.channel, freeze.owner, n) for n in freeze.orders]
    return freeze.row(sum(refunded(trade) for trade in trades))


def _alipay_credentials(world: World, owner: str) -> dict[str, Any]:
    """`simulator.alipay.credentials(world, app)`: that half knows which keys it signs with."""
    chosen = world.alipay.get(owner) or next(iter(world.alipay.values()))
    tell: Callable[..., dict[str, Any]] | None
    tell = getattr(import_module("simulator.alipay"), "credentials", None)
    return tell(world, chosen) if tell is not None else {"app_id": chosen.app_id}


# --- the phone --------------------------------------------------------------------------------


def _register_wallets(app: Flask, world: World) -> None:
    product = urlsplit(world.public_url)
    origin = f"{product.scheme}://{product.netloc}"

    @app.route("/sim/wallet/<channel>/pay", methods=["POST", "OPTIONS"])
    def pay(channel: str) -> ResponseReturnValue:
        handlers = app.extensions.get("sim_wallets", {})
        if channel not in handlers:
            return jsonify(code="NO_SUCH_WALLET", message=f"没有名为 {channel} 的钱包"), 404
        if request.method == "OPTIONS":
            return _for_product(Response(status=204), origin)
        params = _body()
        phone = _phone(params)
        act = params.pop("act", None)
        if act not in ACTS:
            raise Bad(f"act must be one of {', '.join(ACTS)}")
        status, said = handlers[channel](params, act, phone)
        answer = jsonify(said)
        answer.status_code = status
        return _for_product(answer, origin)


def _phone(params: dict[str, Any]) -> PhoneContext:
    """Takes the fields that are not the bridge's own out of `params`."""
    said = {name: params.pop(name, None) for name in ("person", "openid", "user_id", "page_url")}
    for name, value in said.items():
        if value is not None and not isinstance(value, str):
            raise Bad(f"{name} must be a string")
    cookie = request.cookies.get("sim_person", "")
    person = said["person"] or (cookie if cookie in PEOPLE else None)
    if person is not None and person not in PEOPLE:
        raise Bad(f"unknown person {person}; known: {', '.join(PEOPLE)}")
    return PhoneContext(person, said["openid"] or said["user_id"], said["page_url"])


def _for_product(answer: Response, origin: str) -> Response:
    """The product's pay page may read this answer, and no other origin."""
    if request.headers.get("Origin") == origin:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
        answer.headers["Access-Control-Allow-Methods"] = "POST"
    answer.headers["Vary"] = "Origin"
    return answer


# --- faults and switches ----------------------------------------------------------------------


def known_operations(app: Flask) -> list[str]:
    """Names that `on` takes: operations, and every upstream path."""
    names = {"*", *OPERATIONS, *app.extensions.get("sim_operations", set())}
    names |= {r.rule for r in app.url_map.iter_rules() if not r.rule.startswith("/sim")}
    return sorted(names)


def _is_known(app: Flask, on: str) -> bool:
    if on in known_operations(app) or re.fullmatch(r"alipay(\.[a-z]+){2,5}", on):
        return True
    adapter = app.url_map.bind("sim")
    rules = adapter.allowed_methods(on) if on.startswith("/") else []
    return bool(rules) and not on.startswith("/sim")


def _register_faults(app: Flask, world: World) -> None:
    @app.post("/sim/faults")
    def arm() -> ResponseReturnValue:
        fault = _fault(app, _body())
        world.faults.arm(fault)
        world.note("sim", f"fault {fault.kind}", f"{fault.on} x{fault.times} {fault.ms} ms")
        return jsonify(vars(fault)), 201

    @app.get("/sim/faults")
    def armed() -> ResponseReturnValue:
        return jsonify([vars(f) for f in world.faults.armed()])

    @app.delete("/sim/faults")
    def clear() -> ResponseReturnValue:
        world.faults.clear()
        return jsonify(ok=True)


def _fault(app: Flask, body: dict[str, Any]) -> Fault:
    _only(body, "on", "kind", "times", "ms", "code")
    on, kind, code = body.get("on"), body.get("kind"), body.get("code", "")
    if kind not in KINDS:
        raise Bad(f"unknown kind {kind}; known: {', '.join(KINDS)}")
    if not isinstance(on, str) or not _is_known(app, on):
        raise Bad(f"unknown operation {on}; known: {', '.join(known_operations(app))}")
    times, ms = body.get("times", 1), body.get("ms", 0)
    if type(times) is not int or times < 1 or type(ms) is not int or not 0 <= ms <= 600_000:
        raise Bad("times must be a number from 1, ms a number from 0 to 600000")
    if not isinstance(code, str):
        raise Bad("code must be a string")
    return Fault(on, kind, times, ms, code)


def _register_switches(app: Flask, world: World) -> None:
    @app.get("/sim/switches")
    def shown() -> ResponseReturnValue:
        return jsonify(world.switches.rows())

    @app.post("/sim/switches")
    def flip() -> ResponseReturnValue:
        body = _body()
        try:
            for name, value in body.items():
                world.switches.check(name, str(value))
            for name, value in body.items():
                world.switches.set(name, str(value))
        except BadSwitch as problem:
            raise Bad(str(problem)) from None
        world.note("sim", "switch", ", ".join(f"{n}={v}" for n, v in body.items()))
        return jsonify(world.switches.rows())


# --- time -------------------------------------------------------------------------------------


def _register_clock(app: Flask, world: World) -> None:
    @app.post("/sim/reset")
    def reset() -> ResponseReturnValue:
        world.reset()
        return jsonify(ok=True)

    @app.get("/sim/clock")
    def clock() -> ResponseReturnValue:
        return jsonify(world.clock.state())

    @app.post("/sim/clock")
    def move() -> ResponseReturnValue:
        """advance_s moves the product too; skew_s sets how far we alone are off."""
        body = _body()
        _only(body, "advance_s", "skew_s")
        if not body or not all(_is_seconds(v) for v in body.values()):
            raise Bad("advance_s or skew_s must be a number of seconds, at most 400 days")
        if "advance_s" in body:
            world.clock.advance(body["advance_s"])
        if "skew_s" in body:
            world.clock.skew(body["skew_s"])
        return jsonify(world.clock.state())


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= FARTHEST_S
