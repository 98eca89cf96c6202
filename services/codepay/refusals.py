"""Why a payment code is not charged, before any wallet hears of it."""

from __future__ import annotations

from errors import AppError


class CodePayRefused(AppError):
    """Nothing was asked of a wallet."""

    status = 409
    money = "没有扣款。"


class CodeUnreadable(CodePayRefused):
    code = "CODE_UNREADABLE"
    status = 400
    title = "这不是微信、支付宝或会员卡的付款码"
    steps = ("请顾客打开钱包或会员卡的付款码，再扫一次。", "商品条码和收款码都不能在这里扫。")


class ReentryBlocked(CodePayRefused):
    """The number is another payment's: that one is left alone, above all never reversed (PAY-6)."""

    code = "REENTRY_BLOCKED"
    internal_status = 407
    title = "这个订单号已用于另一笔付款"
    steps = ("先前那笔付款不受影响，查它的结果即可。", "新的付款请换一个订单号。")
    money = ""  # of the earlier payment nothing is said here


class CodePayNotOpen(CodePayRefused):
    """Only what still waits for the payer, or whose result is unknown, is reversed by a person."""

    code = "CODEPAY_NOT_OPEN"
    title = "这笔付款不在等待中，不能撤销"
    steps = ("已付款的订单请用退款。", "先看这笔订单的状态。")
    money = ""
