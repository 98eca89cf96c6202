"""POST /sim/alipay/paycode: the payment code on a phone's screen. Source: alipay.md 4.2."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

from simulator.alipay.pages import holder
from simulator.alipay.state import Alipay
from simulator.parties import PEOPLE


def add_pay_codes(app: Flask, sim: Alipay) -> None:
    @app.post("/sim/alipay/paycode")
    def alipay_pay_code() -> Response:
        """`person` as JSON or the cookie's; good once, for a minute."""
        body = request.get_json(silent=True)
        asked = body.get("person") if isinstance(body, dict) else None
        person = str(asked) if str(asked) in PEOPLE else holder()
        return jsonify(auth_code=sim.new_pay_code(person), person=person)
