"""The wording of claims, phones and the card's own pages; `web/problem_table.py` has the rest.

What only a merchant's people see (adjusting, importing, a card's life) has plain English too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from web.problem_entry import Entry, Wording

_ASK_SHOP_ZH = "问店员，或联系商家。"
_ASK_SHOP_EN = "Ask staff, or contact the shop."


def _said(
    zh: str, zh_steps: tuple[str, ...], en: str, en_steps: tuple[str, ...], *, charged: bool = False
) -> Entry:
    """`charged`: nothing is said about money."""
    return Entry(Wording(zh, zh_steps), Wording(en, en_steps), not_charged=not charged)


MEMBERSHIP: Final[Mapping[str, Entry]] = {
    # claiming
    "CARD_NOT_OFFERED": _said(
        "商家暂未开放会员卡",
        ("改用微信支付付款。", _ASK_SHOP_ZH),
        "This shop offers no member card now",
        ("Pay with WeChat Pay instead.", _ASK_SHOP_EN),
        charged=True,
    ),
    "CARD_ENDED": _said(
        "商家已停用会员卡",
        ("停用前所有余额都已用完或退回。", "有疑问请联系商家。"),
        "This shop has ended its member card",
        ("All balances were spent or given back before.", "Ask the shop if in doubt."),
        charged=True,
    ),
    "CARD_UNKNOWN": _said(
        "没有找到这张会员卡",
        ("核对卡号或手机号。", _ASK_SHOP_ZH),
        "There is no such card",
        ("Check the number.", _ASK_SHOP_EN),
        charged=True,
    ),
    # phones
    "CARD_PHONE_INVALID": _said(
        "手机号格式不对",
        ("填写 11 位大陆手机号。",),
        "This is not a mainland mobile number",
        ("Enter its 11 digits.",),
        charged=True,
    ),
    "CARD_NAME_INVALID": _said(
        "称呼要 1 到 32 个字",
        ("不要用特殊符号开头，改好再保存。",),
        "A name has 1 to 32 characters",
        ("Begin it with a letter, and save it again.",),
        charged=True,
    ),
    "CONSENT_NEEDED": _said(
        "先勾选同意，再继续",
        ("看一下用途，同意就勾选；不同意也能照常用卡。",),
        "Please tick the box first",
        ("Read what it is for. The card works without it, too.",),
        charged=True,
    ),
    "CARD_PHONE_TAKEN": _said(
        "这个手机号已绑定另一张会员卡",
        ("用当时领卡的微信打开，或联系商家。",),
        "This phone belongs to another card",
        ("Open it with the WeChat that claimed it, or contact the shop.",),
        charged=True,
    ),
    "CARD_PHONE_SET": _said(
        "这张卡已绑定别的手机号",
        ("换绑请联系商家。",),
        "This card has another phone",
        ("To change it, contact the shop.",),
        charged=True,
    ),
    "CARD_SMS_OFF": _said(
        "商家还没有开通短信，暂时不能验证",
        ("会员卡可以照常使用，余额上限较低。",),
        "The shop cannot send messages yet",
        ("The card works all the same, with the lower cap.",),
        charged=True,
    ),
    "CARD_SMS_LIMIT": _said(
        "验证码发送太频繁",
        ("一分钟后再试；多次没有收到，一小时后再试。",),
        "Too many codes were sent",
        ("Try again in a minute; after several, in an hour.",),
        charged=True,
    ),
    "CARD_SMS_FAILED": _said(
        "短信可能没有发出",
        ("收到验证码可以直接填写；没有收到，一分钟后再试。",),
        "The message may not have been sent",
        ("If the code comes, enter it; if not, try again in a minute.",),
        charged=True,
    ),
    "CARD_CODE_WRONG": _said(
        "验证码不对[，还可以试 {left} 次]",
        ("核对短信里的 6 位数字。",),
        "The code is wrong[, {left} tries left]",
        ("Check the six digits in the message.",),
        charged=True,
    ),
    "CARD_CODE_OVER": _said(
        "验证码已失效",
        ("重新获取验证码。",),
        "The code is no longer valid",
        ("Ask for a new one.",),
        charged=True,
    ),
    "CARD_JOIN_CAP": _said(
        "两张卡的余额合计超过本卡上限",
        ("先用掉一部分余额，再验证手机号。",),
        "Both cards together would pass the cap of one",
        ("Spend some of the balance, then confirm the phone.",),
        charged=True,
    ),
    # recharging from the card's pages
    "CARD_ONLINE_OFF": _said(
        "商家关闭了线上充值",
        ("到店扫收款码，在付款页点「充值」。",),
        "Top-ups from here are turned off",
        ("Scan the code in a store and choose to top up there.",),
    ),
    "CARD_TERMS_NEEDED": _said(
        "请先勾选同意会员卡章程",
        ("看过章程后勾选，再充值。",),
        "Please agree to the card's terms first",
        ("Read them, tick the box, then top up.",),
    ),
    # paying from the card, when the answer was lost
    "CARD_PAY_ASKED": Entry(
        Wording("正在确认付款结果", ("通常几秒内完成，请先不要离开或重复付款。",)),
        Wording(
            "We are confirming your payment", ("It takes seconds. Please do not pay again yet.",)
        ),
        not_charged=False,
        refresh_s=2,
    ),
    "CARD_PAY_UNSEEN": Entry(
        Wording(
            "还没有收到这笔付款",
            (
                "可能是网络断开；先看会员卡明细里有没有这笔。",
                "重新付款是安全的：同一笔不会扣两次。",
            ),
        ),
        Wording(
            "This payment has not reached us",
            (
                "The network may have failed. Look for it in your card's history first.",
                "Paying again is safe: one payment is never charged twice.",
            ),
        ),
        not_charged=False,
    ),
    # a merchant's people
    "CARD_MOVEMENT_REUSED": _said(
        "这笔变动已记过账，金额不同",
        ("返回会员页面，重新填写。",),
        "This change is already booked with another amount",
        ("Go back and fill it in again.",),
        charged=True,
    ),
    "CARD_REFUSED": _said(
        "会员卡无法完成这次操作",
        (_ASK_SHOP_ZH,),
        "The card cannot do this",
        (_ASK_SHOP_EN,),
    ),
    "CARD_ADJUST_LOW": _said(
        "调减金额高于可调减的余额",
        ("赠送部分不能调减；改小金额。",),
        "More than can be taken off",
        ("A bonus cannot be adjusted. Enter a smaller amount.",),
        charged=True,
    ),
    "CARD_NO_RIGHT": _said(
        "只有商户管理员可以调整余额",
        ("请商户管理员操作。",),
        "Only the merchant's owner adjusts balances",
        ("Ask the owner.",),
        charged=True,
    ),
    "CARD_IMPORT_REFUSED": _said(
        "文件没有导入",
        ("按清单改好文件，再导入一次。",),
        "The file was not imported",
        ("Mend the file as listed and import it again.",),
        charged=True,
    ),
    "CARD_PAYOUT_UNKNOWN": _said(
        "没有找到这笔退余额申请",
        ("核对申请编号。",),
        "There is no such payout",
        ("Check its number.",),
        charged=True,
    ),
    "CARD_PAYOUT_REFERENCE": _said(
        "线下退款须写明方式和凭证号",
        ("写明怎么退的、凭证号是什么，再记一次。",),
        "A payout by hand names how, and what shows it",
        ("Name both and write it down again.",),
        charged=True,
    ),
    "CARD_PROGRAM_STATE": _said(
        "会员卡当前状态不能这样操作",
        ("刷新页面，看会员卡现在的状态。",),
        "The card's present state does not allow this",
        ("Look at its state again.",),
        charged=True,
    ),
    "CARD_PROGRAM_INCOMPLETE": _said(
        "会员卡资料不完整",
        ("补全章程和充值档位，再提交。",),
        "The card is not complete",
        ("Add its terms and sums, then hand it in.",),
        charged=True,
    ),
    "CARD_SUB_MCHID": _said(
        "会员卡子商户号不可用",
        ("填写会员卡自己的子商户号，不是支付的。",),
        "The card's sub-merchant id cannot be used",
        ("Enter the card's own id, not the one for payments.",),
        charged=True,
    ),
    "CARD_NOT_EMPTY": _said(
        "会员还有余额，不能删除会员卡",
        ("余额全部用完或退回后再删除。",),
        "Members still have balances: the card cannot be deleted",
        ("Delete it when all is spent or given back.",),
        charged=True,
    ),
}
