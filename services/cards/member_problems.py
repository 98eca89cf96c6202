"""What programs, claims, phones, adjustments and imports say no to, by code."""

from __future__ import annotations

from gateways.money import yuan_from_fen
from services.cards.problems import CardRefused


class NotOffered(CardRefused):
    code = "CARD_NOT_OFFERED"
    title = "商家暂未开放会员卡"
    steps = ("改用其他方式付款。",)


class WechatOnly(CardRefused):
    """Product CARD-4."""

    code = "CARD_WECHAT_ONLY"
    title = "会员卡只能在微信里使用"
    steps = ("用微信扫同一个码。",)


class CardUnknown(CardRefused):
    code = "CARD_UNKNOWN"
    status = 404
    title = "没有找到这张会员卡"
    steps = ("核对卡号或手机号。",)


class PhoneInvalid(CardRefused):
    code = "CARD_PHONE_INVALID"
    status = 400
    title = "手机号格式不对"
    steps = ("填写 11 位大陆手机号。",)


class NameInvalid(CardRefused):
    code = "CARD_NAME_INVALID"
    status = 400
    title = "称呼要 1 到 32 个字"
    steps = ("不要用特殊符号开头，改好再保存。",)


class PhoneTaken(CardRefused):
    """Told only to somebody who has shown that the phone is theirs."""

    code = "CARD_PHONE_TAKEN"
    title = "这个手机号已绑定另一张会员卡"
    steps = ("用当时领卡的微信打开，或联系商家。",)


class PhoneSet(CardRefused):
    code = "CARD_PHONE_SET"
    title = "这张卡已绑定别的手机号"
    steps = ("换绑请联系商家。",)


class SmsOff(CardRefused):
    code = "CARD_SMS_OFF"
    title = "暂不支持手机验证"
    steps = ("会员卡可以照常使用，余额上限较低。",)


class SmsLimit(CardRefused):
    code = "CARD_SMS_LIMIT"
    status = 429
    title = "验证码发送太频繁"
    steps = ("一分钟后再试；多次没有收到，一小时后再试。",)


class SmsFailed(CardRefused):
    code = "CARD_SMS_FAILED"
    status = 502
    title = "短信可能没有发出"
    steps = ("收到验证码可以直接填写；没有收到，一分钟后再试。",)


class CodeWrong(CardRefused):
    code = "CARD_CODE_WRONG"
    status = 400
    title = "验证码不对"
    steps = ("核对短信里的 6 位数字。",)

    def __init__(self, left: int) -> None:
        super().__init__(f"验证码不对，还可以试 {left} 次", left=left)


class CodeOver(CardRefused):
    code = "CARD_CODE_OVER"
    title = "验证码已失效"
    steps = ("重新获取验证码。",)


class JoinCap(CardRefused):
    """Two cards of one person that together would pass the cap of one."""

    code = "CARD_JOIN_CAP"
    title = "两张卡的余额合计超过本卡上限"
    steps = ("先用掉一部分余额，再验证手机号。",)


class ProgramState(CardRefused):
    code = "CARD_PROGRAM_STATE"
    title = "会员卡当前状态不能这样操作"
    money = ""


class ProgramIncomplete(CardRefused):
    code = "CARD_PROGRAM_INCOMPLETE"
    title = "会员卡资料不完整"
    money = ""


class SubMchid(CardRefused):
    """Product CARD-1 and CARD-3."""

    code = "CARD_SUB_MCHID"
    title = "会员卡子商户号不可用"
    money = ""


class NotEmpty(CardRefused):
    """Product CARD-30."""

    code = "CARD_NOT_EMPTY"
    title = "会员还有余额，不能删除会员卡"
    steps = ("余额全部用完或退回后再删除。",)
    money = ""

    def __init__(self, balance_fen: int, held_fen: int) -> None:
        held = f"，充值中占用 {yuan_from_fen(held_fen)} 元" if held_fen else ""
        super().__init__(
            f"会员还有余额 {yuan_from_fen(balance_fen)} 元{held}，不能删除会员卡",
            balance_fen=balance_fen,
            held_fen=held_fen,
        )


class AdjustLow(CardRefused):
    """An adjustment takes from what was paid for, never from a bonus."""

    code = "CARD_ADJUST_LOW"
    title = "调减金额高于可调减的余额"
    money = ""

    def __init__(self, paid_fen: int) -> None:
        yuan = yuan_from_fen(paid_fen)
        super().__init__(f"最多可调减 {yuan} 元（赠送部分不能调减）", paid_fen=paid_fen)


class NoRight(CardRefused):
    code = "CARD_NO_RIGHT"
    status = 403
    title = "只有商户管理员可以调整余额"
    steps = ("请商户管理员操作。",)
    money = ""


class ImportRefused(CardRefused):
    """A file of which nothing was taken over; each row's reason is in its report."""

    code = "CARD_IMPORT_REFUSED"
    status = 400
    title = "文件没有导入"
    steps = ("按清单改好文件，再导入一次。",)
    money = ""
