"""Addresses of devices beside the methods: the clock, their set-up, and the code that they show."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from services.cloudpay.devices import flat
from services.devices import keys
from services.devices.problems import DeviceRefused
from services.devices.reading import serial
from web.runtime import deps

BIND_PAGE = "/m/bind-device"


def ping() -> Response:
    """Whatever came is not read."""
    return _flat(flat.ping(deps()))


def use_device_setting() -> Response:
    """`?osi=<out_shop_id>&si=<code>&sn=<serial number>`: the code is a secret, and in no log."""
    given = [request.args.get(name, "") for name in ("osi", "si", "sn")]
    return _flat(flat.use_device_setting(deps(), *given))


def _flat(body: bytes) -> Response:
    response = Response(body, status=200, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def bind_device() -> ResponseReturnValue:
    """What a device's code leads to: the office of whichever provider registered the device."""
    shown = {name: request.args.get(name, "")[:127] for name in ("ac", "rs", "sn", "sign")}
    try:
        sn_code = serial(shown["sn"])
        out_mch_id = deps().transact(lambda s: keys.provider_of(s, sn_code))
    except DeviceRefused:
        out_mch_id = None
    place = {"p": out_mch_id} if out_mch_id else {}
    response = redirect(f"{BIND_PAGE}?{urlencode({**place, **shown})}", 302)
    response.headers["Cache-Control"] = "no-store"
    return response
