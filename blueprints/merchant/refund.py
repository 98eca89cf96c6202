"""A refund in three taps: 退款, how much and why, 确认. Large ones are confirmed once more.

Each opened form has one random key, and the refund's number comes from it: whatever is sent twice,
by a double tap, a lost answer or the back button, is one refund.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import g, request
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers, detail
from gateways.money import fen_from_yuan, yuan_from_fen
from models.order import OrderPurpose, PayOrder
from models.refund import RefundStatus
from services.people.acting import Acting, Role
from services.refunds import sending, words
from services.refunds.refusals import RefundAmount, RefundNoRight, RefundNotPaid, RefundOffDuty
from services.refunds.rights import StaffAsk, ask_as
from services.shop_figures import scope
from web.formats import money
from web.runtime import deps

REASONS: Final = ("菜品缺货", "顾客取消", "多收款", "其他")
NOTE_MOST: Final = 60
KEY_MOST: Final = 40
WAY_BACK: Final = {
    "wechat": "原路退回顾客的微信支付：零钱通常几分钟内到账，银行卡要 1 到 3 个工作日。",
    "alipay": "原路退回顾客的支付宝：余额通常几分钟内到账，银行卡要 1 到 3 个工作日。",
    "balance": "立即退回顾客的会员卡。",
}
# What the merchant is told about a refund just asked for. Accepted is not refunded.
TOLD: Final = {
    RefundStatus.CREATED: "已提交，正在发给钱包，不要重复退款。",
    RefundStatus.PROCESSING: "钱包已受理，还没到顾客手里；到账后这里会变成「已退款」。",
    RefundStatus.UNKNOWN: "钱包还没有回音，正在查，不要重复退款。",
    RefundStatus.WAITING: detail.REFUND_HELP,
    RefundStatus.SUCCESS: "钱已经退给顾客。",
    RefundStatus.FAILED: "没有退出去，金额可以再退。",
    RefundStatus.ABNORMAL: "顾客的账户收不到，请和顾客商量用现金或转账退还。",
    RefundStatus.VOID: "这笔退款没有发生。",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form brings, as it was typed."""

    amount: str
    reason: str
    note: str
    key: str
    again: str
    is_sure: bool

    @classmethod
    def from_form(cls, reasons: Sequence[str] = REASONS) -> Typed:
        """Of `reasons` the last is 其他."""
        form = request.form
        return cls(
            amount=plain(form.get("amount", ""))[:20],
            reason=form.get("reason", "") if form.get("reason") in reasons else reasons[-1],
            note="".join(c for c in form.get("note", "") if c.isprintable()).strip()[:NOTE_MOST],
            key=form.get("key", "")[:KEY_MOST],
            again=plain(form.get("again", ""))[:20],
            is_sure=form.get("sure") == "1",
        )

    @property
    def why(self) -> str:
        if self.reason == REASONS[-1] and self.note:
            return self.note
        return f"{self.reason}：{self.note}" if self.note else self.reason


def plain(typed: str) -> str:
    """As a Chinese keyboard may write a sum; what it comes to is shown before anything is done."""
    bare = unicodedata.normalize("NFKC", typed)
    return "".join(bare.split()).removeprefix("¥").removesuffix("元").replace(",", "")


def may_refund(who: Acting) -> bool:
    """Whether it is offered. What counts is read again, under the lock, when it is asked for."""
    return who.can_refund and (who.role is not Role.CLERK or who.is_on_duty)


def form(out_trade_no: str) -> ResponseReturnValue:
    _check_offered(g.staff)
    found = _find(out_trade_no)
    if not found.room_fen:
        raise RefundNotPaid() if found.order.paid_at is None else RefundAmount("没有可退的金额了")
    full = yuan_from_fen(found.room_fen)
    return _page("merchant/refund.html", found, Typed(full, REASONS[1], "", _new_key(), "", False))


def _new_key() -> str:
    return secrets.token_urlsafe(16)


def send(out_trade_no: str) -> ResponseReturnValue:
    """First shown as it would be, then done."""
    answers.check_token()
    found, typed = _find(out_trade_no), Typed.from_form()
    fen = fen_of(typed.amount)
    is_large = fen >= deps().settings.refund_confirm_fen
    if fen and typed.key and typed.is_sure and (not is_large or fen_of(typed.again) == fen):
        return _ask(found, typed, fen)
    _check_offered(g.staff)  # nothing of the order is shown to whoever may not refund it
    if not fen or not typed.key:
        return _again(found, typed, "填写要退的金额，最多两位小数")
    if not typed.is_sure:
        return _first(found, typed, fen)
    said = "两次填的金额不一样，没有退款" if typed.again else ""
    return _sure(found, typed, fen, is_second=True, error=said)


def fen_of(yuan: str) -> int:
    """0 for what is no sum of money."""
    try:
        return fen_from_yuan(yuan)
    except ValueError:
        return 0


def _first(found: detail.Found, typed: Typed, fen: int) -> ResponseReturnValue:
    if fen > found.room_fen:
        return _again(found, typed, f"超过可退金额：最多可退 {money(found.room_fen)}")
    return _sure(found, typed, fen)


def _ask(found: detail.Found, typed: Typed, fen: int) -> ResponseReturnValue:
    """Who may not is refused by the service, in the same transaction that would have held room."""
    who: Acting = g.staff
    order = found.order
    wanted = StaffAsk(order.out_trade_no, fen, typed.why, number_of(who, order, typed.key))
    try:
        made = ask_as(deps(), who, wanted)
    except RefundAmount as error:
        return _again(found, typed, str(error), error.status)
    sending.send(deps(), who.provider_id, made)
    return answers.see(f"/m/orders/{order.out_trade_no}?refund={wanted.out_refund_no}")


def number_of(who: Acting, order: PayOrder, key: str) -> str:
    """The refund's number of one opened form; begins as the order's does, at most 32 long."""
    own = f"{who.actor}:{order.out_trade_no}:{key}"
    return f"{order.out_trade_no[:18]}F{deps().ring.blind(own, 'refund-form')[:13]}"


def _find(out_trade_no: str) -> detail.Found:
    """An order of where he works; off duty, too, so that he hears why it is refused."""
    return deps().transact(lambda s: detail.read(s, deps(), scope.at_work(g.staff), out_trade_no))


def _check_offered(who: Acting) -> None:
    if not may_refund(who):
        raise RefundOffDuty() if who.can_refund else RefundNoRight("没有退款权限，请有权限者授权")


def _again(found: detail.Found, typed: Typed, error: str, status: int = 400) -> ResponseReturnValue:
    return _page("merchant/refund.html", found, typed, status, error=error)


def _sure(
    found: detail.Found, typed: Typed, fen: int, *, is_second: bool = False, error: str = ""
) -> ResponseReturnValue:
    status = 400 if error else 200
    return _page(
        "merchant/refund_sure.html", found, typed, status,
        fen=fen, left_fen=found.room_fen - fen, is_second=is_second, error=error,
    )  # fmt: skip


def _page(
    template: str, found: detail.Found, typed: Typed, status: int = 200, **shown: Any
) -> ResponseReturnValue:
    """A sheet over the order that it is about."""
    order = found.order
    return answers.page(
        template,
        status,
        **detail.shown(found),
        order=order,
        own_url=f"/m/orders/{order.out_trade_no}",
        action=detail.refund_url(order),
        room_fen=found.room_fen,
        typed=typed,
        reasons=REASONS,
        way_back=WAY_BACK.get(order.channel, ""),
        is_recharge=order.purpose is OrderPurpose.RECHARGE,
        confirm_fen=deps().settings.refund_confirm_fen,
        **shown,
    )


def said(found: detail.Found, out_refund_no: str) -> dict[str, Any]:
    """How the refund just asked for stands, in the words of the one table."""
    for line in found.refunds:
        if line.out_refund_no == out_refund_no:
            kind = words.chip(line.status) or "ok"
            return {
                "note": f"{line.words} {money(line.amount_fen)}。{TOLD[line.status]}",
                "note_kind": kind,
                "note_role": "status",
            }
    return {}
