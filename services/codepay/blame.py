"""Whose side a failed payment code fails on, in the upstream's own code (product PAY-8)."""

from __future__ import annotations

from enum import StrEnum


class Blame(StrEnum):
    PAYER = "payer"
    MERCHANT = "merchant"
    PROVIDER = "provider"
    NETWORK = "network"


HINTS = {
    Blame.PAYER: "请顾客刷新付款码，或换一种付款方式后再付。",
    Blame.MERCHANT: "商户的收款账号受限或未开通，请联系服务商核对。",
    Blame.PROVIDER: "服务商的接入配置有误，请联系服务商。",
    Blame.NETWORK: "钱包没有给出结果，请稍后查询，不要重复收款。",
}
_PAYER = frozenset(
    """
    AUTHCODEEXPIRE AUTH_CODE_ERROR AUTH_CODE_INVALID NOTENOUGH NOTSUPORTCARD BUYER_MISMATCH PAYERROR
    PAYMENT_AUTH_CODE_INVALID ERROR_BALANCE_PAYMENT_DISABLE PULL_MOBILE_CASHIER_FAIL
    MOBILE_PAYMENT_SWITCH_OFF PAYMENT_FAIL PAYMENT_REQUEST_HAS_RISK NO_PAYMENT_INSTRUMENTS_AVAILABLE
    NOT_SUPPORT_PAYMENT_INST USER_FACE_PAYMENT_SWITCH_OFF ERROR_BUYER_CERTIFY_LEVEL_LIMIT
    CARD_USER_NOT_MATCH CARD_TYPE_ERROR NOT_CERTIFIED_USER PAYER_UNMATCHED USER_LOGONID_DUP
    """.split()  # noqa: SIM905 - one list
)
_MERCHANT = frozenset(
    """
    NOAUTH MCHID_NOT_EXIST TRADE_ERROR ACCESS_FORBIDDEN PARTNER_ERROR TOTAL_FEE_EXCEED
    INVALID_STORE_ID INVALID_RECEIVE_ACCOUNT RESTRICTED_MERCHANT_INDUSTRY PRODUCT_AMOUNT_LIMIT_ERROR
    REQUEST_AMOUNT_EXCEED TRADE_SETTLE_ERROR EXIST_FORBIDDEN_WORD
    """.split()  # noqa: SIM905 - one list
)
_PAYER_FAMILIES = ("BUYER_",)
_MERCHANT_FAMILIES = (
    "BEYOND_",
    "SELLER_",
    "MERCHANT_",
    "SECONDARY_MERCHANT_",
    "SUB_MERCHANT_",
    "AGREEMENT_",
)


def blame(upstream_code: str) -> Blame:
    """Who can do something about it. What is in no list is the provider's to look into."""
    name = upstream_code.removeprefix("ACQ.")
    if upstream_code.startswith("aop."):
        return Blame.MERCHANT  # the merchant's grant: consent again
    if name in _PAYER or name.startswith(_PAYER_FAMILIES):
        return Blame.PAYER
    if name in _MERCHANT or name.startswith(_MERCHANT_FAMILIES):
        return Blame.MERCHANT
    return Blame.PROVIDER
