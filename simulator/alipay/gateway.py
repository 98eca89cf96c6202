"""GET and POST /gateway.do. Source: alipay.md 1."""

from __future__ import annotations

from dataclasses import replace

from flask import Flask, Response, request

from simulator.alipay.admission import admit
from simulator.alipay.answers import refuse, render
from simulator.alipay.codes import MESSAGES, Refusal
from simulator.alipay.inbound import Arrival, read
from simulator.alipay.methods import METHODS, Method
from simulator.alipay.state import Alipay, Call
from simulator.wire import arrive, drop_connection


def add_gateway(app: Flask, sim: Alipay) -> None:
    @app.route("/gateway.do", methods=["GET", "POST"])
    def alipay_gateway() -> Response:
        sim.fresh().expiry.start()
        arrival = read(request)
        try:
            call = admit(sim, arrival)
        except Refusal as no:
            return _refused(sim, arrival, no)
        return _served(sim, arrival, call)


def _served(sim: Alipay, arrival: Arrival, call: Call) -> Response:
    """Faults before the work, the work, faults after it."""
    method, faults = METHODS[call.method], sim.world.faults
    fault = arrive(faults, request.environ, *method.fault_names)
    if fault is not None and fault.kind == "drop":
        return _hung_up(sim, call, "dropped")
    if fault is not None and fault.code != "10003":
        return _refused(sim, arrival, Refusal(fault.code or "isp.unknow-error"))
    try:
        answer = _answer(sim, arrival, method, replace(call, asked=fault.code if fault else ""))
    except Refusal as no:
        answer = _refused(sim, arrival, no)
    lost = faults.take("lose_answer", *method.fault_names)
    if lost is None:
        return answer
    if lost.code:
        return _refused(sim, arrival, Refusal(lost.code))
    drop_connection(request.environ)
    return _hung_up(sim, call, "answer lost")


def _answer(sim: Alipay, arrival: Arrival, method: Method, call: Call) -> Response:
    node = method.handle(call)
    number = call.biz.get("out_trade_no") or call.biz.get("out_order_no") or ""
    if isinstance(node, Response):
        sim.world.note("call", method.name, "page", number)
        return node
    if not method.is_bare:
        node = {"code": "10000", "msg": MESSAGES["10000"]} | node
    sim.world.note("call", method.name, str(node.get("code", "ok")), number)
    return render(sim, arrival, method.root, node)


def _refused(sim: Alipay, arrival: Arrival, no: Refusal) -> Response:
    sim.world.note("call", arrival.params.get("method", "/gateway.do")[:128], no.sub_code)
    return refuse(sim, arrival, no)


def _hung_up(sim: Alipay, call: Call, why: str) -> Response:
    """Nobody hears this: the connection is closed. A server without a socket to close says 502."""
    sim.world.note("call", call.method, why, call.biz.get("out_trade_no") or "")
    return Response(status=502)
