"""What a card says no to, by code; `web/problem_table.py` has a payer's words."""

from __future__ import annotations

from errors import AppError
from gateways.money import yuan_from_fen


class CardRefused(AppError):
    """A no from a card: nothing has moved."""

    code = "CARD_REFUSED"
    status = 409
    title = "会员卡无法完成这次操作"
    money = "没有扣款。"


class BalanceLow(CardRefused):
    code = "CARD_BALANCE_LOW"
    title = "会员卡余额不足"
    steps = ("先充值，或改用其他方式付款。",)

    def __init__(self, balance_fen: int) -> None:
        yuan = yuan_from_fen(balance_fen)
        super().__init__(f"会员卡余额不足（余额 {yuan} 元）", balance_fen=balance_fen)


class BalanceCap(CardRefused):
    """The card's own cap."""

    code = "CARD_BALANCE_CAP"
    title = "超过本卡余额上限"
    steps = ("改小金额。上限由平台设定，不能调整。",)

    def __init__(self, room_fen: int) -> None:
        yuan = yuan_from_fen(room_fen)
        super().__init__(f"超过本卡余额上限，最多还可充值 {yuan} 元", room_fen=room_fen)


class TotalCap(CardRefused):
    """The merchant's cap over all its members."""

    code = "CARD_TOTAL_CAP"
    title = "商户会员卡总余额已达上限"
    steps = ("改小金额。上限由平台设定，不能调整。",)

    def __init__(self, room_fen: int) -> None:
        yuan = yuan_from_fen(room_fen)
        super().__init__(f"商户会员卡总余额已达上限，最多还可充值 {yuan} 元", room_fen=room_fen)


class MovementReused(CardRefused):
    """The key of a movement is known, with other amounts: a mistake of the caller's."""

    code = "CARD_MOVEMENT_REUSED"
    title = "这笔变动已记过账，金额不同"
