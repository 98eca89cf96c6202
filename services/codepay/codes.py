"""Whose a scanned code is: a wallet's or a member card's. No two ranges overlap (alipay.md 4.2)."""

from __future__ import annotations

import re

from services.codepay.refusals import CodeUnreadable

CARD = "balance"
_WECHAT = re.compile(r"1[0-5][0-9]{16}", re.ASCII)
_ALIPAY = re.compile(r"(2[5-9]|30)[0-9]{14,22}", re.ASCII)
_MEMBER = re.compile(r"99[0-9]{16}", re.ASCII)


def wallet_of(auth_code: str) -> str:
    """The channel that charges it: `balance` is a member's card. Raises CodeUnreadable."""
    if _WECHAT.fullmatch(auth_code):
        return "wechat"
    if _ALIPAY.fullmatch(auth_code):
        return "alipay"
    if _MEMBER.fullmatch(auth_code):
        return CARD
    raise CodeUnreadable(f"{len(auth_code)} characters")
