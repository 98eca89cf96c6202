"""The simulator's WSGI app: every upstream at its real path, and /sim/… for people and tests."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from simulator import applyment_desk, control, maidan, platforms, sms, wechat
from simulator.alipay import register as register_alipay
from simulator.phone import register as register_phone
from simulator.world import World, open_world

BODY_LIMIT = 1024 * 1024


def create_app(home: Path | None = None, world: World | None = None) -> Flask:
    """`home` (else SIM_DIR) holds the test keys and the journal of the books; or a `world` of
    somebody's own making, with a clock of its own."""
    app = Flask("simulator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    world = world or open_world(home)
    app.extensions["sim_world"] = world
    platforms.declare(world)
    wechat.register(app, world)
    register_alipay(app, world)
    register_phone(app, world)
    sms.register(app, world)
    applyment_desk.register(app, world)
    maidan.register(app, world)
    platforms.register(app, world)
    control.register(app, world)
    app.register_error_handler(HTTPException, _plain_error)
    _make_keys(world)
    return app


def _plain_error(problem: HTTPException) -> ResponseReturnValue:
    """Unknown paths and methods of an upstream answer empty (wechat.md A1); ours say why."""
    status = problem.code or 500
    if request.path.startswith("/sim/"):
        return jsonify(code=problem.name, message=problem.description), status
    return Response(status=status)


def _make_keys(world: World) -> None:
    """Before the first request, so that none waits for a key."""
    for provider in world.wechat.values():
        wechat.credentials(world, provider)
