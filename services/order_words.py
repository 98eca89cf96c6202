"""The words of `orders explain`: every state, refund and case has some, for us and for merchants.

English is for whoever is on call; the Chinese sentence may be sent to the merchant as it is. About
money it says only what is certain. `{…}` are filled in: amount, back, left, when.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.event import CaseKind
from models.refund import RefundStatus


@dataclass(frozen=True, slots=True)
class Words:
    """Why it is so, what a person can do, and what the merchant may be told."""

    why: str
    do: str
    zh: str = ""


NOTHING = "nothing: it goes on by itself"

STATES: Final[dict[str, Words]] = {
    "created": Words(
        "the order is written down; the wallet has not taken it yet",
        "nothing: if the payer does not press again, it expires {when}",
        "这笔 ¥{amount} 的订单已登记，顾客还没有付款，可以再付一次。",
    ),
    "pending": Words(
        "the wallet has the order and says that nobody has paid it yet",
        "let the payer finish in the wallet; unpaid, it expires {when}",
        "这笔 ¥{amount} 还在等顾客付款，暂时没有收到钱。",
    ),
    "unknown": Words(
        "the wallet has not answered clearly: the money may or may not have moved",
        "ask now with `flask orders sync {number}`; tell the payer not to pay again until it is"
        " known. It is asked about by itself, too",
        "这笔 ¥{amount} 正在与钱包核对，请先不要让顾客重复付款，结果出来会自动更新。",
    ),
    "frozen": Words(
        "the wallet says paid, and it does not fit our order (amount, merchant or currency): it is"
        " frozen, not paid",
        "compare `ours` and `theirs` of the case; correct the merchant's number or give the money"
        " back in the wallet's console, then `flask cases close`",
        "这笔 ¥{amount} 的付款与订单不符，已转人工核对，请先不要发货，也不要让顾客重复付款。",
    ),
    "paid": Words(
        "the wallet says that it is paid, for this amount and this merchant",
        "nothing; money back goes with `flask refunds ask`",
        "这笔 ¥{amount} 已付款成功。",
    ),
    "late_paid": Words(
        "paid after we had closed the order: the payer finished in the last second. It counts",
        "nothing; if the payer has paid again meanwhile, refund one of the two orders",
        "这笔 ¥{amount} 已付款成功（在订单关闭后才付的），按已收款处理。",
    ),
    "part_refunded": Words(
        "paid, and {back} of it is back with the payer",
        "nothing; at most {left} can still be refunded",
        "这笔 ¥{amount} 已付款，其中 {back} 已退给顾客。",
    ),
    "refunded": Words(
        "paid, and all of it is back with the payer",
        "nothing",
        "这笔 ¥{amount} 已全部退给顾客。",
    ),
    "closed": Words(
        "nobody paid in time, and the wallet has closed it for us. A success that crosses would"
        " still count",
        "if the payer's bill shows a payment, `flask orders sync {number}` asks again",
        "这笔 ¥{amount} 的订单已关闭，没有收到付款。顾客如显示已付，请把付款单号发给我们核对。",
    ),
    "failed": Words(
        "the wallet refused the payment for good: {refusal}",
        "look the code up in docs/errors.md; another wallet or another order may be paid",
        "钱包没有接受这笔 ¥{amount} 的付款，可以换一种方式重新付。",
    ),
    "void": Words(
        "the wallet never had this order: it was closed before it came to be",
        "nothing; the payer may start again",
        "这笔 ¥{amount} 的订单没有生效，没有扣款，可以重新付。",
    ),
}

# Of a payment from a member's card: the ledger says it, no wallet does.
FROM_CARD: Final[dict[str, Words]] = {
    "paid": Words(
        "paid from a member's card: the ledger took it in the same transaction",
        "nothing; `flask refunds ask` puts money back on the card, at once",
        "这笔 ¥{amount} 已用会员卡余额付款成功。",
    ),
    "part_refunded": Words(
        "paid from a member's card, and {back} of it is back on the card",
        "nothing; at most {left} can still be refunded",
        "这笔 ¥{amount} 已用会员卡付款，其中 {back} 已退回会员卡。",
    ),
    "refunded": Words(
        "paid from a member's card, and all of it is back on the card",
        "nothing",
        "这笔 ¥{amount} 已全部退回会员卡。",
    ),
}

REFUNDS: Final[dict[RefundStatus, Words]] = {
    RefundStatus.CREATED: Words(
        "written down, room is held, and not yet sent", NOTHING, "退款 {amount} 正在提交。"
    ),
    RefundStatus.PROCESSING: Words(
        "the wallet has accepted it, the money is not back yet: to a bank card it takes days",
        NOTHING,
        "退款 {amount} 已受理，到账时间以钱包为准。",
    ),
    RefundStatus.UNKNOWN: Words(
        "the wallet did not answer: it is asked about, and sent again only under the same number",
        "never ask for it under another number; `flask orders sync` asks now",
        "退款 {amount} 正在与钱包确认，请不要重复退款。",
    ),
    RefundStatus.WAITING: Words(
        "the merchant's balance at the wallet is too low: {said}",
        "the merchant tops up, then `flask refunds retry {refund}`; or `flask refunds cancel`",
        "退款 {amount} 因商户余额不足在等待，请充值后通知我们重试。",
    ),
    RefundStatus.SUCCESS: Words("done", "nothing", "退款 {amount} 已完成。"),
    RefundStatus.FAILED: Words(
        "the wallet will not do it: {said}. Its room is free again",
        "cure what the code names, then ask for a new refund",
        "退款 {amount} 没有成功，钱没有退出，可以重新申请。",
    ),
    RefundStatus.ABNORMAL: Words(
        "the payer's account takes nothing (closed card or account)",
        "the merchant hands the money over, or uses WeChat's console; then `flask cases close`",
        "退款 {amount} 无法退回顾客的账户，请联系顾客用其他方式退还。",
    ),
    RefundStatus.VOID: Words(
        "the wallet never had it, a person has said so after the bill",
        "nothing",
        "退款 {amount} 没有发生。",
    ),
}

CASES: Final[dict[CaseKind, Words]] = {
    CaseKind.AMOUNT_MISMATCH: Words(
        "the wallet names another amount than our order",
        "compare `ours` and `theirs`; give back or correct by hand, then close the case",
    ),
    CaseKind.PAYEE_MISMATCH: Words(
        "the wallet names another merchant, app or currency than our order",
        "stop that store, correct the merchant's number, give the money back, close the case",
    ),
    CaseKind.UNKNOWN_TRADE: Words(
        "a genuine notification about a number that we did not have",
        "a restored backup (`flask orders resync`), or another system under the same account",
    ),
    CaseKind.PAID_TWICE: Words(
        "two attempts of this order were paid; the second goes back by itself",
        "nothing: the case ends when the wallet says that it is back",
    ),
    CaseKind.REFUND_NOTICE: Words(
        "money went back under no number of ours: most likely from the wallet's console",
        "note who did it, then close the case",
    ),
    CaseKind.REFUND_WAITING: Words(
        "a refund waits for the merchant's balance", "see the refund above"
    ),
    CaseKind.REFUND_ABNORMAL: Words(
        "a refund can not reach the payer's account", "see the refund above"
    ),
    CaseKind.REFUND_MISMATCH: Words(
        "the wallet names another amount of a refund, or one that succeeded has no room left",
        "compare with the wallet's console; nothing more is refunded until you know",
    ),
    CaseKind.REFUND_SLOW: Words(
        "a refund is not final after three days", "bank cards take days; ask the wallet after ten"
    ),
    CaseKind.PAID_AFTER_REVERSE: Words(
        "a payment by code was reversed, and the wallet kept it nevertheless",
        "the payer is owed the money: give it back in the wallet's console, then close the case",
    ),
    CaseKind.LEDGER_BROKEN: Words(
        "the ledger of a merchant's cards is not what was written",
        "`flask ledger verify` names each row; find out whose hand it was, then close the case",
    ),
    CaseKind.AUDIT_BROKEN: Words(
        "the audit log is not what was written",
        "`flask audit verify` names the first row; find out whose hand it was, then close the case",
    ),
    CaseKind.PAYOUT_OVERDUE: Words(
        "the money of a member's card was asked back, and is not back by its day",
        "`flask cards payout show`: decide it, retry its refund, or pay the rest by hand",
    ),
    CaseKind.NO_ANSWER: Words(
        "the wallet has been silent about this payment for two minutes",
        "`flask orders sync`; look at the wallet's own status page",
    ),
    CaseKind.DEPOSIT_MISMATCH: Words(
        "the wallet holds another amount of a deposit than we think",
        "after a restored backup: `flask orders resync --log`; else compare with the wallet's"
        " console, and consume and release nothing of it until you know",
    ),
    CaseKind.DEPOSIT_ENDS: Words(
        "a deposit is held for 28 days: in two more its wallet gives it back by itself",
        "ask the merchant whether something is to be consumed; the case ends with the deposit",
    ),
}
OTHER_CASE: Final = Words("something that no rule may decide", "docs/operations.md, Frozen cases")
