"""What tills tell of themselves: the newest of each is kept, as numbers, and nothing of an order.

Logs that come along are counted and thrown away: nobody knows what a till writes into them.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from pydantic import Field, field_validator
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.callers import Shop
from services.cloudpay.devices.unpacking import NAME, Unreadable, unpack
from services.cloudpay.shapes import (
    Asked,
    Flag,
    Name32,
    Number,
    Text,
    Text32,
    Told,
    Whole,
    read_members,
)
from services.cloudpay.structures import NonceOnly, OrderClient
from services.cloudpay.wire_json import read_object

MOST_TILLS: Final = 200  # of one shop: a till too many is answered and not kept
MACHINE_MOST: Final = 4_000  # characters of machine_info that are kept
INTERFACES_MOST: Final = 40

_KEEP = text("""
INSERT INTO till_telemetry (provider_id, store_id, till, kind, facts, received_at)
SELECT n.p, n.s, n.till, n.kind, CAST(:facts AS jsonb), CAST(:now AS timestamptz)
FROM (SELECT CAST(:p AS bigint) AS p, CAST(:s AS bigint) AS s, CAST(:till AS varchar) AS till,
    CAST(:kind AS varchar) AS kind) n
WHERE EXISTS (SELECT 1 FROM till_telemetry t WHERE t.provider_id = n.p AND t.store_id = n.s
        AND t.till = n.till AND t.kind = n.kind)
    OR (SELECT count(*) FROM till_telemetry t WHERE t.provider_id = n.p AND t.store_id = n.s
        AND t.kind = n.kind) < :most
ON CONFLICT (provider_id, store_id, till, kind)
DO UPDATE SET facts = EXCLUDED.facts, received_at = EXCLUDED.received_at
""")
_SEEN = text("""
UPDATE device SET seen_at = :now
WHERE provider_id = :p AND store_id = :s AND device_id = :till AND deleted_at IS NULL
""")


class IntResult(Asked):
    """One call that a till made. `interface` comes as a number or as its text."""

    interface: Text32 = ""
    status: Annotated[int, Whole(-(2**31), 2**31 - 1)] = 0
    time_cost: Number = 0  # ms


class MonitorInfo(Asked):
    client_int_results: tuple[IntResult, ...] = Field(default=(), max_length=5_000)
    machine_info: Annotated[str, Text(100_000)] = ""


class MonitorAsked(Asked):
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    out_shop_id: Name32
    order_client: OrderClient = OrderClient()
    interval: Number = Field(default=0, description="秒 / seconds")
    is_compress: Flag = False
    compress_type: Number = Field(default=0, description="0无，1zip，3gzip / none, zip, gzip")
    compressed_monitor_info: Annotated[str, Text(1 << 20)] = Field(default="", repr=False)
    uncompressed_monitor_info: MonitorInfo | None = Field(default=None, repr=False)
    nonce_str: Text32 = ""


class MonitorTold(Told):
    nonce_str: str
    interval: int


class ConfAsked(Asked):
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    out_shop_id: Name32
    order_client: OrderClient = OrderClient()
    machine_info: Annotated[str, Text(100_000)] = Field(default="", repr=False)
    nonce_str: Text32 = ""

    @field_validator("machine_info", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return json.dumps(given, ensure_ascii=False) if isinstance(given, dict) else given


def upload_monitor(call: Call, asked: MonitorAsked) -> Answer:
    shop = call.shop(asked.out_shop_id, "out_shop_id")
    told = MonitorTold(nonce_str=fresh_nonce(), interval=0)
    info = asked.uncompressed_monitor_info or MonitorInfo()
    try:
        if asked.is_compress:
            info = _unpacked(asked)
    except Unreadable as problem:
        return Answer(told, f"{problem}，数据没有保存")
    facts = {"calls": _calls(info.client_int_results), "machine": _machine(call, info.machine_info)}
    _keep(call, shop, asked.order_client, "monitor", facts)
    return Answer(told)


def _unpacked(asked: MonitorAsked) -> MonitorInfo:
    plain = unpack(asked.compress_type, asked.compressed_monitor_info)
    try:
        found = read_object(plain)
    except ValueError as problem:
        raise Unreadable(f"{NAME}解压后{problem}") from None
    return read_members(MonitorInfo, found)


def _calls(results: tuple[IntResult, ...]) -> list[dict[str, Any]]:
    """By interface: how many, how many failed, the slowest."""
    found: dict[str, dict[str, Any]] = {}
    for one in results:
        name = one.interface or "?"
        if name not in found and len(found) >= INTERFACES_MOST:
            name = "…"
        line = found.setdefault(name, {"interface": name, "count": 0, "failed": 0, "slowest_ms": 0})
        line["count"] += 1
        line["failed"] += one.status != 0
        line["slowest_ms"] = max(line["slowest_ms"], one.time_cost)
    return list(found.values())


def _machine(call: Call, info: str) -> str:
    """Cut, and without the merchant's key should somebody have put it there."""
    for key in call.caller.keys:
        info = info.replace(key, "…")
    return info[:MACHINE_MOST].replace("\x00", "")


def upload_conf(call: Call, asked: ConfAsked) -> Answer:
    shop = call.shop(asked.out_shop_id, "out_shop_id")
    _keep(call, shop, asked.order_client, "conf", {"machine": _machine(call, asked.machine_info)})
    return Answer(NonceOnly(nonce_str=fresh_nonce()))


def _keep(call: Call, shop: Shop, till: OrderClient, kind: str, facts: dict[str, Any]) -> None:
    facts |= {"sdk_version": till.sdk_version, "machine_no": till.machine_no}
    values = {
        "p": call.caller.provider_id,
        "s": shop.store_id,
        "till": (till.device_id or till.machine_no or "?")[:64],
        "kind": kind,
        "facts": json.dumps(facts, ensure_ascii=False),
        "now": call.now,
        "most": MOST_TILLS,
    }

    def unit(session: Session) -> None:
        session.execute(_KEEP, values)
        session.execute(_SEEN, values)

    call.deps.transact(unit)
