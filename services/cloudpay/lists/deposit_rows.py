"""The lines of a page that are holds (冻结单) and releases (解冻单)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from services.callbacks.envelope import PLATFORMS
from services.cloudpay.callers import Caller
from services.cloudpay.deposits.words import freeze_state, release_state
from services.cloudpay.lists.clauses import TABLES
from services.cloudpay.lists.told import Detail, FreezeRow, UnfreezeRow
from services.cloudpay.lists.wanted import Kind

_PLACE: Final = """
    s.out_shop_id,
    s.name || CASE s.branch_name WHEN '' THEN '' ELSE ' · ' || s.branch_name END AS shop_name,
    f.channel, f.out_freeze_no, f.freeze_id
"""
FREEZES: Final = text(f"""
SELECT f.id, {_PLACE}, f.freeze_fen, f.consumed_fen, f.released_fen, f.lapsed_fen, f.status,
    f.reject_code, f.created_at, f.changed_at, f.frozen_at, c.staff_id, c.device_id, c.asked,
    {TABLES[Kind.FREEZE].trade} AS trade, COALESCE((
        SELECT sum(o.refunded_fen) FROM deposit_move u
        JOIN pay_order o ON o.provider_id = u.provider_id AND o.id = u.order_id
        WHERE u.provider_id = f.provider_id AND u.freeze_id = f.id
    ), 0) AS refunded_fen
FROM deposit_freeze f
JOIN store s ON s.provider_id = f.provider_id AND s.id = f.store_id
LEFT JOIN cpay_call c ON c.provider_id = f.provider_id AND c.merchant_id = f.merchant_id
    AND c.kind = 'freeze' AND c.number = f.out_freeze_no AND c.same <> ''
WHERE f.provider_id = :p AND f.id = ANY(:ids)
""")
UNFREEZES: Final = text(f"""
SELECT u.id, {_PLACE}, u.number, u.upstream_id, u.amount_fen, u.status, u.remark, u.created_at,
    u.changed_at, u.done_at, {TABLES[Kind.UNFREEZE].staff} AS staff_id,
    {TABLES[Kind.UNFREEZE].device} AS device_id, {TABLES[Kind.UNFREEZE].trade} AS trade
FROM deposit_move u
JOIN deposit_freeze f ON f.provider_id = u.provider_id AND f.id = u.freeze_id
JOIN store s ON s.provider_id = f.provider_id AND s.id = f.store_id
WHERE u.provider_id = :p AND u.id = ANY(:ids)
""")


def freeze(caller: Caller, row: Any) -> Detail:
    said = (row.asked or {}).get("freeze_content") or {}
    state = freeze_state(row.channel, row.status, row.reject_code)
    return Detail(
        freeze_order=FreezeRow(
            **_place(caller, row),
            freeze_fee=row.freeze_fen,
            total_consume_fee=row.consumed_fen,
            total_manual_unfreeze_fee=row.released_fen,
            total_auto_unfreeze_fee=row.lapsed_fen,
            total_refund_fee=int(row.refunded_fen),
            create_time=int(row.created_at.timestamp()),
            last_update_time=int(row.changed_at.timestamp()),
            time_end=_seconds(row.frozen_at),
            body=said.get("body") or None,
            detail=said.get("detail") or None,
            remark=said.get("remark") or None,
            wxpay_current_trade_state=state if row.channel == "wechat" else None,
            alipay_current_trade_state=state if row.channel == "alipay" else None,
        )
    )


def unfreeze(caller: Caller, row: Any) -> Detail:
    state = release_state(row.status)
    return Detail(
        unfreeze_order=UnfreezeRow(
            **_place(caller, row),
            out_unfreeze_no=row.number,
            unfreeze_id=row.upstream_id,
            unfreeze_fee=row.amount_fen,
            time_end=_seconds(row.done_at),
            create_time=int(row.created_at.timestamp()),
            last_update_time=int(row.changed_at.timestamp()),
            remark=row.remark or None,
            wxpay_current_trade_state=state if row.channel == "wechat" else None,
            alipay_current_trade_state=state if row.channel == "alipay" else None,
        )
    )


def _place(caller: Caller, row: Any) -> dict[str, Any]:
    return {
        "out_mch_id": caller.out_mch_id,
        "out_sub_mch_id": caller.out_sub_mch_id,
        "out_shop_id": row.out_shop_id,
        "shop_name": row.shop_name,
        "staff_id": row.staff_id or None,
        "device_id": row.device_id or None,
        "sub_pay_platform": PLATFORMS[row.channel][1],
        "trade_type": row.trade,
        "out_freeze_no": row.out_freeze_no,
        "freeze_id": row.freeze_id,
    }


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
