"""`/cpay/<method>`: the Cloud Pay HTTPS API. HTTP 200 always; short headers, for small devices."""

from __future__ import annotations

from flask import Blueprint

from blueprints.cpay import calls, described, devices

bp = Blueprint("cpay", __name__)
bp.get("/cpay/openapi.json")(described.openapi)
bp.route("/cpay/ping", methods=["GET", "POST"])(devices.ping)
bp.get("/cpay/use_device_setting")(devices.use_device_setting)
bp.get("/cpay/bind_device")(devices.bind_device)
calls.install(bp)
