"""What stands against forgetting somebody, by code; and a consent that is missing."""

from __future__ import annotations

from errors import AppError
from gateways.money import yuan_from_fen


class CardNotEmpty(AppError):
    """A merchant still owes this person: once nobody knows whose it is, it can't be given back."""

    code = "PERSON_HAS_BALANCE"
    status = 409
    title = "卡里还有钱，先退还再删除"
    steps = ("先在会员页「退余额」，钱退到后再来删除。",)

    def __init__(self, number: str, fen: int) -> None:
        super().__init__(f"会员卡 {number} 还有 {yuan_from_fen(fen)} 元没有退还")


class CardMoving(AppError):
    """A recharge, a refund or a request for the rest is under way."""

    code = "PERSON_MONEY_MOVES"
    status = 409
    title = "有一笔钱还在路上，等它结束再删除"
    steps = ("等充值、退款或退余额有了结果，再来删除。",)

    def __init__(self, number: str) -> None:
        super().__init__(f"会员卡 {number} 有一笔充值或退款还没有结果")


class ConsentMissing(AppError):
    """The words were not agreed to, or are not those that were shown."""

    code = "CONSENT_NEEDED"
    status = 400
    title = "先勾选同意，再继续"
    steps = ("看一下用途，同意就勾选；不同意也能照常用卡。",)
