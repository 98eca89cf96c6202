"""Binding a device by the code that it shows: whoever manages the merchant says to which store."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.devices import DEVICES
from blueprints.merchant.stores import HOME, who
from models.merchant import Store
from services.devices import binding, reading
from services.devices.binding import Shown
from services.devices.problems import DeviceBound, DeviceRefused, DeviceStopped, DeviceType
from services.stores import reading as stores
from web.runtime import deps

PAGE: Final = "/m/bind-device"
PARTS: Final = ("ac", "rs", "sn", "sign")


def _shown() -> Shown:
    return Shown(*(request.values.get(name, "")[:127] for name in PARTS))


def form() -> ResponseReturnValue:
    """Several stores: first which; then the device and under whose name it works."""
    return _page(_shown())


def _page(shown: Shown, error: str = "") -> ResponseReturnValue:
    shop = request.values.get("shop", "")[:32]
    kept = dict(zip(PARTS, (shown.ac, shown.rs, shown.sn, shown.sign), strict=True))

    def unit(session: Session) -> dict[str, Any]:
        binding.check(session, deps(), who(), shown)
        own = list(stores.all_of(session, who()))
        chosen = [one for one in own if one.out_shop_id == shop] or (own if len(own) == 1 else [])
        places = [_place(one, kept) for one in own]
        return {"places": places, **(_choice(session, chosen[0], shown.sn) if chosen else {})}

    return answers.page(
        "merchant/bind_device.html",
        409 if error else 200,
        **{
            "title": "绑定设备", "sn": shown.sn, "kept": kept, "error": error, "place": None,
            "action": PAGE, "back_url": "/m/", "tabs": None, **deps().transact(unit),
        },
    )  # fmt: skip


def _place(store: Store, kept: dict[str, str]) -> dict[str, str]:
    query = urlencode({**kept, "shop": store.out_shop_id})
    return {"href": f"{PAGE}?{query}", "name": stores.name_of(store)}


def _choice(session: Session, store: Store, sn: str) -> dict[str, Any]:
    serial = reading.serial(sn)
    return {
        "place": stores.name_of(store),
        "shop": store.out_shop_id,
        "add_url": f"{HOME}/{store.out_shop_id}/devices/new",
        "devices": [
            {
                "id": one.out_device_id,
                "name": one.name,
                "note": f"{reading.type_name(one.shift_type)} · {one.device_id}",
                "is_taken": one.sn_code not in (None, serial),
                "is_same": one.sn_code == serial,
            }
            for one in reading.of_store(session, store)
        ],
        "workers": [(one.public_id, one.name) for one in reading.workers(session, store)],
    }


def bind() -> ResponseReturnValue:
    answers.check_token()
    shown = _shown()
    try:
        device = binding.confirm(
            deps(), who(), shown, request.form.get("device", "")[:32],
            request.form.get("staff", "")[:24],
        )  # fmt: skip
    except (DeviceBound, DeviceStopped, DeviceType) as refused:
        return _page(shown, str(refused))
    except DeviceRefused as refused:
        if type(refused) is not DeviceRefused:
            raise
        return _page(shown, str(refused))
    return answers.see(f"{DEVICES}/{device.out_device_id}?said=bound")
