"""What happened to one order, in Chinese, oldest first: the desk's side of `order_story`.

The rows are those that `flask orders story` reads; the words are for people who ask on behalf of a
merchant. No openid, phone or body of a message is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateways.money import yuan_from_fen
from models.bill import Bill, BillCase, BillSubject
from models.callback import Callback
from models.event import AuditEntry, UpstreamEvent
from models.order import AttemptMethod, AttemptStatus, PayAttempt, PayOrder
from models.refund import Refund, RefundStatus
from services.deposits import rooms
from services.order_explained import state_words
from services.order_story.tellers import attempts_of, cases_of, numbers_of, refunds_of
from services.order_words import FROM_CARD, STATES
from services.recon.words import CASES, DIFFERENCES

WALLETS: Final = {"wechat": "微信支付", "alipay": "支付宝", "balance": "会员卡"}


@dataclass(frozen=True, slots=True)
class Told:
    """`number` is the one that the line is about, where it is not the order's."""

    at: datetime
    who: str
    what: str
    number: str = ""


Teller = Callable[[Session, PayOrder], Iterator[Told]]


def tell(session: Session, provider_id: int, order_id: int) -> list[Told]:
    """Lines of one second stay in the order of the tellers: wallets tell times to the second."""
    order = session.get_one(PayOrder, (provider_id, order_id))
    told = [line for teller in TELLERS for line in teller(session, order)]
    return sorted(told, key=lambda line: line.at.replace(microsecond=0))


def standing(session: Session, provider_id: int, order_id: int) -> str:
    """One sentence about where the money is now, fit to be sent to the merchant."""
    order = session.get_one(PayOrder, (provider_id, order_id))
    state = state_words(order)
    own = FROM_CARD if order.channel == "balance" else {}
    words = own.get(state, STATES[state])
    return words.zh.format(
        amount=_figure(order.amount_fen), back=_yuan(order.refunded_fen)
    )  # fmt: skip


def deposit_of(session: Session, provider_id: int, order_id: int) -> str:
    """The number of the deposit that it is paid out of; "" where it is none."""
    return rooms.number_of(session, session.get_one(PayOrder, (provider_id, order_id)))


def _yuan(fen: int) -> str:
    return f"¥{_figure(fen)}"


def _figure(fen: int) -> str:
    """`1,284.50`, as the pages write it."""
    yuan, _, rest = yuan_from_fen(fen).partition(".")
    return f"{int(yuan):,}.{rest}"


def _wallet(channel: str) -> str:
    return WALLETS.get(channel, channel)


def _attempts(session: Session, order: PayOrder) -> Iterator[Told]:
    for one in attempts_of(session, order):
        number = "" if one.out_trade_no == order.out_trade_no else one.out_trade_no
        who, how = _began(one)
        number = rooms.number_of(session, order) or number
        yield Told(
            one.created_at, who, f"{how}，{_wallet(one.channel)} {_yuan(one.amount_fen)}", number
        )
        if one.paid_at is not None:
            said = f"已付款 {_yuan(one.amount_fen)}"
            if one.transaction_id and one.channel != "balance":
                said += f"，钱包单号 {one.transaction_id}"
            yield Told(one.paid_at, _wallet(one.channel), said, number)
        if one.closed_at is not None and one.status is AttemptStatus.REJECTED:
            said = f"拒绝了这次付款：{one.raw_state or '没有说原因'}"
            yield Told(one.closed_at, _wallet(one.channel), said, number)
        elif one.closed_at is not None and one.status is AttemptStatus.CLOSED:
            yield Told(one.closed_at, "系统", "这次付款已关闭，没有收到钱", number)


_ROADS: Final = {
    AttemptMethod.JSAPI: "在自己的页面下单",
    AttemptMethod.NATIVE: "下单，出示单笔二维码",
    AttemptMethod.H5: "在手机网页下单",
    AttemptMethod.APP: "在 App 下单",
    AttemptMethod.MINI: "在小程序下单",
}


def _began(one: PayAttempt) -> tuple[str, str]:
    """Who began it, and how."""
    if one.method is AttemptMethod.CODE:
        return "顾客", "用付款码付款"
    if one.method is AttemptMethod.DEPOSIT:
        return "商户", "从冻结的押金里消费"
    if one.request.get("asked_by") and one.method in _ROADS:
        return "商户系统", _ROADS[one.method]
    return "顾客", "发起付款"


def _notifications(session: Session, order: PayOrder) -> Iterator[Told]:
    wanted = select(UpstreamEvent).where(
        UpstreamEvent.provider_id == order.provider_id,
        UpstreamEvent.out_trade_no.in_(numbers_of(session, order)),
    )
    for event in session.scalars(wanted.order_by(UpstreamEvent.id)):
        what = "退款" if event.kind == "refund" else "付款"
        yield Told(event.received_at, _wallet(event.channel), f"通知了{what}结果，验签通过")


REFUND_ENDS: Final = {
    RefundStatus.FAILED: "没有成功，金额可以再退",
    RefundStatus.VOID: "没有发生过",
}


def _refunds(session: Session, order: PayOrder) -> Iterator[Told]:
    for one in refunds_of(session, order):
        reason = f"，原因：{one.reason}" if one.reason else ""
        yield Told(
            one.created_at, _person(one.asked_by), f"申请退款 {_yuan(one.amount_fen)}{reason}",
            one.out_refund_no,
        )  # fmt: skip
        yield from _refund_ends(one)


def _refund_ends(one: Refund) -> Iterator[Told]:
    if one.succeeded_at is not None:
        yield Told(
            one.succeeded_at, "钱包", f"退款 {_yuan(one.amount_fen)} 已到账", one.out_refund_no
        )
    elif one.accepted_at is not None:
        yield Told(one.accepted_at, "钱包", "已受理退款，钱还没有退到", one.out_refund_no)
    if one.closed_at is not None and one.status in REFUND_ENDS:
        why = f"：{one.upstream_message or one.upstream_code}" if one.upstream_code else ""
        said = f"退款{REFUND_ENDS[one.status]}{why}"
        yield Told(one.closed_at, "钱包", said, one.out_refund_no)


def _cases(session: Session, order: PayOrder) -> Iterator[Told]:
    for one in cases_of(session, order):
        number = "" if one.out_trade_no == order.out_trade_no else one.out_trade_no
        title = CASES[one.kind].title
        yield Told(one.created_at, "系统", f"转人工处理：{title}", number)
        if one.closed_at is not None:
            ended = f"「{title}」已自己恢复" if one.healed else f"「{title}」由人关闭"
            yield Told(one.closed_at, "系统", ended, number)


def _bills(session: Session, order: PayOrder) -> Iterator[Told]:
    wanted = (
        select(BillCase, Bill.bill_on)
        .join(Bill, (Bill.provider_id == BillCase.provider_id) & (Bill.id == BillCase.bill_id))
        .where(
            BillCase.provider_id == order.provider_id,
            BillCase.number.in_(numbers_of(session, order)),
        )
        .order_by(BillCase.id)
    )
    for one, on in session.execute(wanted):
        title = DIFFERENCES[one.kind, BillSubject(one.subject)].title
        yield Told(one.found_at, "系统", f"{on} 的账单对不上：{title}", one.number)
        if one.healed_at is not None:
            yield Told(one.healed_at, "系统", f"「{title}」按钱包的话更正了", one.number)
        if one.explained_at is not None:
            who = _person(one.explained_by or "")
            yield Told(one.explained_at, who, f"说明了「{title}」：{one.reason}", one.number)


ACTIONS: Final = {
    "order_paid": "记为已收款",
    "order_paid_late": "订单关闭后钱包说已付款，记为已收款",
    "order_closed": "订单关闭",
    "order_followed_up": "该通知的都通知了",
    "order_adopted": "按钱包的话补记了这笔订单",
    "order_synced": "问了钱包这一笔",
    "refund_retried": "重新提交了退款",
    "refund_denied": "申请退款被拒：没有权限",
    "refund_adopted": "按钱包的话补记了一笔退款",
    "payer_erased": "按要求删除了付款人的身份",
    "code_payment_cancelled": "取消了付款码收款",
}


def _trail(session: Session, order: PayOrder) -> Iterator[Told]:
    wanted = select(AuditEntry).where(
        AuditEntry.provider_id == order.provider_id,
        AuditEntry.subject == f"order:{order.out_trade_no}",
        AuditEntry.action.in_(ACTIONS),
    )
    for entry in session.scalars(wanted.order_by(AuditEntry.id)):
        number = str(entry.facts.get("out_refund_no") or "")
        yield Told(entry.created_at, _person(entry.actor), ACTIONS[entry.action], number)


def _callbacks(session: Session, order: PayOrder) -> Iterator[Told]:
    wanted = select(Callback).where(
        Callback.provider_id == order.provider_id, Callback.order_id == order.id
    )
    for one in session.scalars(wanted.order_by(Callback.id)):
        if one.delivered_at is not None:
            yield Told(one.delivered_at, "商户系统", f"收下了回调，试了 {one.tries} 次")
        if one.dead_at is not None:
            yield Told(one.dead_at, "系统", f"回调送不到商户系统，已停：{one.last_code or ''}")


TELLERS: Final[tuple[Teller, ...]] = (
    _attempts, _notifications, _refunds, _cases, _bills, _trail, _callbacks,
)  # fmt: skip


def _person(actor: str) -> str:
    """An actor of the audit as people say it; who exactly, the audit log says."""
    kind, _, name = actor.partition(":")
    if kind == "upstream":
        return _wallet(name) if name else "钱包"
    return {
        "staff": "商户人员", "console": "服务商", "cli": "运维", "api": "商户系统",
        "merchant": "商户", "member": "顾客", "payer": "顾客", "person": "顾客",
        "wechat": "微信支付",
    }.get(kind, "系统")  # fmt: skip
