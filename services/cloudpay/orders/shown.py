"""An order in Cloud Pay's words (OrderContent): every method that shows one takes it from here.

One statement reads the order, the attempt that counts and the call that made it. What is not known
is left out. An order that came another way, by a pay page say, is shown all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from models.paycode import PayCodeKind
from services.accounts import seal_place
from services.callbacks.envelope import ONE_CODE, PLATFORMS, SCANNED, nonce_of, order_state
from services.callbacks.reading import ONE_OFF, SOURCES, TILL
from services.cloudpay.call import Call
from services.cloudpay.deposits.members import of_deposit
from services.cloudpay.orders.words import state_words
from services.cloudpay.statuses import Internal, Refused
from services.cloudpay.structures import (
    AlipayKeyExtTold,
    AlipayOrderExt,
    CardOrderExt,
    OrderClientTold,
    OrderContent,
    PayMchKeyTold,
    WxpayKeyExtTold,
    WxpayOrderExt,
)
from services.deps import Deps
from services.orders import state_of
from services.single import Single

RECHARGE_SOURCE: Final = 5  # source_type of a member card's recharge

# Everything that `from_row` needs; the caller adds WHERE (o: order, s: store, a: attempt, c: call).
SELECT: Final = """
SELECT o.provider_id, o.id, o.out_trade_no, o.status, o.close_reason, o.purpose, o.amount_fen,
    o.refunded_fen, o.is_unknown, o.is_late, o.is_frozen, o.reject_code, o.reject_message, o.remark,
    o.created_at, o.expires_at, o.paid_at, o.transaction_id, o.store_id, p.out_mch_id,
    m.out_sub_mch_id, s.out_shop_id, a.id AS attempt_id, a.channel, a.out_trade_no AS attempt_no,
    a.method, a.app, a.status AS attempt_status, a.raw_state, a.due_at, a.closed_at, a.prepay_id,
    a.created_at AS attempted_at, a.request ->> 'description' AS description, k.code,
    k.kind AS code_kind, c.trade_type, c.nonce_str, c.asked, n.number AS card_number, w.sealed,
    w.subject_hash,
    CASE WHEN o.refunded_fen > 0 THEN (
        SELECT max(r.succeeded_at) FROM refund r
        WHERE r.provider_id = o.provider_id AND r.order_id = o.id AND r.status = 'success'
    ) END AS refunded_at
FROM pay_order o
JOIN provider p ON p.id = o.provider_id
JOIN merchant m ON m.provider_id = o.provider_id AND m.id = o.merchant_id
JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
JOIN LATERAL (
    SELECT t.* FROM pay_attempt t WHERE t.provider_id = o.provider_id AND t.order_id = o.id
    ORDER BY t.transaction_id = o.transaction_id DESC NULLS LAST, t.id DESC LIMIT 1
) a ON true
LEFT JOIN pay_code k ON k.provider_id = o.provider_id AND k.id = o.pay_code_id
LEFT JOIN cpay_call c ON c.provider_id = o.provider_id AND c.merchant_id = o.merchant_id
    AND c.kind = 'pay' AND c.number = o.out_trade_no AND c.same <> ''
    AND c.created_at <= o.created_at
LEFT JOIN card_spend d ON d.provider_id = o.provider_id AND d.order_id = o.id
LEFT JOIN member_card n ON n.provider_id = d.provider_id AND n.id = d.card_id
LEFT JOIN person w ON w.provider_id = a.provider_id AND w.id = a.person_id AND d.order_id IS NULL
"""
_BY_NUMBER = Single(
    text(SELECT + "WHERE o.provider_id = :p AND o.merchant_id = :m AND o.out_trade_no = :n")
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One order of the caller's. `state` is our own word of it (`services/orders.state_of`)."""

    order_content: OrderContent
    pay_mch_key: PayMchKeyTold
    order_client: OrderClientTold
    state: str
    row: Any = field(repr=False)  # what it was read from: the columns of `SELECT`

    @property
    def channel(self) -> str:
        return str(self.row.channel)

    @property
    def is_scanned(self) -> bool:
        """Paid by the payer's code at a till: reversed, never closed."""
        return bool(self.row.method == "code")


def order_content(call: Call, out_trade_no: str) -> Shown:
    """The merchant's order as it stands now.

    Raises Refused: 104 with 400, in the same words for another merchant's number and for nobody's.
    """
    found = find_order(call, out_trade_no)
    if found is None:
        raise no_order()
    return found


def find_order(call: Call, out_trade_no: str) -> Shown | None:
    """The same; None where the merchant has no such order."""
    keys = {"p": call.caller.provider_id, "m": call.caller.merchant_id, "n": out_trade_no}
    row = _BY_NUMBER.first(call.deps, keys)
    return None if row is None else from_row(call.deps, row)


def no_order() -> Refused:
    return Refused("订单不存在，请核对out_trade_no", internal=Internal.NO_ORDER)


def from_row(deps: Deps, row: Any) -> Shown:
    """A row of `SELECT` in the protocol's words."""
    state = state_of(row)
    if state == "failed" and row.status != "closed":
        state = "pending"  # refused once, and the payer may still try again
    if state == "created" and row.method in ("code", "deposit"):
        state = "unknown"  # written down, the wallet has not said: clients go on asking
    asked = row.asked or {}
    content = _content(row, state, asked)
    if row.method == "deposit":
        content = content.model_copy(update=of_deposit(deps, row.provider_id, row.id))
    return Shown(content, _mch_key(deps, row), client_of(row, asked), state, row)


def _content(row: Any, state: str, asked: dict[str, Any]) -> OrderContent:
    said = _said(asked)
    is_scanned = row.method == "code"
    is_deposit = row.method == "deposit"
    number = order_state(row.channel, state, is_scanned=is_scanned, is_deposit=is_deposit)
    own = SCANNED if is_scanned or is_deposit else ONE_CODE
    return OrderContent(
        out_trade_no=row.out_trade_no,
        transaction_id=row.transaction_id,
        trade_type=row.trade_type or own,
        time_expire=_seconds(row.expires_at),
        time_end=_seconds(row.paid_at),
        nonce_str=row.nonce_str or nonce_of(row.out_trade_no),
        create_time=int(row.created_at.timestamp()),
        last_update_time=int(_changed_at(row).timestamp()),
        is_transforming=state == "unknown" or row.attempt_status == "closing",
        total_fee=row.amount_fen,
        refunded_fee=row.refunded_fen or None,
        body=said.get("body") or row.description or None,
        detail=said.get("detail") or None,
        remark=said.get("remark") or row.remark or None,
        client_flow_id=said.get("client_flow_id") or None,
        source_type=_source(row),
        **_ext(row, state, number, said),
    )


def _ext(row: Any, state: str, number: int, said: dict[str, Any]) -> dict[str, Any]:
    """The one member that says which wallet, and how it stands there."""
    if row.channel == "wechat":
        own = said.get("wxpay_pay_content_ext") or {}
        asked_here = row.asked is not None and row.method != "code"
        return {
            "wxpay_order_content_ext": WxpayOrderExt(
                current_trade_state=number,
                attach=own.get("attach") or said.get("attach") or None,
                goods_tag=own.get("goods_tag") or None,
                product_id=own.get("product_id") or None,
                prepare_id=row.prepay_id if asked_here else None,
                trade_state_desc=state_words(state, row)[:255] or None,
                limit_pay=own.get("limit_pay") or None,
            )
        }
    if row.channel == "alipay":
        own = said.get("alipay_pay_content_ext") or {}
        return {
            "alipay_order_content_ext": AlipayOrderExt(
                current_trade_state=number,
                discountable_amount=own.get("discountable_amount"),
                undiscountable_amount=own.get("undiscountable_amount"),
                product_code=own.get("product_code") or None,
                send_pay_date=_seconds(row.paid_at),
                disable_pay_channels=own.get("disable_pay_channels") or None,
            )
        }
    return {
        "card_order_content_ext": CardOrderExt(
            current_trade_state=number, membership_number=row.card_number
        )
    }


def _said(asked: dict[str, Any]) -> dict[str, Any]:
    """What the call that made it said of the order, in the names of the standard envelope."""
    found = asked.get("pay_content")
    if isinstance(found, dict):
        return found
    return {"body": asked["bd"]} if asked.get("bd") else {}  # the brief envelope


def _source(row: Any) -> int:
    if row.purpose == "recharge":
        return RECHARGE_SOURCE
    if row.method == "code" or row.asked is not None:
        return TILL
    return SOURCES[PayCodeKind(row.code_kind)] if row.code_kind else ONE_OFF


def _changed_at(row: Any) -> datetime:
    closed_at = row.closed_at if row.status == "closed" else None
    found: datetime = max(
        at for at in (row.created_at, row.paid_at, row.refunded_at, closed_at) if at is not None
    )
    return found


def _mch_key(deps: Deps, row: Any) -> PayMchKeyTold:
    platform, sub_platform = PLATFORMS[row.channel]
    payer = None
    if row.sealed is not None:
        place = seal_place("person", "sealed", f"{row.provider_id}:{row.subject_hash}")
        payer = deps.ring.open(row.sealed, place)
    wechat, alipay = row.channel == "wechat", row.channel == "alipay"
    return PayMchKeyTold(
        pay_platform=platform,
        out_mch_id=row.out_mch_id,
        out_sub_mch_id=row.out_sub_mch_id,
        out_shop_id=row.out_shop_id,
        sub_pay_platform=sub_platform,
        wxpay_pay_mch_key_ext=(WxpayKeyExtTold(app_id=row.app, open_id=payer) if wechat else None),
        alipay_pay_mch_key_ext=AlipayKeyExtTold(user_id=payer) if alipay and payer else None,
    )


_CLIENT = tuple(OrderClientTold.model_fields)


def client_of(row: Any, asked: dict[str, Any]) -> OrderClientTold:
    """Who asked for the payment; of an order that no client made, its code in a device's place."""
    given = asked.get("order_client")
    if isinstance(given, dict):
        known = {name: value for name in _CLIENT if (value := given.get(name)) not in (None, "")}
        return OrderClientTold(**{"terminal_type": 100, **known})
    if asked:
        return OrderClientTold(
            device_id=asked.get("di") or None,
            terminal_type=100,
            sub_terminal_type=asked.get("stt"),
            sn_code=asked.get("sc") or None,
        )
    return OrderClientTold(device_id=row.code, terminal_type=100, sub_terminal_type=0)


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
