"""WeChat's wire and our dataclasses; pure. The state table is that of spec/decisions.md 2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from gateways.base import (
    PrepayRequest,
    RefundNotice,
    RefundRequest,
    RefundState,
    RefundWord,
    Trade,
    TradeState,
    WechatAccount,
)
from gateways.leap import without_leap
from gateways.strict_json import word

CHANNEL = "wechat"
_SHANGHAI = timezone(timedelta(hours=8))
_DESCRIPTION_BYTES = 127

TRADE_STATES = {
    "NOTPAY": TradeState.PAYING,
    "USERPAYING": TradeState.PAYING,
    "ACCEPT": TradeState.PAYING,
    "SUCCESS": TradeState.SUCCESS,
    "REFUND": TradeState.SUCCESS,  # paid first, then refunded, also in part
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
    "PAYERROR": TradeState.FAILED,
}
REFUND_STATES = {
    "SUCCESS": RefundState.SUCCESS,
    "CLOSED": RefundState.CLOSED,
    "PROCESSING": RefundState.PROCESSING,
    "ABNORMAL": RefundState.ABNORMAL,
}
UNKNOWN_REFUND_CODES = frozenset({"RESOURCE_NOT_EXISTS"})
NOT_ENOUGH_CODES = frozenset({"NOT_ENOUGH", "NOTENOUGH"})
_REASON_BYTES = 80

# Already paid, said of an order or a close. Source: table of Request-ID numbers (wechat.md A12).
PAID_NUMBERS = frozenset({268449538, 268498689})
PAID_CODES = frozenset({"ORDERPAID", "ORDER_PAID"})
UNKNOWN_ORDER_CODES = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})


class UnknownState(Exception):
    """A word for a state that is in no table: never guessed."""


def rfc3339(at: datetime) -> str:
    """Write a time as WeChat's pages do, to the second: `2026-11-22T20:00:00+08:00`."""
    return at.astimezone(_SHANGHAI).isoformat(timespec="seconds")


def from_rfc3339(text: str) -> datetime:
    """Read a time as aware UTC; ValueError without a zone."""
    found = datetime.fromisoformat(without_leap(text))
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found.astimezone(UTC)


def prepay_body(account: WechatAccount, req: PrepayRequest) -> dict[str, Any]:
    """The JSAPI order. Unused fields are left out: empty strings are refused (wechat.md A0)."""
    body: dict[str, Any] = {
        "sp_appid": account.sp_appid,
        "sp_mchid": account.sp_mchid,
        "sub_mchid": account.sub_mchid,
        "description": cut(req.description, _DESCRIPTION_BYTES),
        "out_trade_no": req.out_trade_no,
        "time_expire": rfc3339(req.expires_at),
        "notify_url": req.notify_url,
        "amount": {"total": req.amount_fen, "currency": "CNY"},
        "payer": {"sp_openid": req.payer},
    }
    if account.sub_appid:
        body["sub_appid"] = account.sub_appid
    if req.goods_tag:
        body["goods_tag"] = req.goods_tag
    return body


def cut(text: str, most: int) -> str:
    """Cut to `most` bytes of UTF-8 between characters; the pages do not say bytes or characters."""
    return text.encode()[:most].decode(errors="ignore")


def trade_from_wire(wire: dict[str, Any]) -> Trade:
    """Read a query's answer or a notification's plain text.

    UnknownState for a state outside of the table, ValueError for what can not be a trade: no
    number, an amount that is no positive integer, a paid trade without amount, payee or number.
    """
    raw_state = word(wire, "trade_state") or ""
    if raw_state not in TRADE_STATES:
        raise UnknownState(raw_state)
    amount, payer = _part(wire, "amount"), _part(wire, "payer")
    when = word(wire, "success_time")
    trade = Trade(
        channel=CHANNEL,
        out_trade_no=_number(wire),
        state=TRADE_STATES[raw_state],
        raw_state=raw_state,
        payee=word(wire, "sub_mchid"),
        app=word(wire, "sp_appid"),
        amount_fen=fen(amount["total"]) if "total" in amount else None,
        currency=word(amount, "currency") or "CNY",
        transaction_id=word(wire, "transaction_id"),
        paid_at=from_rfc3339(when) if when else None,
        refunded=raw_state == "REFUND",
        payer=word(payer, "sp_openid") or None,
    )
    if trade.state is TradeState.SUCCESS and not _is_whole(trade):
        raise ValueError("a paid trade without its amount, payee or number")
    return trade


def _is_whole(trade: Trade) -> bool:
    return None not in (trade.amount_fen, trade.payee, trade.app, trade.transaction_id)


def refund_body(account: WechatAccount, req: RefundRequest) -> dict[str, Any]:
    """POST /v3/refund/domestic/refunds. Always with a notify_url: without one WeChat falls back to
    APIv2's XML notification (wechat.md pitfall 15)."""
    body: dict[str, Any] = {
        "sub_mchid": account.sub_mchid,
        "out_trade_no": req.out_trade_no,
        "out_refund_no": req.out_refund_no,
        "notify_url": req.notify_url,
        "amount": {"refund": req.refund_fen, "total": req.total_fen, "currency": "CNY"},
    }
    if req.reason:
        body["reason"] = cut(req.reason, _REASON_BYTES)
    if req.funds:
        body["funds_account"] = req.funds.value
    return body


def refund_word(wire: dict[str, Any], state_name: str) -> RefundWord:
    """Read an answer (`status`) or a notification's plain text (`refund_status`).

    UnknownState for a state outside of the table, ValueError for what can not be a refund.
    """
    raw_state = word(wire, state_name) or ""
    if raw_state not in REFUND_STATES:
        raise UnknownState(raw_state)
    amount, when = _part(wire, "amount"), word(wire, "success_time")
    number = word(wire, "out_refund_no")
    if number is None:
        raise ValueError("no out_refund_no")
    return RefundWord(
        channel=CHANNEL,
        out_trade_no=_number(wire),
        out_refund_no=number,
        state=REFUND_STATES[raw_state],
        raw_state=raw_state,
        amount_fen=fen(amount["refund"]) if "refund" in amount else None,
        refund_id=word(wire, "refund_id"),
        succeeded_at=from_rfc3339(when) if when else None,
        funds_account=word(wire, "funds_account"),
    )


def refund_from_wire(wire: dict[str, Any]) -> RefundNotice:
    """Read a refund notification's plain text; errors as for a trade."""
    told = refund_word(wire, "refund_status")
    return RefundNotice(
        channel=CHANNEL,
        out_trade_no=told.out_trade_no,
        out_refund_no=told.out_refund_no,
        raw_state=told.raw_state,
        payee=word(wire, "sub_mchid"),
        refund_id=told.refund_id,
        refund_fen=told.amount_fen,
        word=told,
    )


def fen(value: Any) -> int:
    """An amount as WeChat writes it: a JSON integer of at least 1 fen; no float, no boolean."""
    if type(value) is not int or not 1 <= value < 1 << 62:
        raise ValueError("not an amount in fen")
    return value


def _number(wire: dict[str, Any]) -> str:
    found = word(wire, "out_trade_no")
    if found is None:
        raise ValueError("no out_trade_no")
    return found


def _part(wire: dict[str, Any], name: str) -> dict[str, Any]:
    found = wire.get(name) or {}
    if not isinstance(found, dict):
        raise ValueError(f"{name} is not an object")
    return found
