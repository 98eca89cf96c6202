"""A relay for short messages at /sim/sms: what it takes stands in the phone's trail.

POST `{"phone", "text"}` as the product sends it to a deployer's own relay; GET lists what came,
newest last.
"""

from __future__ import annotations

import re

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from simulator import wire
from simulator.wallets import register_operations
from simulator.world import World

OPERATION = "sms.send"
LONGEST = 500  # characters: what operators still send as one message, in parts


def register(app: Flask, world: World) -> None:
    register_operations(app, OPERATION)

    @app.get("/sim/sms")
    def messages() -> ResponseReturnValue:
        phone = request.args.get("phone")
        with world.lock:
            found = [m for m in world.messages if phone in (None, m["phone"])]
        return jsonify(found)

    @app.post("/sim/sms")
    def take_message() -> ResponseReturnValue:
        fault = wire.arrive(world.faults, request.environ, OPERATION, request.path)
        if fault is not None:
            return Response(status=503)
        answer = _take(world)
        wire.leave(world.faults, request.environ, OPERATION, request.path)
        return answer


def _take(world: World) -> ResponseReturnValue:
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or set(body) != {"phone", "text"}:
        return jsonify(code="PARAM_ERROR", message="phone and text, nothing else"), 400
    phone, text = body["phone"], body["text"]
    if not isinstance(phone, str) or not re.fullmatch(r"1[3-9][0-9]{9}", phone, re.ASCII):
        return jsonify(code="PARAM_ERROR", message="phone is 11 digits"), 400
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST:
        return jsonify(code="PARAM_ERROR", message=f"text has 1 to {LONGEST} characters"), 400
    with world.lock:
        world.messages.append({"at": world.clock.time(), "phone": phone, "text": text})
    world.note("phone", f"短信 {phone[:3]}****{phone[-4:]}", text)
    return jsonify(ok=True)
