"""The two calls without an envelope: `ping` and `use_device_setting`, flat JSON, unsigned."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from services.cloudpay.authen import HMAC_SHA256
from services.cloudpay.call import DONE
from services.cloudpay.devices.refusing import in_numbers
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.cloudpay.wire_json import ascii_json
from services.deps import Deps
from services.devices import setting
from services.devices.reading import staff_no
from services.devices.setting import Taken
from services.stores.reading import name_of

log = logging.getLogger(__name__)


def ping(deps: Deps) -> bytes:
    """That it lives, and the time, by which devices set their clock."""
    body = {"description": "ok", "status": 0, "timestamp": int(deps.now().timestamp())}
    return ascii_json(body).encode("ascii")


def use_device_setting(deps: Deps, out_shop_id: str, code: str, sn: str) -> bytes:
    """Every member is there on success: clients fail over a missing one. The code is no log's."""
    log_id = secrets.randbits(32) or 1
    try:
        taken = _take(deps, out_shop_id, code, sn)
    except Refused as no:
        log.info("device not set up", extra={"log_id": log_id, "internal": int(no.internal)})
        return _flat(log_id, no.reply_status, no.description[:128], no.internal, {})
    except Exception:
        log.exception("unexpected error", extra={"method": "use_device_setting", "log_id": log_id})
        return _flat(log_id, Status.UNKNOWN, "系统繁忙，请重试", Internal.BUSY, {})
    facts = {"log_id": log_id, "out_device_id": taken.device.out_device_id}
    log.info("device set up", extra=facts)
    return _flat(log_id, Status.OK, DONE, Internal.OK, {"use_device_setting": _told(taken)})


def _take(deps: Deps, out_shop_id: str, code: str, sn: str) -> Taken:
    for name, value in (("osi", out_shop_id), ("si", code), ("sn", sn)):
        if not value or len(value) > 64 or "\x00" in value:
            raise bad_member(name, "缺失" if not value else "格式不对")
    with in_numbers():
        return setting.take(deps, out_shop_id, code, sn)


def _told(taken: Taken) -> dict[str, Any]:
    return {
        "out_mch_id": taken.provider.out_mch_id,
        "out_sub_mch_id": taken.merchant.out_sub_mch_id,
        "cloud_cashier_id": setting.prefix_of(taken.merchant),
        "authen_type": HMAC_SHA256,
        "authen_key": taken.key,
        "out_shop_id": taken.store.out_shop_id,
        "shop_name": name_of(taken.store),
        "device_id": taken.device.device_id,
        "device_name": taken.device.name,
        "staff_id": staff_no(taken.staff),
        "staff_name": taken.staff.name,
    }


def _flat(
    log_id: int, status: int, description: str, internal: int, result: dict[str, Any]
) -> bytes:
    base = {
        "status": int(status), "description": description, "log_id": log_id,
        "internal_status": int(internal),
    }  # fmt: skip
    return ascii_json(base | result).encode("ascii")
