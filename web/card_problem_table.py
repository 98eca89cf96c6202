"""The wording of what a member card says no to; `web/problem_table.py` says how entries are read.

Facts: `balance` and `room` are money as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from web.problem_entry import Entry, Wording

_OTHER_WAY_ZH = "请改用微信或支付宝付款。"
_OTHER_WAY_EN = "Please pay with WeChat or Alipay."

CARDS: Final[Mapping[str, Entry]] = {
    # recharging: the caps are settings of the platform, no screen raises one
    "CARD_BALANCE_CAP": Entry(
        Wording(
            "超过本卡余额上限[，最多还可充值 {room}（含赠送）]",
            ("改小金额，或先用掉一部分余额。", "上限由平台按规定设定，不能在页面上调整。"),
        ),
        Wording(
            "Above what this card may hold[: {room} more at most, bonus included]",
            (
                "Choose a smaller sum, or spend some first.",
                "The cap is a setting of the platform; no page raises it.",
            ),
        ),
    ),
    "CARD_TOTAL_CAP": Entry(
        Wording(
            "商户会员卡总余额已达上限[，最多还可充值 {room}（含赠送）]",
            ("改小金额，或改用微信支付直接付款。",),
            ("总余额上限由平台设定，商户不能调整；金额也不能自动改小。",),
        ),
        Wording(
            "The shop's cards hold all they may[: {room} more at most, bonus included]",
            ("Choose a smaller sum, or pay directly.",),
            ("The cap over all cards is a setting of the platform; no page raises it.",),
        ),
    ),
    "CARD_WECHAT_ONLY": Entry(
        Wording("会员卡只能在微信里使用", ("用微信扫同一个码。",)),
        Wording("Member cards work in WeChat only", ("Scan the same code with WeChat.",)),
    ),
    "CARD_SUSPENDED": Entry(
        Wording("会员卡暂停充值", ("余额仍可使用。", "充值请稍后再试，或询问店员。")),
        Wording(
            "This card takes no recharge now",
            ("The balance can be spent as before.", "Try again later, or ask staff."),
        ),
    ),
    "CARD_TERMS_CHANGED": Entry(
        Wording("会员章程已更新", ("重新打开充值页，阅读并同意后再充值。",)),
        Wording("The terms have changed", ("Open the page again, read and accept them.",)),
    ),
    "CARD_TIER": Entry(
        Wording("没有这个充值档位", ("重新打开充值页，选择页面上的金额。",)),
        Wording("This sum is not offered", ("Open the page again and choose a sum shown.",)),
    ),
    "CARD_PURCHASE_LIMIT": Entry(
        Wording(
            "单次充值须低于[ {max}]",
            ("改小金额。", "确需大额购买：到店凭身份证件登记，由商户按规定办理。"),
        ),
        Wording(
            "One recharge must stay below[ {max}]",
            ("Choose a smaller sum.", "For more, register at the shop with your identity card."),
        ),
    ),
    "CARD_PERSON_LIMIT": Entry(
        Wording(
            "一位会员的充值合计须低于[ {max}]",
            ("确需大额购买：到店凭身份证件登记，用银行转账，由商户按规定办理。",),
        ),
        Wording(
            "One member's recharges together must stay below[ {max}]",
            ("For more, register at the shop with your identity card and pay by bank transfer.",),
        ),
    ),
    # spending
    "CARD_BALANCE_LOW": Entry(
        Wording("会员卡余额不足[，现有 {balance}]", ("先充值，或改用其他方式付款。",)),
        Wording(
            "Your card balance is too low[: {balance}]", ("Top up, or pay with something else.",)
        ),
    ),
    "CARD_NONE": Entry(
        Wording("你还没有这家店的会员卡", ("先领取会员卡并充值，或改用其他方式付款。",)),
        Wording("You have no card of this shop", ("Get one and top it up, or pay otherwise.",)),
    ),
    "CARD_DISABLED_STORE": Entry(
        Wording(
            "本门店未启用会员卡",
            (_OTHER_WAY_ZH,),
            ("要在本店用会员卡：打开门店设置里的「本门店启用会员卡」。",),
        ),
        Wording(
            "This store does not take member cards",
            (_OTHER_WAY_EN,),
            ("To take cards here, turn on 本门店启用会员卡 in the store's settings.",),
        ),
    ),
    "CARD_OTHER_MERCHANT": Entry(
        Wording("这是其他商户的会员卡", ("会员卡只能在发卡商户的门店使用。", _OTHER_WAY_ZH)),
        Wording(
            "This card is another merchant's",
            ("A card is good only in the stores of the merchant that issued it.", _OTHER_WAY_EN),
        ),
    ),
    "CARD_CLOSED": Entry(
        Wording("这张会员卡已注销", (_OTHER_WAY_ZH,)),
        Wording("This card has been closed", (_OTHER_WAY_EN,)),
    ),
    "CARD_UNCLAIMED": Entry(
        Wording("这张会员卡还没有领取", ("先领取并验证手机号，再使用余额。",)),
        Wording("Nobody has claimed this card", ("Claim it and confirm your phone first.",)),
    ),
    "CARD_EXPIRED": Entry(
        Wording("这张会员卡已过有效期", ("余额还在：验证手机号后可继续使用，或联系商户处理。",)),
        Wording(
            "This card has expired",
            ("The balance is kept: confirm your phone to go on, or ask the shop.",),
        ),
    ),
    # giving unused money back
    "CARD_PAYOUT_NOTHING": Entry(
        Wording("这张卡没有可退的余额", ("可退的是自己付款、还没有用掉的部分；赠送部分不退。",)),
        Wording(
            "Nothing on this card can be given back",
            ("What you paid and have not used goes back; a bonus does not.",),
        ),
    ),
    "CARD_PAYOUT_NO_COOLING": Entry(
        Wording(
            "没有可无理由退的充值",
            ("已过无理由退的期限：可按会员章程申请退余额，由商户审核。",),
        ),
        Wording(
            "No recharge can be taken back without a reason now",
            ("You can still ask for your balance by the shop's terms.",),
        ),
    ),
    "CARD_PAYOUT_OPEN": Entry(
        Wording("这张卡已有一笔退余额申请在处理", ("等它办完，或先撤销它。",)),
        Wording("A refund of this card is already under way", ("Wait for it, or cancel it.",)),
    ),
    "CARD_PAYOUT_STATE": Entry(
        Wording("这笔退余额申请当前状态不能这样操作", ("刷新页面，看它现在的状态。",)),
        Wording("The request has moved on", ("Reload the page to see its state.",)),
    ),
}
