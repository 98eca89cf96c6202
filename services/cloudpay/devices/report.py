"""device_report: what a device counted since its last report, kept per report.

The counts are the device's own and are believed for nothing: they show beside the books. Where it
stands (cells, coordinates) and what its calls were about are taken and not kept.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AliasChoices, Field
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.shapes import Asked, Name32, Number, Seconds, Text, Text32, Text64, Whole
from services.cloudpay.statuses import Internal, Refused, bad_member
from services.cloudpay.structures import NonceOnly
from services.devices import reading
from services.devices.problems import DeviceRefused

Count = Annotated[int, Whole(0, 10_000_000)]
Amount = Annotated[int, Whole(0, 2**53)]
_LATEST: Final = 4_102_444_800  # 2100


class ApiCall(Asked):
    """`code`: HTTP's, or -2 no connection, -3 time-out, -4 other."""

    code: Annotated[int, Whole(-(2**31), 2**31 - 1)] = 0
    status: Annotated[int, Whole(-(2**31), 2**31 - 1)] = 0
    delay_ms: Number = 0


class ReportAsked(Asked):
    device_type: Number = 1
    company_code: Text64 = ""
    model: Text64 = ""
    sn: Annotated[str, Text(127, least=1)] = Field(validation_alias=AliasChoices("sn", "sn_code"))
    begin_timestamp: Seconds
    end_timestamp: Seconds
    network_type: Text32 = ""
    wx_pay_count: Count = 0
    wx_pay_success_count: Count = 0
    wx_pay_amount: Amount = 0
    ali_pay_count: Count = 0
    ali_pay_success_count: Count = Field(
        default=0, validation_alias=AliasChoices("ali_pay_success_count", "ali_pay_sucess_count")
    )
    ali_pay_amount: Amount = 0
    other_pay_count: Count = 0
    other_pay_success_count: Count = 0
    other_pay_amount: Amount = 0
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    out_shop_id: Name32
    device_id: Annotated[str, Text(64, least=1)]
    app_cpay_version: Text32 = ""
    cpu_usage: Text32 = ""
    mem_max: Amount = 0
    mem_in_use: Amount = 0
    disk_max: Amount = 0
    disk_in_use: Amount = 0
    upload_net_flow: Amount = 0
    download_net_flow: Amount = 0
    staff_id: Text64 = ""
    api_calling_infos: tuple[ApiCall, ...] = Field(default=(), max_length=2_000)
    nonce_str: Text32 = ""


_WALLETS: Final = ("wx", "ali", "other")
_KEPT: Final = (
    *(
        f"{wallet}_pay_{word}"
        for wallet in _WALLETS
        for word in ("count", "success_count", "amount")
    ),
    *("device_type", "company_code", "model", "network_type", "cpu_usage", "mem_max"),
    *("mem_in_use", "disk_max", "disk_in_use", "upload_net_flow", "download_net_flow"),
)
_STORE = text("""
INSERT INTO device_report (provider_id, row_id, sn_code, begin_at, end_at, pay_count,
    success_count, amount_fen, facts, received_at)
VALUES (:p, :row, :sn, :begin, :end, :count, :success, :amount, CAST(:facts AS jsonb), :now)
ON CONFLICT (provider_id, row_id, begin_at, end_at) DO NOTHING
""")


def report(call: Call, asked: ReportAsked) -> Answer:
    """A repeat of the same span is kept once; of a device that is not known here, nothing is."""
    shop = call.shop(asked.out_shop_id, "out_shop_id")
    begin, end = _span(asked)
    try:
        sn_code = reading.serial(asked.sn)
    except DeviceRefused:
        raise bad_member("sn", "格式不对") from None

    def unit(session: Session) -> bool:
        provider_id = call.caller.provider_id
        device = reading.in_store(session, provider_id, shop.store_id, asked.device_id)
        if device is None or device.deleted_at is not None:
            return False
        if device.sn_code not in (None, sn_code):
            raise Refused("该设备已绑定另一台机器", internal=Internal.BOUND_ELSEWHERE)
        device.seen_at = call.now
        device.app_version = asked.app_cpay_version or device.app_version
        session.execute(_STORE, _row(call, asked, device.id, sn_code, begin, end))
        return True

    is_kept = call.deps.transact(unit)
    told = NonceOnly(nonce_str=fresh_nonce())
    return Answer(told) if is_kept else Answer(told, "门店没有登记这台设备，数据没有保存")


def _span(asked: ReportAsked) -> tuple[datetime, datetime]:
    begin, end = asked.begin_timestamp, asked.end_timestamp
    if end < begin or end > _LATEST:
        raise bad_member("end_timestamp", "不能早于begin_timestamp")
    return datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)


def _row(
    call: Call, asked: ReportAsked, row_id: int, sn: str, begin: datetime, end: datetime
) -> dict[str, Any]:
    facts = {name: getattr(asked, name) for name in _KEPT}
    calls = asked.api_calling_infos
    facts["calls"] = len(calls)
    facts["calls_failed"] = sum(one.code != 200 or one.status != 0 for one in calls)
    facts["slowest_ms"] = max((one.delay_ms for one in calls), default=0)
    return {
        "p": call.caller.provider_id,
        "row": row_id,
        "sn": sn,
        "begin": begin,
        "end": end,
        "count": sum(getattr(asked, f"{wallet}_pay_count") for wallet in _WALLETS),
        "success": sum(getattr(asked, f"{wallet}_pay_success_count") for wallet in _WALLETS),
        "amount": sum(getattr(asked, f"{wallet}_pay_amount") for wallet in _WALLETS),
        "facts": json.dumps(facts, ensure_ascii=False),
        "now": call.now,
    }
