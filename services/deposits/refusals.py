"""Why something about a deposit is refused before any wallet hears of it."""

from __future__ import annotations

from errors import AppError


class DepositRefused(AppError):
    """Nothing was asked of a wallet, no money is held or moved."""

    status = 409


class DepositPreauth(DepositRefused):
    """Alipay's side of PRM-4; WeChat's three are in `services/merchants/problems.py`."""

    code = "DEPOSIT_PREAUTH"
    title = "未签约支付宝预授权"
    steps = ("商户在支付宝签约预授权产品，再由服务商在「商户权限」里勾选。",)


class DepositNumberTaken(DepositRefused):
    code = "DEPOSIT_NUMBER_TAKEN"
    title = "这个单号已经用过"
    steps = ("换一个新单号。",)


class DepositNoQr(DepositRefused):
    code = "DEPOSIT_NO_QR"
    title = "微信押金不支持扫码冻结"
    steps = ("请扫顾客的微信付款码冻结，或用支付宝。",)


class DepositNotHeld(DepositRefused):
    """The hold is not frozen: it waits, has failed, or nothing of it is left."""

    code = "DEPOSIT_NOT_HELD"
    title = "这笔押金现在没有冻结的钱"
    steps = ("先查询押金的状态。",)


class DepositAmount(DepositRefused):
    code = "DEPOSIT_AMOUNT"
    title = "超过押金剩余可用的金额"
    steps = ("按剩余金额重新填写；正在处理的消费和解冻也占用押金。",)


class DepositBusy(DepositRefused):
    """Something that would give the rest back must not cross what is on its way."""

    code = "DEPOSIT_BUSY"
    title = "这笔押金有一笔消费或解冻正在处理"
    steps = ("等它有结果后再试。",)


class DepositWhole(DepositRefused):
    """WeChat knows no release in parts."""

    code = "DEPOSIT_WHOLE"
    title = "微信押金只能整笔解冻"
    steps = ("只收一部分时用押金消费，余下的自动退给顾客。",)


class DepositMustEnd(DepositRefused):
    code = "DEPOSIT_MUST_END"
    title = "微信押金消费后余下的一定退给顾客"
    steps = ("is_confirm_unfreeze 填 true。",)
