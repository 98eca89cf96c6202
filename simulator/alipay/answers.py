"""The answer's bytes: node, then signature over exactly the node's characters. Source: 1.4."""

from __future__ import annotations

import codecs
import json
import secrets
from typing import Any

from flask import Response

from simulator.alipay import signing
from simulator.alipay.codes import Refusal
from simulator.alipay.inbound import Arrival
from simulator.alipay.methods import METHODS
from simulator.alipay.pages import refusal_page
from simulator.alipay.state import Alipay, gateway_key

ERROR_ROOT = "error_response"


def _as_escape(problem: UnicodeError) -> tuple[str, int]:
    """JSON's spelling for what a charset lacks."""
    assert isinstance(problem, UnicodeEncodeError)
    lost = problem.object[problem.start : problem.end]
    return json.dumps(lost)[1:-1], problem.end


codecs.register_error("sim-json", _as_escape)


def render(
    sim: Alipay, arrival: Arrival, root: str, node: dict[str, Any], *, is_signed: bool = True
) -> Response:
    """The fault `bad_signature` spoils the signature, or with code "unsigned" leaves it out."""
    escape = sim.switch("escape")
    text = json.dumps(node, ensure_ascii=escape in ("unicode", "both"), separators=(",", ":"))
    if escape in ("slash", "both"):
        text = text.replace("/", "\\/")
    inner = text.encode(arrival.codec, "sim-json")
    signature = _signature(sim, arrival, inner) if is_signed else ""
    end = f',"sign":"{signature}"}}' if signature else "}"
    body = f'{{"{root}":'.encode("ascii") + inner + end.encode("ascii")
    return Response(
        body,
        content_type=f"text/html;charset={arrival.params.get('charset') or 'utf-8'}",
        headers={"trace_id": secrets.token_hex(16)},
    )


def _signature(sim: Alipay, arrival: Arrival, inner: bytes) -> str:
    signature = signing.sign(gateway_key(sim.world, arrival.params["app_id"]), inner)
    method = METHODS.get(arrival.params.get("method", ""))
    names = method.fault_names if method else ("/gateway.do",)
    fault = sim.world.faults.take("bad_signature", *names)
    if fault is None:
        return signature
    return "" if fault.code == "unsigned" else signing.spoiled(signature)


def refuse(sim: Alipay, arrival: Arrival, no: Refusal) -> Response:
    """Under the method's node, or error_response: no method, a bare method, or the switch `root`.

    Browser methods answer with a page.
    """
    method = METHODS.get(arrival.params.get("method", ""))
    if method is not None and method.is_page:
        return refusal_page(no)
    if method is None or method.is_bare or sim.switch("root") == ERROR_ROOT:
        root = ERROR_ROOT
    else:
        root = method.root
    return render(sim, arrival, root, no.node(), is_signed=no.is_signed)
