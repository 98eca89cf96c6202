"""Notices of fund authorisations: fund_auth_freeze, fund_auth_unfreeze, …. Source: alipay.md 2.4.

Fields as one that was published by a receiver; sent to the notify_url of the call it is about.
"""

from __future__ import annotations

import secrets
import threading
from typing import Any
from urllib.parse import urlencode

from simulator.alipay import signing
from simulator.alipay.fields import yuan
from simulator.alipay.inbound import CHARSETS, FORM
from simulator.alipay.notices import FIRST_WITHIN_S, WAITS
from simulator.alipay.state import Alipay, gateway_key
from simulator.clock import china
from simulator.freezes import Freeze
from simulator.outbox import Parcel, Sent
from simulator.parties import PEOPLE

OPERATION = "alipay.freeze_notify"
TYPES = {"FREEZE": "fund_auth_freeze", "UNFREEZE": "fund_auth_unfreeze"}
CANCELLED = "fund_auth_operation_cancel"


def tell(
    sim: Alipay,
    freeze: Freeze,
    made: dict[str, Any],
    *,
    notify_type: str = "",
    comes_first: bool = False,
    **more: str,
) -> None:
    """Of one operation, if its call named an address. `comes_first` overtakes the answer."""
    url = made["notify_url"]
    if not url:
        return
    fields = _fields(sim, freeze, made, notify_type or TYPES[made["type"]]) | more
    delivered = threading.Event()

    def accepted(code: int, body: bytes) -> bool:
        delivered.set()
        return code == 200 and body == b"success"

    def build() -> Sent:
        return _sent(sim, fields, url)

    sim.world.outbox.post(Parcel(OPERATION, freeze.out_freeze_no, build, accepted, WAITS))
    if comes_first:
        delivered.wait(FIRST_WITHIN_S)


def totals(freeze: Freeze) -> dict[str, str]:
    held = freeze.freeze_fen if freeze.frozen_at is not None else 0
    return {
        "total_freeze_amount": yuan(held),
        "rest_amount": yuan(freeze.left_fen),
        "total_pay_amount": yuan(freeze.consumed_fen),
    }


def payer(sim: Alipay, freeze: Freeze) -> dict[str, str]:
    person = freeze.facts["person"]
    if person is None:
        return {}
    named = sim.identity(freeze.facts["app_id"], person, "payer_user_id", "payer_open_id")
    return {"payer_logon_id": PEOPLE[person].alipay_login} | named


def _fields(sim: Alipay, freeze: Freeze, made: dict[str, Any], notify_type: str) -> dict[str, str]:
    facts = freeze.facts
    stamp = f"{sim.world.clock.now():%Y%m%d}"
    fields = {
        "notify_type": notify_type,
        "notify_id": f"{stamp}00222{secrets.token_hex(10)}",
        "charset": facts["charset"],
        "version": "1.0",
        "sign_type": "RSA2",
        "app_id": facts["app_id"],
        "auth_app_id": facts["auth_app_id"],
        "auth_no": freeze.freeze_id,
        "out_order_no": freeze.out_freeze_no,
        "operation_id": made["operation_id"],
        "operation_type": made["type"],
        "out_request_no": made["out_request_no"],
        "amount": yuan(made["amount_fen"]),
        "status": made["status"],
        "gmt_create": made["gmt_create"],
        "gmt_trans": made["gmt_trans"],
        "remark": made["remark"],
        "total_unfreeze_amount": yuan(freeze.released_fen),
        **totals(freeze),
        **payer(sim, freeze),
    }
    return {name: value for name, value in fields.items() if value}


def _sent(sim: Alipay, fields: dict[str, str], url: str) -> Sent:
    """One delivery: same notify_id, its own notify_time and signature."""
    faults = sim.world.faults
    params = {"notify_time": china(sim.world.clock.now())} | fields
    if faults.take("wrong_amount", OPERATION):
        whole, _, part = params["amount"].partition(".")
        params["amount"] = yuan(int(whole) * 100 + int(part) + 1)
    codec = CHARSETS[params["charset"].lower()]
    text = signing.content(params, "sign", "sign_type").encode(codec, "replace")
    signature = signing.sign(gateway_key(sim.world, params["app_id"]), text)
    if faults.take("bad_signature", OPERATION):
        signature = signing.spoiled(signature)
    return Sent(
        url=url,
        headers={"Content-Type": f"{FORM}; charset={params['charset']}"},
        body=urlencode(params | {"sign": signature}, encoding=codec, errors="replace").encode(
            "ascii"
        ),
    )
