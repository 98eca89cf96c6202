"""`/cpay/<method>`: the Cloud Pay HTTPS API. HTTP 200 always; short headers, for small devices."""

from __future__ import annotations

from flask import Blueprint

from blueprints.cpay import calls, described

bp = Blueprint("cpay", __name__)
bp.get("/cpay/openapi.json")(described.openapi)
calls.install(bp)
