"""What a callback says, in Cloud Pay's words; pure: rows' values in, bytes out.

Source: Cloud Pay's documents, sections "callback", OrderContent, RefundOrderContent. Numbers are
plain integers (fen, Unix seconds), text is ASCII with upper-case escapes, what is not known is
left out rather than guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.callbacks.origin import OURS, Origin, content, order_client, wxpay_ext
from services.cloudpay.authen import HMAC_SHA256, code_of
from services.cloudpay.wire_json import ascii_json

# Our word of the one table of states: (WeChat, scanned payer), (WeChat, any other), Alipay, card.
_ORDER_STATES = {
    "created": (1, 1, 1, 1),
    "pending": (9, 6, 4, 3),
    "unknown": (9, 6, 4, 3),
    "paid": (2, 3, 2, 2),
    "late_paid": (2, 3, 2, 2),
    "part_refunded": (2, 3, 2, 2),
    "refunded": (4, 4, 5, 4),
    "closed": (8, 7, 5, 5),
    "failed": (10, 7, 5, 5),
    "void": (11, 11, 7, 5),  # the table has none for a card, whose order is paid or never was
}
_REFUND_STATES = {  # WeChat, Alipay, card
    "created": (1, 1, 1),
    "processing": (4, 1, 1),
    "unknown": (4, 1, 1),
    "waiting": (4, 1, 1),
    "success": (2, 2, 2),
    "failed": (3, 3, 3),
    "abnormal": (5, 5, 3),
    "void": (6, 5, 3),
}
# PayPlatform, SubPayPlatform; 300 is the member card, campus cards are not rebuilt
PLATFORMS = {"wechat": (1, 100), "alipay": (2, 200), "balance": (3, 300)}
SCANNED, ONE_CODE = 1, 8  # TradeType: the till scanned the payer; the payer scanned a code
_PREFIX = {"wechat": "wxpay", "alipay": "alipay", "balance": "card"}
_COLUMNS = ("wechat", "alipay", "balance")
DEPOSIT_CONSUMED = 14  # WxpayOrderState
# refund_account, by WeChat's APIv3 words; what has no word here is not told
REFUND_ACCOUNTS = {
    "UNSETTLED": "REFUND_SOURCE_UNSETTLED_FUNDS",
    "AVAILABLE": "REFUND_SOURCE_RECHARGE_FUNDS",
    "BASIC": "REFUND_SOURCE_RECHARGE_FUNDS",
}


@dataclass(frozen=True, slots=True)
class Party:
    """Who was paid, by which wallet, and by whom where that is still known."""

    channel: str
    out_mch_id: str
    out_sub_mch_id: str
    out_shop_id: str
    app: str
    payer: str | None = field(default=None, repr=False)  # the openid at `app`; None: erased
    card_number: str | None = None  # of the member's card that paid


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order as the books have it now."""

    out_trade_no: str
    state: str
    is_scanned: bool  # the till scanned the payer's code
    source_type: int
    amount_fen: int
    refunded_fen: int
    transaction_id: str | None
    body: str
    remark: str
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    changed_at: datetime
    origin: Origin = OURS
    is_deposit: bool = False  # paid out of a deposit


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """One refund of it."""

    out_refund_no: str
    refund_id: str | None
    state: str
    amount_fen: int
    reason: str
    created_at: datetime
    changed_at: datetime
    succeeded_at: datetime | None
    nonce: str = ""  # of the call that asked for it
    funds_account: str | None = None  # what it is paid out of, as the wallet says


def pay_content(party: Party, order: OrderFacts, device_id: str, nonce: str) -> dict[str, Any]:
    """The content of a payment's callback."""
    return {
        "nonce_str": nonce,
        "pay_mch_key": _mch_key(party),
        "order_content": _order(party, order),
        "order_client": order_client(order.origin, device_id),
    }


def refund_content(
    party: Party, order: OrderFacts, refunds: list[RefundFacts], nonce: str
) -> dict[str, Any]:
    """The content of a refund's callback: Cloud Pay has it as a list."""
    return {
        "nonce_str": nonce,
        "pay_mch_key": _mch_key(party),
        "refund_order_content": [_refund(party, order, refund) for refund in refunds],
    }


def seal(content: Mapping[str, Any], authen_key: str) -> bytes:
    """The whole body to send. The code is over `request_content` exactly as it stands there."""
    text = ascii_json(content)
    code = code_of(authen_key, text)
    outer = {
        "request_content": text,
        "authen_info": {"a": {"authen_type": HMAC_SHA256, "authen_code": code}},
    }
    return ascii_json(outer).encode("ascii")


def order_state(channel: str, state: str, *, is_scanned: bool, is_deposit: bool = False) -> int:
    """WxpayOrderState, AlipayOrderState or CardOrderState. KeyError for a word that the table has
    not. `is_deposit`: paid out of a deposit, which WeChat's states tell apart."""
    scanned, *others = _ORDER_STATES[state]
    if channel == "wechat" and is_deposit:
        return DEPOSIT_CONSUMED if scanned == _ORDER_STATES["paid"][0] else scanned
    if channel == "wechat" and is_scanned:
        return scanned
    return others[_COLUMNS.index(channel)]


def refund_state(channel: str, state: str) -> int:
    """WxpayRefundOrderState, AlipayRefundOrderState or CardRefundOrderState. KeyError as above."""
    return _REFUND_STATES[state][_COLUMNS.index(channel)]


def _mch_key(party: Party) -> dict[str, Any]:
    platform, sub_platform = PLATFORMS[party.channel]
    made: dict[str, Any] = {
        "pay_platform": platform,
        "out_mch_id": party.out_mch_id,
        "out_sub_mch_id": party.out_sub_mch_id,
        "out_shop_id": party.out_shop_id,
        "sub_pay_platform": sub_platform,
    }
    if party.channel == "wechat":
        payer = {"open_id": party.payer} if party.payer else {}
        made["wxpay_pay_mch_key_ext"] = {"app_id": party.app, **payer}
    elif party.channel == "alipay" and party.payer:
        made["alipay_pay_mch_key_ext"] = {"user_id": party.payer}
    return made


def _order(party: Party, order: OrderFacts) -> dict[str, Any]:
    state = order_state(
        party.channel, order.state, is_scanned=order.is_scanned, is_deposit=order.is_deposit
    )
    more = {"membership_number": party.card_number} if party.card_number else {}
    if party.channel == "wechat":
        more = wxpay_ext(order.origin)
    made: dict[str, Any] = {
        "out_trade_no": order.out_trade_no,
        "transaction_id": order.transaction_id,
        "trade_type": _trade_type(order),
        "time_expire": _seconds(order.expires_at),
        "time_end": _seconds(order.paid_at),
        "nonce_str": order.origin.nonce or nonce_of(order.out_trade_no),
        "create_time": _seconds(order.created_at),
        "last_update_time": _seconds(order.changed_at),
        "is_transforming": False,
        "total_fee": order.amount_fen,
        "fee_type": "CNY",
        "refunded_fee": order.refunded_fen or None,
        "body": order.body,
        "remark": order.remark,
        **content(order.origin),
        f"{_PREFIX[party.channel]}_order_content_ext": {"current_trade_state": state, **more},
        "source_type": order.source_type,
    }
    return {name: value for name, value in made.items() if value is not None}


def _trade_type(order: OrderFacts) -> int:
    return order.origin.trade_type or (SCANNED if order.is_scanned else ONE_CODE)


def _refund(party: Party, order: OrderFacts, refund: RefundFacts) -> dict[str, Any]:
    word = "refund_status" if party.channel == "alipay" else "state"
    account = REFUND_ACCOUNTS.get(refund.funds_account or "")
    made: dict[str, Any] = {
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "out_trade_no": order.out_trade_no,
        "trade_type": _trade_type(order),
        "nonce_str": refund.nonce or nonce_of(refund.out_refund_no),
        "create_time": _seconds(refund.created_at),
        "last_update_time": _seconds(refund.changed_at),
        "is_transforming": False,
        "refund_reason": refund.reason,
        "total_fee": order.amount_fen,
        "refund_fee": refund.amount_fen,
        "refund_fee_type": "CNY",
        "refund_success_time": _seconds(refund.succeeded_at),
        f"{_PREFIX[party.channel]}_refund_order_content_ext": {
            word: refund_state(party.channel, refund.state),
            **({"refund_account": account} if account else {}),
        },
    }
    return {name: value for name, value in made.items() if value is not None}


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def nonce_of(number: str) -> str:
    """The nonce of the request that made it, as Cloud Pay repeats it: ours had none, so its own."""
    return hashlib.sha256(number.encode()).hexdigest()[:32].upper()
