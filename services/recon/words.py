"""What each kind of work item is called, what may have caused it, and the way out.

About money these say only what is certain; nothing that they propose moves money.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.bill import BillSubject, DifferenceKind
from models.event import CaseKind


@dataclass(frozen=True, slots=True)
class Words:
    """`ask`: what the button that asks once more is called; empty where there is nobody to ask."""

    title: str
    cause: str
    way_out: str
    ask: str = "再问一次钱包"


D, T, R = DifferenceKind, BillSubject.TRADE, BillSubject.REFUND
DIFFERENCES: Final[dict[tuple[DifferenceKind, BillSubject], Words]] = {
    (D.MISSING_HERE, T): Words(
        "钱包有，平台无",
        "通知没有送达，或这笔是恢复备份之前收的",
        "再问一次钱包：钱包确认是这家商户收的，就按钱包的话补记。",
        "问钱包并补记",
    ),
    (D.MISSING_HERE, R): Words(
        "钱包有退款，平台无",
        "有人在钱包的商户平台里直接退了款",
        "再问一次钱包：查到就补记到原订单；查不到，问商户是谁退的，再写明原因关闭。",
        "问钱包并补记",
    ),
    (D.MISSING_THERE, T): Words(
        "平台有，钱包无",
        "付款时间靠近零点，算在前后一天的账单里；或钱包从没收到这笔订单",
        "再问一次钱包。钱包说从没有过，才可以作废；已记为收款的，先与商户核对到账。",
    ),
    (D.MISSING_THERE, R): Words(
        "平台有退款，钱包无",
        "退款在零点前后完成，算在另一天；或钱包还没有受理",
        "再问一次钱包。钱包说从没有过，才可以作废；不要换一个单号再退。",
    ),
    (D.AMOUNT, T): Words(
        "金额不同",
        "这笔钱与订单金额不符",
        "先与商户核对实际到账金额。账单的金额不会自动改写订单；核实后写明原因关闭。",
    ),
    (D.AMOUNT, R): Words(
        "退款金额不同",
        "退款不是由平台发起，或在钱包的商户平台里改过",
        "到钱包的商户平台核对这笔退款，核实后写明原因关闭。",
    ),
    (D.STATE, T): Words(
        "状态不同",
        "付款成功的通知没有送达，或钱包后来撤销了",
        "再问一次钱包，按钱包的话更新。",
    ),
    (D.STATE, R): Words(
        "退款状态不同",
        "退款结果的通知没有送达",
        "再问一次钱包，按钱包的话更新。",
    ),
    (D.DUPLICATE, T): Words(
        "账单里有两次",
        "钱包的账单把同一笔写了两行",
        "到钱包的商户平台核对收了一次还是两次，核实后写明原因关闭。",
        "",
    ),
    (D.DUPLICATE, R): Words(
        "退款在账单里有两次",
        "钱包的账单把同一笔退款写了两行",
        "到钱包的商户平台核对退了一次还是两次，核实后写明原因关闭。",
        "",
    ),
    (D.FOREIGN, T): Words(
        "收款方不是这家商户",
        "商户号填错，或商户换过商户号",
        "先停用这家商户的收款码，核对商户号；钱在账单写的那个商户号里。",
        "",
    ),
    (D.FOREIGN, R): Words(
        "退款方不是这家商户",
        "商户号填错，或商户换过商户号",
        "核对商户号；退出去的钱来自账单写的那个商户号。",
        "",
    ),
}
_ASK_ORDER: Final = "问钱包这一笔"
CASES: Final[dict[CaseKind, Words]] = {
    CaseKind.AMOUNT_MISMATCH: Words(
        "钱包说的金额不符",
        "钱包通知的金额与订单不同，订单已冻结",
        "对照两个金额，与商户核对到账；要退的在钱包的商户平台里退，再写明原因关闭。",
        _ASK_ORDER,
    ),
    CaseKind.PAYEE_MISMATCH: Words(
        "钱包说的收款方不符",
        "商户号、应用或币种与订单不同，订单已冻结",
        "先停用这家门店的收款码，改正商户号，把钱退回去，再写明原因关闭。",
        _ASK_ORDER,
    ),
    CaseKind.UNKNOWN_TRADE: Words(
        "收到不认识的单号的通知",
        "同一个商户号还有别的系统在用，或这笔订单在恢复备份时丢了",
        "问商户是不是另一套收银系统收的；是，写明原因关闭；不是，按单号找回订单。",
        "",
    ),
    CaseKind.PAID_TWICE: Words(
        "同一笔订单付了两次",
        "顾客在两个钱包里都付了",
        "第二笔会自动原路退回，退完这一条自己结束，不用处理。",
        _ASK_ORDER,
    ),
    CaseKind.REFUND_NOTICE: Words(
        "有一笔退款不是平台发起的",
        "多半是在钱包的商户平台里退的",
        "问清是谁退的，写明原因关闭。",
        _ASK_ORDER,
    ),
    CaseKind.REFUND_WAITING: Words(
        "退款在等商户充值",
        "商户在钱包的余额不足，可能开了自动提现",
        "请商户充值后，在商户后台用原退款单号重试；重试成功这一条自己结束。",
        _ASK_ORDER,
    ),
    CaseKind.REFUND_ABNORMAL: Words(
        "退款退不到顾客的账户",
        "顾客的银行卡或账户已注销或冻结",
        "请商户线下把钱给顾客，或在钱包的商户平台里改退到别的卡，再写明原因关闭。",
        _ASK_ORDER,
    ),
    CaseKind.REFUND_MISMATCH: Words(
        "钱包说的退款金额不符",
        "钱包的退款金额与平台不同，或退款超出了可退的余额",
        "到钱包的商户平台核对，弄清之前不要再退这一笔。",
        _ASK_ORDER,
    ),
    CaseKind.REFUND_SLOW: Words(
        "退款三天还没有结果",
        "退到银行卡要几天",
        "十天后还没有结果，联系钱包客服；到账后这一条自己结束。",
        _ASK_ORDER,
    ),
    CaseKind.PAID_AFTER_REVERSE: Words(
        "撤销后钱包仍扣了款",
        "付款码收款超时撤销，钱包没有撤掉",
        "这笔钱要还给顾客：在钱包的商户平台里退，再写明原因关闭。",
        _ASK_ORDER,
    ),
    CaseKind.LEDGER_BROKEN: Words(
        "会员卡账本与记下的不一致",
        "账本里有一行被改过或丢了",
        "请运维运行 flask ledger verify 找出是哪一行；查清之前不要关闭。",
        "",
    ),
    CaseKind.AUDIT_BROKEN: Words(
        "日志与记下的不一致",
        "日志里有一行被改过、删过或绕过程序写入",
        "打开「日志」看是哪一条，查清是谁改了数据库；查清之前不要关闭。",
        "",
    ),
    CaseKind.PAYOUT_OVERDUE: Words(
        "会员卡退余额过期未办",
        "顾客要求退回余额，到期还没有退完",
        "请商户在后台「退余额」里办完。",
        "",
    ),
    CaseKind.DEPOSIT_MISMATCH: Words(
        "押金与钱包的不一致",
        "有人在钱包的商户平台里直接动过这笔押金，或恢复备份后还有操作没找回",
        "到钱包的商户平台核对冻结、消费和解冻的金额；查清之前不要再消费或解冻。",
        "",
    ),
    CaseKind.DEPOSIT_ENDS: Words(
        "押金两天后自动退回",
        "冻结已满 28 天，钱包满 30 天自动退给顾客",
        "问商户还收不收：要收的尽快做押金消费，不收的可以解冻；处理完这一条自己结束。",
        "",
    ),
    CaseKind.NO_ANSWER: Words(
        "钱包两分钟没有答复",
        "钱包或网络有故障",
        "系统会一直问；也可以现在再问。问清之前，不要让顾客再付一次。",
        _ASK_ORDER,
    ),
}
STATES: Final = {
    "waiting": ("info", "等次日账单"),
    "found": ("warn", "待处理"),
    "open": ("warn", "待处理"),
    "healed": ("ok", "已更正"),
    "explained": ("ok", "已说明"),
    "closed": ("", "已关闭"),
}
