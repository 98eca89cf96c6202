"""`/cpay/<method>`: the Cloud Pay HTTPS API. HTTP 200 always; short headers, for small devices."""

from __future__ import annotations

from flask import Blueprint

from blueprints.cpay import calls

bp = Blueprint("cpay", __name__)
bp.post("/cpay/<method>")(calls.call)
