"""The lines of a page: payments and refunds by their ids, each with the names of its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.callbacks.envelope import PLATFORMS, order_state, refund_state
from services.cloudpay.callers import Caller
from services.cloudpay.lists import deposit_rows
from services.cloudpay.lists.clauses import STAFF_NUMBER, TABLES
from services.cloudpay.lists.paging import Key
from services.cloudpay.lists.told import Detail, OrderRow, RefundRow
from services.cloudpay.lists.wanted import Kind
from services.orders import state_of

# Each place is looked up by key for each line: as plain joins the planner reads every shop, code
# and person of the provider, as long as it does not know better.
SHOP: Final = """LEFT JOIN LATERAL (
    SELECT s.out_shop_id,
        s.name || CASE s.branch_name WHEN '' THEN '' ELSE ' · ' || s.branch_name END AS shop_name
    FROM store s WHERE s.provider_id = {row}.provider_id AND s.id = {row}.store_id LIMIT 1
) s ON true"""
CALL: Final = """LEFT JOIN LATERAL (
    SELECT c.staff_id, c.device_id, c.asked FROM cpay_call c
    WHERE c.provider_id = {row}.provider_id AND c.merchant_id = {row}.merchant_id
        AND c.kind = '{kind}' AND c.number = {number} AND c.same <> '' LIMIT 1
) {name} ON true"""
_ORDER_COLUMNS: Final = f"""
    o.out_trade_no, o.channel, o.purpose, o.status, o.close_reason, o.amount_fen, o.refunded_fen,
    o.is_unknown, o.is_late, o.is_frozen, o.reject_code, o.remark, o.created_at, o.paid_at,
    o.transaction_id, s.out_shop_id, s.shop_name, k.code, k.name AS code_name,
    w.name AS staff_name, w.number AS staff_number, c.staff_id AS call_staff, c.device_id, c.asked,
    {TABLES[Kind.PAYMENT].source} AS source, {TABLES[Kind.PAYMENT].trade} AS trade,
    f.out_freeze_no, f.freeze_fen, f.freeze_id, f.ends, f.rest_fen
"""
_ORDER_PLACES: Final = f"""
{SHOP.format(row="o")}
LEFT JOIN LATERAL (
    SELECT k.code, k.name FROM pay_code k
    WHERE k.provider_id = o.provider_id AND k.id = o.pay_code_id LIMIT 1
) k ON true
LEFT JOIN LATERAL (
    SELECT w.name, {STAFF_NUMBER} AS number FROM staff w
    WHERE w.provider_id = o.provider_id AND w.id = o.staff_id LIMIT 1
) w ON true
{CALL.format(row="o", kind="pay", number="o.out_trade_no", name="c")}
LEFT JOIN LATERAL (
    SELECT f.out_freeze_no, f.freeze_fen, f.freeze_id, v.ends, v.rest_fen FROM deposit_move v
    JOIN deposit_freeze f ON f.provider_id = v.provider_id AND f.id = v.freeze_id
    WHERE v.provider_id = o.provider_id AND v.order_id = o.id LIMIT 1
) f ON true
"""
_ORDERS: Final = text(f"""
SELECT o.id, {_ORDER_COLUMNS}, a.method, a.closed_at, a.description, n.bonus_fen,
    n.number AS card_number, back.made_at AS back_made_at, back.done_at AS back_done_at
FROM pay_order o {_ORDER_PLACES}
LEFT JOIN LATERAL (
    SELECT t.method, t.closed_at, t.request ->> 'description' AS description FROM pay_attempt t
    WHERE t.provider_id = o.provider_id AND t.order_id = o.id
    ORDER BY t.transaction_id = o.transaction_id DESC NULLS LAST, t.id DESC LIMIT 1
) a ON true
LEFT JOIN LATERAL (
    SELECT n.number, e.bonus_fen FROM (
        SELECT e.card_id, e.bonus_fen FROM recharge e
        WHERE e.provider_id = o.provider_id AND e.order_id = o.id
        UNION ALL
        SELECT d.card_id, NULL FROM card_spend d
        WHERE d.provider_id = o.provider_id AND d.order_id = o.id
    ) e JOIN member_card n ON n.provider_id = o.provider_id AND n.id = e.card_id LIMIT 1
) n ON true
LEFT JOIN LATERAL (
    SELECT max(r.created_at) AS made_at, max(r.succeeded_at) AS done_at FROM refund r
    WHERE r.provider_id = o.provider_id AND r.order_id = o.id AND NOT r.is_second
) back ON true
WHERE o.provider_id = :p AND o.id = ANY(:ids)
""")
_REFUNDS: Final = text(f"""
SELECT r.id, {_ORDER_COLUMNS}, r.out_refund_no, r.refund_id, r.amount_fen AS back_fen,
    r.status AS back_status, r.reason, r.created_at AS back_made_at, r.accepted_at, r.succeeded_at,
    r.closed_at, rc.staff_id AS back_staff, rc.device_id AS back_device, rc.asked AS back_asked
FROM refund r JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
{_ORDER_PLACES}
{CALL.format(row="r", kind="refund", number="r.out_refund_no", name="rc")}
WHERE r.provider_id = :p AND r.id = ANY(:ids)
""")
_STAFF: Final = text(
    "SELECT number, name FROM staff WHERE provider_id = :p AND merchant_id = :m"
    " AND number = ANY(:numbers)"
)
_DEVICES: Final = text(
    "SELECT s.out_shop_id, v.device_id, v.name FROM device v"
    " JOIN store s ON s.provider_id = v.provider_id AND s.id = v.store_id"
    " WHERE v.provider_id = :p AND v.merchant_id = :m AND v.device_id = ANY(:ids)"
)


def read(session: Session, caller: Caller, keys: Sequence[Key]) -> tuple[Detail, ...]:
    """In the order of `keys`. A row that is gone since has no line; nothing is ever deleted."""
    found: dict[Key, Detail] = {}
    for kind, statement, tell in (
        (Kind.PAYMENT, _ORDERS, _order),
        (Kind.REFUND, _REFUNDS, _refund),
        (Kind.FREEZE, deposit_rows.FREEZES, deposit_rows.freeze),
        (Kind.UNFREEZE, deposit_rows.UNFREEZES, deposit_rows.unfreeze),
    ):
        ids = [key.id for key in keys if key.kind is kind]
        if not ids:
            continue
        for row in session.execute(statement, {"p": caller.provider_id, "ids": ids}):
            found[Key(kind, row.id)] = tell(caller, row)
    lines = [found[key] for key in keys if key in found]
    _name(session, caller, lines)
    return tuple(lines)


def _name(session: Session, caller: Caller, lines: list[Detail]) -> None:
    """The names of tills and of those at them, where the shop has written them down."""
    rows = [one.row for one in lines]
    mine = {"p": caller.provider_id, "m": caller.merchant_id}
    numbers = sorted({row.staff_id for row in rows if row.staff_id and not row.staff_name})
    if numbers:
        told = session.execute(_STAFF, mine | {"numbers": numbers})
        names = {row.number: row.name for row in told}
        for row in rows:
            row.staff_name = row.staff_name or names.get(row.staff_id or "")
    devices = sorted({row.device_id for row in rows if row.device_id})
    if devices:
        told = session.execute(_DEVICES, mine | {"ids": devices})
        places = {(row.out_shop_id, row.device_id): row.name for row in told}
        for row in rows:
            row.device_name = places.get((row.out_shop_id, row.device_id or ""))


def _order(caller: Caller, row: Any) -> Detail:
    said = said_of(row.asked)
    state = state_of(row)
    if state == "failed" and row.status != "closed":
        state = "pending"  # refused once, and the payer may still try again
    is_deposit = row.out_freeze_no is not None
    number = order_state(row.channel, state, is_scanned=row.method == "code", is_deposit=is_deposit)
    own = said.get("wxpay_pay_content_ext") or {}
    theirs = said.get("alipay_pay_content_ext") or {}
    is_paid, is_wechat = row.status == "paid", row.channel == "wechat"
    return Detail(
        order=OrderRow(
            **_place(caller, row),
            source_type=row.source,
            sub_pay_platform=PLATFORMS[row.channel][1],
            trade_type=row.trade,
            out_trade_no=row.out_trade_no,
            transaction_id=row.transaction_id,
            total_fee=row.amount_fen,
            settlement_total_fee=row.amount_fen if is_paid else None,
            recharge_bonus_fee=row.bonus_fen,
            is_card_recharge=row.purpose == "recharge",
            remaining_settlement_fee=row.amount_fen - row.refunded_fen if is_paid else None,
            time_end=_seconds(row.paid_at),
            create_time=int(row.created_at.timestamp()),
            last_update_time=_changed(row),
            body=said.get("body") or row.description or None,
            detail=said.get("detail") or None,
            client_flow_id=said.get("client_flow_id") or None,
            remark=said.get("remark") or row.remark or None,
            refunded_fee=row.refunded_fen,
            refund_create_time=_seconds(row.back_made_at),
            refund_time=_seconds(row.back_done_at),
            refunded_settlement_fee=row.refunded_fen if is_paid else None,
            wxpay_current_trade_state=number if is_wechat else None,
            attach=own.get("attach") or said.get("attach") or None,
            goods_tag=own.get("goods_tag") or None,
            scene_info=own.get("scene_info") or None,
            alipay_current_trade_state=number if row.channel == "alipay" else None,
            discountable_amount=theirs.get("discountable_amount"),
            undiscountable_amount=theirs.get("undiscountable_amount"),
            card_current_trade_state=number if row.channel == "balance" else None,
            membership_number=row.card_number,
            out_freeze_no=row.out_freeze_no,
            freeze_fee=row.freeze_fen,
            is_deposit_mode=is_deposit,
            is_confirm_unfreeze=row.ends,
            manual_unfreeze_fee=row.rest_fen,
            freeze_id=row.freeze_id,
        )
    )


def _refund(caller: Caller, row: Any) -> Detail:
    state = refund_state(row.channel, row.back_status)
    place = _place(caller, row)
    if row.back_staff and row.back_staff != place["staff_id"]:
        place |= {"staff_id": row.back_staff, "staff_name": None}
    place["device_id"] = row.back_device or place["device_id"]
    said = (row.back_asked or {}).get("refund_content") or {}
    changed = row.succeeded_at or row.closed_at or row.accepted_at or row.back_made_at
    return Detail(
        refund_order=RefundRow(
            **place,
            source_type=row.source,
            sub_pay_platform=PLATFORMS[row.channel][1],
            trade_type=row.trade,
            out_trade_no=row.out_trade_no,
            total_fee=row.amount_fen,
            out_refund_no=row.out_refund_no,
            refund_id=row.refund_id,
            refund_fee=row.back_fen,
            settlement_refund_fee=row.back_fen if row.back_status == "success" else None,
            create_time=int(row.back_made_at.timestamp()),
            last_update_time=int(changed.timestamp()),
            refund_start_processing_time=_seconds(row.accepted_at),
            pay_last_update_time=_seconds(row.paid_at),
            refund_reason=row.reason or None,
            client_refund_flow_id=_text(said.get("client_refund_flow_id")),
            wxpay_refund_state=state if row.channel == "wechat" else None,
            alipay_refund_state=state if row.channel == "alipay" else None,
            card_refund_state=state if row.channel == "balance" else None,
            is_deposit_mode=row.out_freeze_no is not None,
            out_freeze_no=row.out_freeze_no,
            freeze_fee=row.freeze_fen,
        )
    )


def _place(caller: Caller, row: Any) -> dict[str, Any]:
    """A till's own words of who stood there go before the person of the code."""
    return {
        "out_mch_id": caller.out_mch_id,
        "out_sub_mch_id": caller.out_sub_mch_id,
        "out_shop_id": row.out_shop_id,
        "shop_name": row.shop_name,
        "staff_id": row.call_staff or row.staff_number,
        "staff_name": None if row.call_staff else row.staff_name,
        "device_id": row.device_id or None,
        "qrcode_id": row.code,
        "qrcode_name": row.code_name or None,
    }


def said_of(asked: dict[str, Any] | None) -> dict[str, Any]:
    """What the call that made a payment said of it, in the names of the standard envelope."""
    found = (asked or {}).get("pay_content")
    if isinstance(found, dict):
        return found
    return {"body": asked["bd"]} if asked and asked.get("bd") else {}


def _changed(row: Any) -> int:
    closed_at = row.closed_at if row.status == "closed" else None
    known = (row.created_at, row.paid_at, row.back_done_at, closed_at)
    return int(max(at for at in known if at is not None).timestamp())


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
