"""`/healthz`, `/readyz`, `/metrics`, `/`, and the verification files both wallets ask for."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.ops import demo, ready
from services.oa import files
from services.watchlist import gauges
from web.assets import linked_headers
from web.runtime import deps

bp = Blueprint("ops", __name__)

# MP_verify_xxx.txt, WW_verify_xxx.txt (WeChat), <digits>.txt (WeChat Pay), alipay's *.txt or .html
VERIFY_NAME = re.compile(r"[0-9A-Za-z_\-]{4,80}\.(txt|html)")


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process lives."""
    return jsonify({"status": "ok"})


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Database, migrations and a worker's heartbeat; names what is not fine."""
    report = ready.check(deps())
    return jsonify(report.as_json()), 200 if report.is_ready else 503


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    if not deps().settings.metrics_enabled:
        abort(404)
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    for name, value in gauges(deps()).items():
        Gauge(name, name.replace("_", " "), registry=registry).set(value)
    response = make_response(generate_latest(registry))
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    return response


@bp.get("/")
def home() -> ResponseReturnValue:
    """For browsers; a till that keeps its connection (Cloud Pay, "transport") gets one word."""
    if "text/html" not in request.headers.get("Accept", ""):
        return Response("yima\n", content_type="text/plain; charset=utf-8")
    shown = demo.front_door(deps()) if deps().settings.simulation else {"simulation": False}
    response = make_response(render_template("home.html", **shown))
    response.headers.update(linked_headers())
    return response


@bp.get("/sim-codes.json")
def sim_codes() -> ResponseReturnValue:
    """What the simulator's phone can scan; in simulation only."""
    settings = deps().settings
    if not settings.simulation:
        abort(404)
    response = jsonify(demo.codes_json(deps()))
    response.headers["Access-Control-Allow-Origin"] = settings.simulator_url
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/<filename>")
def verification_file(filename: str) -> ResponseReturnValue:
    """A file that WeChat or Alipay looks for at the root: from `$DATA_DIR/verify/`, or kept."""
    if not VERIFY_NAME.fullmatch(filename):
        abort(404)
    path = deps().settings.data_dir / "verify" / filename
    if not path.is_file():
        return _kept_file(filename)
    kind = "text/html" if filename.endswith(".html") else "text/plain"
    return Response(path.read_bytes(), content_type=f"{kind}; charset=utf-8")


def _kept_file(filename: str) -> ResponseReturnValue:
    """The same, entered with `flask oa file`: every process serves it."""
    content = files.find(deps(), filename) if files.NAME.fullmatch(filename) else None
    if content is None:
        abort(404)
    return Response(content, content_type="text/plain; charset=utf-8")
