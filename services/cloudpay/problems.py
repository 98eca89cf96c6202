"""What our services refuse, in this protocol's words: a code, and what the till is to do."""

from __future__ import annotations

from typing import Final

from errors import AppError, BadInput
from services.accounts import NotConfigured
from services.cards.problems import CardRefused
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.codepay.refusals import CodeUnreadable, ReentryBlocked
from services.problems import PayProblem

REENTRY: Final = "订单号重入：该订单号已用于另一笔支付，请勿撤销，请换新订单号"
_PAY: Final = {
    "MERCHANT_DISABLED": (Internal.DISABLED, "商户已停用，请联系服务商"),
    "STORE_DISABLED": (Internal.DISABLED, "门店已停用，请联系商户管理员"),
    "STORE_CLOSED": (Internal.DISABLED, "门店暂停收款"),
    "ALIPAY_TOKEN_INVALID": (Internal.PERMISSION, "商户的支付宝授权已失效，请重新授权或改用微信"),
    "PLATFORM_NOT_ENABLED": (Internal.PERMISSION, "商户还没有开通这种付款方式"),
}


def in_words(problem: AppError, *, code: str, number: str, amount: str) -> Refused | None:
    """The reply to a payment that was refused before any wallet heard of it; None: no words here.

    `code`, `number` and `amount` are the paths of those members as the client writes them.
    """
    if isinstance(problem, ReentryBlocked):
        return Refused(REENTRY, internal=Internal.REENTRY)
    if isinstance(problem, CodeUnreadable):
        return bad_member(code, "不是微信、支付宝或会员卡的付款码，请顾客打开付款码再扫一次")
    if isinstance(problem, CardRefused):
        said = f"{problem.detail or problem.title}。{''.join(problem.steps)}（{problem.code}）"
        return Refused(said[:255], internal=Internal.WALLET)
    if isinstance(problem, NotConfigured):
        return Refused(_PAY["PLATFORM_NOT_ENABLED"][1], internal=Internal.PERMISSION)
    if isinstance(problem, PayProblem) and problem.code in _PAY:
        internal, words = _PAY[problem.code]
        return Refused(words, internal=internal)
    if isinstance(problem, BadInput):
        return _bad_input(problem, number, amount)
    return None


def _bad_input(problem: BadInput, number: str, amount: str) -> Refused | None:
    name, _, limits = problem.detail.partition(": ")
    if name == "undiscountable_fen":
        return bad_member(
            "pay_content.alipay_pay_content_ext.undiscountable_amount", "不能大于订单金额"
        )
    if name == "out_trade_no":
        told = bad_member(number, "应为6到32位字母、数字或下划线，以订单前缀开头")
        return Refused(told.description, internal=Internal.MEMBER, reply_status=Status.NEW_NUMBER)
    if name == "amount_fen":
        least, _, most = limits.partition(" to ")
        said = bad_member(amount, f"应在{least}到{most}分之间")
        return Refused(said.description, internal=Internal.AMOUNT)
    return None
