"""What giving a card's money back says no to, by code."""

from __future__ import annotations

from services.cards.problems import CardRefused


class PayoutNothing(CardRefused):
    code = "CARD_PAYOUT_NOTHING"
    title = "这张卡没有可退的余额"
    steps = ("可退的是自己付款、还没有用掉的部分；赠送部分不退。",)
    money = ""


class PayoutNoCooling(CardRefused):
    code = "CARD_PAYOUT_NO_COOLING"
    title = "没有可无理由退的充值"
    steps = ("已过无理由退的期限：可按会员章程申请退余额，由商户审核。",)
    money = ""


class PayoutOpen(CardRefused):
    code = "CARD_PAYOUT_OPEN"
    title = "这张卡已有一笔退余额申请在处理"
    steps = ("等它办完，或先撤销它。",)
    money = ""


class PayoutState(CardRefused):
    code = "CARD_PAYOUT_STATE"
    title = "这笔退余额申请当前状态不能这样操作"
    money = ""


class PayoutUnknown(CardRefused):
    code = "CARD_PAYOUT_UNKNOWN"
    status = 404
    title = "没有找到这笔退余额申请"
    money = ""


class PayoutReference(CardRefused):
    """A part that was paid by hand is written down once, with what shows it."""

    code = "CARD_PAYOUT_REFERENCE"
    status = 400
    title = "线下退款须写明方式和凭证号"
    money = ""
