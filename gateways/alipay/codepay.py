"""Alipay payment codes: alipay.trade.pay and .cancel. Source: alipay.md 4.2, 4.7, 4.9."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from errors import GatewayRejected, GatewayUnknown
from gateways.alipay import extra, mapping
from gateways.alipay.gateway import AlipayClients
from gateways.base import AlipayAccount, CodePayRequest, Reversal, ReversalState, Trade, TradeState
from gateways.http import timed
from gateways.money import yuan_from_fen

# A definite no to paying (alipay.md 3.4 and 4.9); any other business code is an unknown result.
# SYSTEM_ERROR, TRADE_HAS_SUCCESS, TRADE_HAS_CLOSE, CONTEXT_INCONSISTENT, TRADE_STATUS_ERROR: of an
# earlier payment of the number, or of nothing certain, so ask.
PAY_REFUSALS = frozenset(
    """
    INVALID_PARAMETER ACCESS_FORBIDDEN EXIST_FORBIDDEN_WORD PARTNER_ERROR TOTAL_FEE_EXCEED
    PAYMENT_AUTH_CODE_INVALID BUYER_BALANCE_NOT_ENOUGH BUYER_BANKCARD_BALANCE_NOT_ENOUGH
    ERROR_BALANCE_PAYMENT_DISABLE BUYER_SELLER_EQUAL TRADE_BUYER_NOT_MATCH
    BUYER_ENABLE_STATUS_FORBID PULL_MOBILE_CASHIER_FAIL MOBILE_PAYMENT_SWITCH_OFF PAYMENT_FAIL
    BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR
    BEYOND_PAY_RESTRICTION BEYOND_PER_RECEIPT_RESTRICTION BEYOND_PER_RECEIPT_SINGLE_RESTRICTION
    BEYOND_PER_RECEIPT_DAY_RESTRICTION SELLER_BEEN_BLOCKED SELLER_NOT_EXIST
    ERROR_BUYER_CERTIFY_LEVEL_LIMIT PAYMENT_REQUEST_HAS_RISK NO_PAYMENT_INSTRUMENTS_AVAILABLE
    NOT_SUPPORT_PAYMENT_INST USER_FACE_PAYMENT_SWITCH_OFF INVALID_STORE_ID SUB_MERCHANT_CREATE_FAIL
    SUB_MERCHANT_TYPE_INVALID AGREEMENT_NOT_EXIST AGREEMENT_INVALID AGREEMENT_STATUS_NOT_NORMAL
    AGREEMENT_ERROR MERCHANT_AGREEMENT_NOT_EXIST MERCHANT_AGREEMENT_INVALID
    MERCHANT_STATUS_NOT_NORMAL CARD_USER_NOT_MATCH CARD_TYPE_ERROR CERT_EXPIRED
    AMOUNT_OR_CURRENCY_ERROR CURRENCY_NOT_SUPPORT PRE_AUTH_PROD_CODE_INCONSISTENT BUYER_NOT_EXIST
    PAYER_UNMATCHED USER_LOGONID_DUP NOT_CERTIFIED_USER PRODUCT_AMOUNT_LIMIT_ERROR
    REQUEST_AMOUNT_EXCEED INVALID_RECEIVE_ACCOUNT NOW_TIME_AFTER_EXPIRE_TIME_ERROR
    SUB_GOODS_SIZE_MAX_COUNT TRADE_SETTLE_ERROR SMILE_PAY_MERCHANT_NOT_MATCH
    RESTRICTED_MERCHANT_INDUSTRY RISK_MERCHANT_IP_NOT_EXIST UN_SUPPORT_TRADE_SCENE
    BUYER_LIMIT_EXCEEDED BUYER_BANKCARD_INVALID BUYER_BANKCARD_DECLINED
    """.split()  # noqa: SIM905 - sixty quoted names read worse
)
PAY_REFUSAL_FAMILIES = ("SECONDARY_MERCHANT_", "MERCHANT_PERM_RECEIPT_", "AUTH_")
# A definite no to cancelling: the trade stays as it is, and a query tells how that is.
CANCEL_REFUSALS = frozenset(
    """
    INVALID_PARAMETER SELLER_BALANCE_NOT_ENOUGH REASON_TRADE_BEEN_FREEZEN TRADE_HAS_FINISHED
    TRADE_CANCEL_TIME_OUT REASON_TRADE_REFUND_FEE_ERR CANCEL_NOT_ALLOWED
    """.split()  # noqa: SIM905 - read as one list with the others
)


class AlipayCodePay:
    """A `CodePay` under the provider's app and the merchant's app_auth_token."""

    channel = mapping.CHANNEL

    def __init__(self, clients: AlipayClients) -> None:
        self._clients = clients

    def is_ready(self, account: AlipayAccount) -> bool:
        """What pays on a page pays by code, too."""
        return True

    def pay_code(self, account: AlipayAccount, req: CodePayRequest) -> Trade:
        """Charge once. 10003 (the payer types the password) is PAYING, no error."""
        try:
            with timed(self.channel, "pay_code", req.out_trade_no):
                node = self._call(
                    account, "alipay.trade.pay", pay_content(account, req), req.notify_url
                )
        except GatewayRejected as refused:
            if _is_business(refused) and not is_pay_refusal(refused.upstream_code):
                code = refused.upstream_code
                raise GatewayUnknown(code, upstream_code=code) from refused
            raise
        if node.get("code") == "10003":
            return Trade(self.channel, req.out_trade_no, TradeState.PAYING, raw_state="10003")
        try:
            # The answer of a payment is that of a query, without a word on the status.
            trade = mapping.trade_from_wire(account, {**node, "trade_status": "TRADE_SUCCESS"})
        except ValueError as error:
            raise GatewayUnknown(f"the answer can not be read: {error}") from None
        if trade.out_trade_no != req.out_trade_no:
            raise GatewayUnknown("the answer is about another order")
        return trade

    def reverse(self, account: AlipayAccount, out_trade_no: str) -> Reversal:
        """Cancel: an unpaid trade closes, a paid one goes back. `retry_flag` Y: call again."""
        content = {"out_trade_no": out_trade_no}
        try:
            with timed(self.channel, "reverse", out_trade_no):
                node = self._call(account, "alipay.trade.cancel", content, None)
        except GatewayRejected as refused:
            code = refused.upstream_code
            if code in mapping.NOT_EXIST:
                return Reversal(ReversalState.NOT_EXIST, code)
            if _is_business(refused) and code.removeprefix("ACQ.") not in CANCEL_REFUSALS:
                raise GatewayUnknown(code, upstream_code=code) from refused
            return Reversal(ReversalState.REFUSED, code)
        return _reversal(node, out_trade_no)

    def _call(
        self, account: AlipayAccount, method: str, content: Mapping[str, Any], notify: str | None
    ) -> dict[str, Any]:
        client = self._clients.get(account)
        node: dict[str, Any] = client.server_api(
            method, content, app_auth_token=account.app_auth_token, notify_url=notify
        )
        return node


def pay_content(account: AlipayAccount, req: CodePayRequest) -> dict[str, Any]:
    """biz_content of alipay.trade.pay, scene bar_code."""
    content: dict[str, Any] = {
        "scene": "bar_code",
        "auth_code": req.auth_code,
        "product_code": "FACE_TO_FACE_PAYMENT",
        "out_trade_no": req.out_trade_no,
        "total_amount": yuan_from_fen(req.amount_fen),
        "subject": mapping.subject(req.description),
        "time_expire": mapping.china_time(req.expires_at),
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
    return extra.added(content, req.extras)


def is_pay_refusal(sub_code: str) -> bool:
    """True when this code of alipay.trade.pay surely means that no money moved nor will."""
    name = sub_code.removeprefix("ACQ.")
    if sub_code.startswith(("isv.", "aop.")):
        return True  # said by the gateway, before the business was reached
    return name in PAY_REFUSALS or name.startswith(PAY_REFUSAL_FAMILIES)


def _is_business(refused: GatewayRejected) -> bool:
    return refused.facts.get("code") == "40004"


def _reversal(node: Mapping[str, Any], out_trade_no: str) -> Reversal:
    try:
        number = mapping.word(node, "out_trade_no")
        flag, action = mapping.word(node, "retry_flag"), mapping.word(node, "action")
    except ValueError as error:
        raise GatewayUnknown(f"the answer can not be read: {error}") from None
    if number not in (out_trade_no, None):
        raise GatewayUnknown("the answer is about another order")
    if flag == "Y":
        return Reversal(ReversalState.AGAIN, "retry_flag")
    if flag != "N" or action not in ("close", "refund", None):
        raise GatewayUnknown(f"cancelling: {flag} {action}")
    if action is None:  # nothing had to be closed or given back
        return Reversal(ReversalState.NOT_EXIST, "no action")
    return Reversal(ReversalState.DONE, action)
