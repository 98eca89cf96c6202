"""Alipay's wire and our dataclasses; pure. The state table is that of spec/decisions.md 2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from gateways.alipay import extra
from gateways.base import (
    AlipayAccount,
    PrepayRequest,
    RefundNotice,
    RefundRequest,
    RefundState,
    RefundWord,
    Trade,
    TradeState,
)
from gateways.leap import without_leap
from gateways.money import fen_from_yuan, yuan_from_fen

CHANNEL = "alipay"
# Every time on Alipay's wire is China time without a zone; China has had no summer time since 1991.
_SHANGHAI = timezone(timedelta(hours=8))
_FORMAT = "%Y-%m-%d %H:%M:%S"
_USER_ID = re.compile(r"2088[0-9]{12}")
_WORD = re.compile(r"[!-~]{1,128}")
_SUBJECT_LENGTH = 256

TRADE_STATES = {
    "WAIT_BUYER_PAY": TradeState.PAYING,
    "TRADE_SUCCESS": TradeState.SUCCESS,
    "TRADE_FINISHED": TradeState.SUCCESS,
    "TRADE_CLOSED": TradeState.CLOSED,  # or paid and given back: see _state
}
# Signs that a TRADE_CLOSED was paid first.
_PAID_SIGNS = ("send_pay_date", "gmt_payment", "gmt_refund", "refund_fee")

NOT_ENOUGH = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH"})
NOT_EXIST = frozenset({"ACQ.TRADE_NOT_EXIST", "TRADE_NOT_EXIST"})
CLOSE_DECIDED_BY_QUERY = frozenset(
    {
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.REASON_ILLEGAL_STATUS",
        "ACQ.TRADE_HAS_CLOSE",
        "ACQ.TRADE_HAS_SUCCESS",
    }
)

# What create and precreate can refuse for good (alipay.md 3.4 and 4.9); any other business code is
# an unknown result. TRADE_HAS_SUCCESS and SYSTEM_ERROR are left out on purpose: ask.
_CREATE_REFUSALS = frozenset(
    """
    INVALID_PARAMETER ACCESS_FORBIDDEN EXIST_FORBIDDEN_WORD PARTNER_ERROR TOTAL_FEE_EXCEED
    CONTEXT_INCONSISTENT TRADE_HAS_CLOSE BUYER_SELLER_EQUAL TRADE_BUYER_NOT_MATCH
    BUYER_ENABLE_STATUS_FORBID BEYOND_PAY_RESTRICTION BEYOND_PER_RECEIPT_RESTRICTION
    BEYOND_PER_RECEIPT_DAY_RESTRICTION BEYOND_PER_RECEIPT_SINGLE_RESTRICTION SELLER_BEEN_BLOCKED
    SELLER_NOT_EXIST ERROR_BUYER_CERTIFY_LEVEL_LIMIT INVALID_STORE_ID TRADE_SETTLE_ERROR
    INVALID_RECEIVE_ACCOUNT NOW_TIME_AFTER_EXPIRE_TIME_ERROR BUYER_NOT_EXIST
    SUB_GOODS_SIZE_MAX_COUNT DEFAULT_SETTLE_RULE_NOT_EXIST RISK_MERCHANT_IP_NOT_EXIST
    MERCHANT_STATUS_NOT_NORMAL RESTRICTED_MERCHANT_INDUSTRY SUB_MERCHANT_CREATE_FAIL
    SUB_MERCHANT_TYPE_INVALID PAYER_UNMATCHED USER_LOGONID_DUP CUSTOMER_VALIDATE_ERROR
    NOT_SUPPORT_PAYMENT_INST ILLEGAL_ARGUMENT ERROR_SELLER_CERTIFY_LEVEL_LIMIT STORE_INFO_INVALID
    OPEN_ID_NOT_TINY_APP BIZ_PRODUCT_NOT_ALLOWED UNBOUND_APPLICATION
    PRODUCT_NOT_SUPPORT_IN_TINY_APP MERCHANT_AGREEMENT_NOT_EXIST MERCHANT_AGREEMENT_INVALID
    BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR
    APPLY_PC_MERCHANT_CODE_ERROR
    """.split()  # noqa: SIM905 - seventy quoted names read worse
)
_CREATE_REFUSAL_FAMILIES = ("SECONDARY_MERCHANT_", "MERCHANT_PERM_RECEIPT_")


# What alipay.trade.refund can refuse for good (alipay.md 4.9); any other business code is unknown.
_REFUND_REFUSALS = frozenset(
    """
    INVALID_PARAMETER REFUND_AMT_NOT_EQUAL_TOTAL REASON_TRADE_BEEN_FREEZEN TRADE_NOT_EXIST
    TRADE_HAS_FINISHED TRADE_STATUS_ERROR DISCORDANT_REPEAT_REQUEST REASON_TRADE_REFUND_FEE_ERR
    TRADE_NOT_ALLOW_REFUND REFUND_FEE_ERROR TRADE_HAS_CLOSE BUYER_NOT_EXIST
    BUYER_ENABLE_STATUS_FORBID REASON_TRADE_STATUS_INVALID NOT_ALLOW_PARTIAL_REFUND
    ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND BUYER_ERROR CURRENCY_NOT_SUPPORT
    ALLOC_AMOUNT_VALIDATE_ERROR USER_NOT_MATCH_ERR TRADE_SETTLE_ERROR REFUND_CHARGE_ERROR
    ENTERPRISE_PAY_BIZ_ERROR OVERDRAFT_ASSIGN_ACCOUNT_INVALID OVERDRAFT_AGREEMENT_NOT_MATCH
    REFUND_ACCOUNT_NOT_EXIST CUSTOMER_VALIDATE_ERROR REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST
    REFUNDALLOC_UNAUTH_LIMIT
    """.split()  # noqa: SIM905 - thirty quoted names read worse
)


class UnknownState(Exception):
    """A word for a state that is in no table: never guessed."""


def is_create_refusal(sub_code: str) -> bool:
    """True when this business code of alipay.trade.create surely means that nothing was made."""
    name = sub_code.removeprefix("ACQ.")
    if sub_code.startswith(("isv.", "aop.")):
        return True  # said by the gateway, before the business was reached
    return name in _CREATE_REFUSALS or name.startswith(_CREATE_REFUSAL_FAMILIES)


def is_refund_refusal(sub_code: str) -> bool:
    """True when this code of alipay.trade.refund surely means that nothing went back by it."""
    return (
        sub_code.startswith(("isv.", "aop.")) or sub_code.removeprefix("ACQ.") in _REFUND_REFUSALS
    )


def china_time(at: datetime) -> str:
    return at.astimezone(_SHANGHAI).strftime(_FORMAT)


def from_china_time(text: str) -> datetime:
    """Read `2026-11-22 10:11:12`, milliseconds allowed (gmt_refund has them), as aware UTC."""
    found = datetime.strptime(without_leap(text.partition(".")[0]), _FORMAT)
    return found.replace(tzinfo=_SHANGHAI).astimezone(UTC)


def prepay_content(account: AlipayAccount, req: PrepayRequest) -> dict[str, Any]:
    """biz_content of alipay.trade.create, or of precreate where any payer may scan a code."""
    made = create_content(account, req) if req.payer else _order_content(account, req)
    return extra.added(made, req.extras)


def create_content(account: AlipayAccount, req: PrepayRequest) -> dict[str, Any]:
    """biz_content of alipay.trade.create: who pays is a 2088… user id or else an open_id."""
    payer = "buyer_id" if _USER_ID.fullmatch(req.payer) else "buyer_open_id"
    return {**_order_content(account, req), payer: req.payer}


def wap_content(account: AlipayAccount, req: PrepayRequest) -> dict[str, Any]:
    """biz_content of alipay.trade.wap.pay; the payer is whoever logs in there."""
    content = {**_order_content(account, req), "product_code": "QUICK_WAP_WAY"}
    if req.return_url:
        content["quit_url"] = req.return_url
    return content


def _order_content(account: AlipayAccount, req: PrepayRequest) -> dict[str, Any]:
    content: dict[str, Any] = {
        "out_trade_no": req.out_trade_no,
        "total_amount": yuan_from_fen(req.amount_fen),
        "subject": subject(req.description),
        "time_expire": china_time(req.expires_at),
    }
    if account.seller_id:
        content["seller_id"] = account.seller_id
    if req.undiscountable_fen is not None:
        content["undiscountable_amount"] = yuan_from_fen(req.undiscountable_fen)
    if req.store_id:
        content["store_id"] = req.store_id
    if account.sys_service_provider_id:
        provider = {"sys_service_provider_id": account.sys_service_provider_id}
        content["extend_params"] = provider
    return content


def subject(description: str) -> str:
    """Alipay's `subject` takes no `/`, `=` or `&` (alipay.md 4.1): each becomes a blank."""
    words = re.sub(r"[/=&\s]+", " ", description).strip()[:_SUBJECT_LENGTH]
    return words or "付款"


def refund_content(req: RefundRequest) -> dict[str, Any]:
    """biz_content of alipay.trade.refund; out_request_no is the number of this one refund."""
    content = {
        "out_trade_no": req.out_trade_no,
        "out_request_no": req.out_refund_no,
        "refund_amount": yuan_from_fen(req.refund_fen),
    }
    if req.reason:
        content["refund_reason"] = req.reason[:256]
    return content


def refund_answer(req: RefundRequest, node: Mapping[str, Any]) -> RefundWord:
    """Read alipay.trade.refund's answer: only `fund_change` Y says that money moved now.

    N is a repeat, or not done yet: the refund's own query decides (alipay.md 4.8).
    """
    if word(node, "out_trade_no") not in (req.out_trade_no, None):
        raise ValueError("the answer is about another order")
    moved = node.get("fund_change") == "Y"
    when = word_with_blank(node, "gmt_refund_pay")
    return RefundWord(
        channel=CHANNEL,
        out_trade_no=req.out_trade_no,
        out_refund_no=req.out_refund_no,
        state=RefundState.SUCCESS if moved else RefundState.PROCESSING,
        raw_state=f"fund_change {'Y' if moved else 'N'}",
        succeeded_at=from_china_time(when) if moved and when else None,
    )


def refund_found(out_trade_no: str, out_refund_no: str, node: Mapping[str, Any]) -> RefundWord:
    """Read the refund query: without `refund_status` it is not done, or not known at all."""
    for name, ours in (("out_trade_no", out_trade_no), ("out_request_no", out_refund_no)):
        if word(node, name) not in (ours, None):
            raise ValueError("the answer is about another refund")
    status = word(node, "refund_status")
    if status not in (None, "REFUND_SUCCESS"):
        raise UnknownState(status)
    amount, when = node.get("refund_amount"), word_with_blank(node, "gmt_refund_pay")
    return RefundWord(
        channel=CHANNEL,
        out_trade_no=out_trade_no,
        out_refund_no=out_refund_no,
        state=RefundState.SUCCESS if status else RefundState.NOT_FOUND,
        raw_state=status or "no refund_status",
        amount_fen=_fen(amount) if status and amount else None,
        succeeded_at=from_china_time(when) if status and when else None,
    )


def trade_from_wire(account: AlipayAccount, wire: Mapping[str, Any]) -> Trade:
    """Read a query's answer or a notification.

    The answer to a query names no seller: it is found under the merchant's own app_auth_token,
    so the payee is the account's. UnknownState and ValueError as WeChat's.
    """
    raw_state = word(wire, "trade_status") or ""
    if raw_state not in TRADE_STATES:
        raise UnknownState(raw_state)
    total = wire.get("total_amount")
    when = word_with_blank(wire, "send_pay_date") or word_with_blank(wire, "gmt_payment")
    trade = Trade(
        channel=CHANNEL,
        out_trade_no=_number(wire),
        state=_state(raw_state, wire),
        raw_state=raw_state,
        payee=word(wire, "seller_id") or account.seller_id,
        app=word(wire, "app_id") or account.app_id,
        amount_fen=_fen(total) if total else None,
        transaction_id=word(wire, "trade_no"),
        paid_at=from_china_time(when) if when else None,
        refunded=_is_given_back(raw_state, wire),
        given_back=raw_state == "TRADE_CLOSED" and _was_paid(wire),
        payer=_payer(wire),
    )
    if trade.state is TradeState.SUCCESS and None in (trade.amount_fen, trade.transaction_id):
        raise ValueError("a paid trade without its amount or number")
    return trade


def _state(raw_state: str, wire: Mapping[str, Any]) -> TradeState:
    if raw_state == "TRADE_CLOSED" and _was_paid(wire):
        return TradeState.SUCCESS
    return TRADE_STATES[raw_state]


def _was_paid(wire: Mapping[str, Any]) -> bool:
    signs = [wire.get(name) for name in _PAID_SIGNS]
    return any(sign not in (None, "", "0", "0.0", "0.00") for sign in signs)


def _is_given_back(raw_state: str, wire: Mapping[str, Any]) -> bool:
    """Something went back: closed although paid, or a refund named on a trade that still stands."""
    if raw_state == "TRADE_CLOSED":
        return _was_paid(wire)
    return refunded_total(wire) > 0 or bool(wire.get("gmt_refund"))


def refunded_total(wire: Mapping[str, Any]) -> int:
    """refund_fee in fen: the running total of all refunds of the order (alipay.md 2.2)."""
    total = wire.get("refund_fee")
    return _fen(total) if total else 0


def _payer(wire: Mapping[str, Any]) -> str | None:
    for name in ("buyer_id", "buyer_user_id", "buyer_open_id", "open_id"):
        if found := word(wire, name):
            return found
    return None


def notice_from_form(account: AlipayAccount, form: Mapping[str, str]) -> Trade | RefundNotice:
    """Tell a payment from a refund: refund notices come to the pay URL with out_biz_no,
    refund_fee or gmt_refund, and still say TRADE_SUCCESS after a refund in part (alipay.md 2.3)."""
    trade = trade_from_wire(account, form)
    total = refunded_total(form)
    if not (total or form.get("gmt_refund") or form.get("out_biz_no")):
        return trade
    return RefundNotice(
        channel=CHANNEL,
        out_trade_no=trade.out_trade_no,
        out_refund_no=word(form, "out_biz_no"),
        raw_state=trade.raw_state,
        payee=trade.payee,
        refunded_total_fen=total or None,
        trade=trade,
    )


def word(wire: Mapping[str, Any], name: str) -> str | None:
    """An identifier: printable ASCII without blanks; None when absent or empty; else ValueError."""
    value = wire.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError(f"{name} is not a word")
    return value


def word_with_blank(wire: Mapping[str, Any], name: str) -> str | None:
    value = wire.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is not text")
    return value or None


def _number(wire: Mapping[str, Any]) -> str:
    found = word(wire, "out_trade_no")
    if found is None:
        raise ValueError("no out_trade_no")
    return found


def _fen(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("an amount is a decimal string")
    return fen_from_yuan(value)
