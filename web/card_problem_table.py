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
}
