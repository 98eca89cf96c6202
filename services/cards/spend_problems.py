"""Why a card is not charged, or not given anything back; `web/problem_table.py` has a payer's
words."""

from __future__ import annotations

from gateways.money import yuan_from_fen
from services.cards.problems import CardRefused
from services.refunds.refusals import RefundRefused


class CardNone(CardRefused):
    code = "CARD_NONE"
    status = 404
    title = "你还没有这家店的会员卡"
    steps = ("先领取会员卡并充值，或改用其他方式付款。",)


class CardDisabledStore(CardRefused):
    """The switch that the old product called 「本门店禁用会员卡」 (product CARD-20)."""

    code = "CARD_DISABLED_STORE"
    title = "本门店未启用会员卡"
    steps = ("请改用微信或支付宝付款。", "要在这里用会员卡，请商户打开门店的「本门店启用会员卡」。")


class CardOtherMerchant(CardRefused):
    """A card is spent only in stores of the merchant that issued it (invariant 9)."""

    code = "CARD_OTHER_MERCHANT"
    title = "这是其他商户的会员卡"
    steps = ("会员卡只能在发卡商户的门店使用。", "请改用微信或支付宝付款。")


class CardClosed(CardRefused):
    code = "CARD_CLOSED"
    title = "这张会员卡已注销"
    steps = ("请改用其他方式付款。",)


class CardUnclaimed(CardRefused):
    """Imported from an older system: nobody has shown that it is theirs."""

    code = "CARD_UNCLAIMED"
    title = "这张会员卡还没有领取"
    steps = ("请会员本人先领取并验证手机号，再使用余额。",)


class CardExpired(CardRefused):
    """A card without a confirmed phone; its rest is kept and can be moved."""

    code = "CARD_EXPIRED"
    title = "这张会员卡已过有效期"
    steps = ("余额还在：验证手机号后可继续使用，或联系商户处理。",)


class CardCodeUnknown(CardRefused):
    code = "CARD_CODE_UNKNOWN"
    title = "会员卡付款码无效"
    steps = ("请顾客在会员卡页面重新打开付款码，再扫一次。",)


class CardCodeExpired(CardRefused):
    code = "CARD_CODE_EXPIRED"
    title = "会员卡付款码已失效"
    steps = ("付款码 1 分钟内有效，换新后旧码作废。请顾客刷新付款码，再扫一次。",)


class CardCodeUsed(CardRefused):
    code = "CARD_CODE_USED"
    title = "会员卡付款码已使用过"
    steps = ("先查刚才那笔订单是否已收款。", "要再收一笔，请顾客刷新付款码。")
    money = "这一次没有扣款。"


class RefundCardCap(RefundRefused):
    """Giving it back would pass the card's cap, or the merchant's: nothing has moved."""

    code = "REFUND_CARD_CAP"
    title = "退回会员卡会超过余额上限"
    steps = ("改小退款金额，或等会员消费后再退。", "上限由平台设定，不能调整。")

    def __init__(self, room_fen: int, *, is_total: bool) -> None:
        whose = "商户会员卡总余额" if is_total else "本卡余额"
        yuan = yuan_from_fen(room_fen)
        super().__init__(f"退回会员卡会超过{whose}上限，现在最多可退 {yuan} 元", room_fen=room_fen)


class RefundCardClosed(RefundRefused):
    code = "REFUND_CARD_CLOSED"
    title = "会员卡已注销，不能退回卡里"
    steps = ("与会员商定后，用转账或现金退还。", "在订单备注里写明退还方式，以便对账。")
