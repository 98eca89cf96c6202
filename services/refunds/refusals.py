"""Why a refund is refused before any wallet hears of it."""

from __future__ import annotations

from errors import AppError


class RefundRefused(AppError):
    """Nothing was asked of the wallet, no room is held."""

    status = 409
    money = "没有退款。"


class RefundAmount(RefundRefused):
    code = "REFUND_AMOUNT"
    title = "超过可退金额"
    steps = ("按页面上的可退金额重新填写。", "之前的退款还在处理时，也占用可退金额。")


class RefundNotPaid(RefundRefused):
    code = "REFUND_NOT_PAID"
    title = "这笔订单没有收到款，不能退"
    steps = ("核对订单号。", "顾客说已付款时，先查这笔订单的付款结果。")


class RefundTooLate(RefundRefused):
    code = "REFUND_TOO_LATE"
    title = "已超过钱包允许的退款期限"
    steps = ("与顾客商量后，用转账或现金退还。", "在订单备注里写明退还方式，以便对账。")


class RefundTooMany(RefundRefused):
    code = "REFUND_TOO_MANY"
    title = "这笔订单的退款次数已到上限"
    steps = ("余下的钱用转账或现金退还。",)


class RefundConflict(RefundRefused):
    code = "REFUND_CONFLICT"
    title = "这个退款单号已用于另一笔退款"
    steps = ("换一个退款单号，或按原来的金额重试。",)


class RefundAfterRestore(RefundRefused):
    code = "REFUND_AFTER_RESTORE"
    title = "数据刚从备份恢复，退款暂停"
    steps = ("等负责人与钱包核对完，再按页面上的可退金额退款。",)


class RefundNotWaiting(RefundRefused):
    code = "REFUND_NOT_WAITING"
    title = "这笔退款不在等待处理"
    steps = ("查看它现在的状态，不要重复退款。",)


class RefundNoRight(RefundRefused):
    code = "REFUND_NO_RIGHT"
    status = 403
    title = "没有退款权限"
    steps: tuple[str, ...] = ("请有权限者授权。",)


class RefundOffDuty(RefundNoRight):
    code = "REFUND_OFF_DUTY"
    title = "你还没有上班，不能退款"
    steps = ("先在「我的」里上班，再退款。", "或请店长、商户管理员来退。")
