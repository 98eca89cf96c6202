"""One order as its merchant sees it: facts, refunds, and what happened when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.card import CardSpend
from models.event import AuditEntry
from models.merchant import Staff
from models.order import PayOrder
from services import ways
from services.cards.spent import spend_of
from services.deposits import rooms
from services.deps import Deps
from services.order_list import Scope
from services.orders import state_of
from services.refunds import asking, listing, words
from web.formats import figure, local_time, money

CHIPS = {
    "pending": ("info", "待确认"),
    "created": ("info", "待付款"),
    "unknown": ("warn", "结果未知"),
    "closed": ("", "已关闭"),
    "failed": ("bad", "未成功"),
    "void": ("", "已作废"),
    "late_paid": ("warn", "过期后付成"),
    "part_refunded": ("warn", "部分退款"),
    "refunded": ("", "已全额退款"),
}
STORY = {
    "order_paid": "钱包确认收款",
    "order_paid_late": "订单过期后，钱包确认收款",
    "order_followed_up": "通知已处理",
    "order_closed": "订单已关闭",
    "refund_asked": "申请退款 ¥{yuan}",
    "refund_denied": "申请退款 ¥{yuan}，没有权限，未退",
    "refund_retried": "重试退款 ¥{yuan}",
    "refund_succeeded": "已退款 ¥{yuan}",
    "refund_failed": "退款 ¥{yuan} 未成功，金额可再退",
    "refund_waiting": "退款 ¥{yuan} 等待中：商户余额不足，可能已自动提现",
    "refund_abnormal": "退款 ¥{yuan} 异常：顾客账户收不到，需线下退还",
}
WALLETS = {"wechat": "微信支付", "alipay": "支付宝", "balance": "会员卡"}
REFUND_HELP = "余额不足多半是开了自动提现：先在钱包的商户平台充值，再用原退款单号重试。"


@dataclass(frozen=True, slots=True)
class Found:
    """An order with what its page needs. `people` says by actor what somebody is called."""

    order: PayOrder
    story: list[AuditEntry]
    refunds: list[listing.Line]
    place: str
    people: dict[str, str]
    room_fen: int = 0  # what can still be refunded
    spend: tuple[CardSpend, str] | None = None  # of a card, with its number
    way: ways.Way = ways.Way.PAGE
    deposit: str = ""  # the number of the hold that it is paid out of


def find(session: Session, seen: Scope, number: str) -> PayOrder:
    """An order that this person may see. Raises NotFound for any other, alike."""
    wanted = select(PayOrder).where(
        PayOrder.provider_id == seen.provider_id,
        PayOrder.merchant_id == seen.merchant_id,
        PayOrder.out_trade_no == number,
    )
    if seen.store_id is not None:
        wanted = wanted.where(PayOrder.store_id == seen.store_id)
    if seen.staff_id is not None:
        wanted = wanted.where(PayOrder.staff_id == seen.staff_id)
    order = session.scalar(wanted)
    if order is None:
        raise NotFound(number)
    return order


def read(session: Session, deps: Deps, seen: Scope, number: str) -> Found:
    """Raises NotFound as `find` does."""
    order = find(session, seen, number)
    story = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.provider_id == order.provider_id, AuditEntry.subject == f"order:{number}")
        .order_by(AuditEntry.id)
    ).all()
    return Found(
        order,
        list(story),
        listing.of_order(session, order),
        _place(session, order),
        people_of(session, order.provider_id, order.merchant_id),
        asking.refundable(session, deps, order),
        spend_of(session, order),
        ways.of_order(session, order),
        rooms.number_of(session, order),
    )


def people_of(session: Session, provider_id: int, merchant_id: int) -> dict[str, str]:
    """What somebody of the merchant's is called, by actor of the audit."""
    rows = session.execute(
        select(Staff.id, Staff.name).where(
            Staff.provider_id == provider_id, Staff.merchant_id == merchant_id
        )
    )
    return {f"staff:{row.id}": row.name for row in rows}


def _place(session: Session, order: PayOrder) -> str:
    where = session.execute(
        text(
            "SELECT s.name, s.branch_name, c.name AS place FROM store s LEFT JOIN pay_code c"
            " ON c.provider_id = s.provider_id AND c.id = :c"
            " WHERE s.provider_id = :p AND s.id = :s"
        ),
        {"p": order.provider_id, "s": order.store_id, "c": order.pay_code_id},
    ).one()
    return " · ".join(part for part in (where.branch_name or where.name, where.place) if part)


def shown(found: Found, *, may_refund: bool = False) -> dict[str, Any]:
    """What the template takes."""
    order = found.order
    kind, said = CHIPS.get(state_of(order), ("ok", "已支付"))
    if state_of(order) == "part_refunded":
        said = f"{said} {money(order.refunded_fen)}"
    note, note_kind = _note(found)
    return {
        "title": "订单详情",
        "net_label": "实收" if order.paid_at is not None else "应收",
        "net_fen": order.amount_fen - order.refunded_fen,
        "chip_kind": kind,
        "chip_text": said,
        "facts": _facts(found),
        "refunds": [_refund(line) for line in found.refunds],
        "timeline": _timeline(found),
        "note": note,
        "note_kind": note_kind,
        "back_url": "/m/orders",
        "refund_url": refund_url(order) if may_refund and found.room_fen else None,
        "tabs": None,
    }


def refund_url(order: PayOrder) -> str:
    return f"/m/orders/{order.out_trade_no}/refund"


def _facts(found: Found) -> list[dict[str, Any]]:
    order = found.order
    facts = [{"label": "订单金额", "value": order.amount_fen, "kind": "money"}]
    if order.refunded_fen:
        facts.append({"label": "已退款", "value": order.refunded_fen, "kind": "money"})
    facts += [
        {"label": "付款方式", "value": WALLETS.get(order.channel, order.channel), "kind": ""},
        {"label": "方式", "value": ways.NAMES[found.way], "kind": ""},
        {"label": "门店与收款码", "value": found.place, "kind": ""},
    ]
    if order.paid_at:
        facts.append({"label": "收款时间", "value": local_time(order.paid_at), "kind": "num"})
    facts.append({"label": "订单号", "value": order.out_trade_no, "kind": "mono"})
    facts += _card_facts(found)
    if found.deposit:
        href = f"/m/deposits/{quote(found.deposit, safe='')}"
        facts.append({"label": "押金单号", "value": found.deposit, "kind": "", "href": href})
    if order.transaction_id and order.channel != "balance":
        facts.append({"label": "钱包单号", "value": order.transaction_id, "kind": "mono"})
    if order.remark:
        facts.append({"label": "备注", "value": order.remark, "kind": ""})
    return facts


def _card_facts(found: Found) -> list[dict[str, Any]]:
    """Which card, and which of its parts the order took: a refund goes back to the same."""
    if found.spend is None:
        return []
    spend, number = found.spend
    facts: list[dict[str, Any]] = [{"label": "会员卡号", "value": number, "kind": "mono"}]
    if spend.bonus_fen:
        facts.append({"label": "其中赠送金额", "value": spend.bonus_fen, "kind": "money"})
    return facts


def _refund(line: listing.Line) -> dict[str, Any]:
    return {
        "amount_fen": line.amount_fen,
        "chip_kind": words.chip(line.status),
        "chip_text": line.words,
        "number": line.out_refund_no,
        "reason": line.reason,
        "at": local_time(line.created_at),
    }


def _timeline(found: Found) -> list[dict[str, Any]]:
    """What happened, the newest first; of people their names, of wallets their own words."""
    steps = [{"at": local_time(found.order.created_at), "text": "顾客发起付款"}]
    for entry in found.story:
        facts = entry.facts
        amount = facts.get("amount_fen")
        said = STORY.get(entry.action, entry.action).format(yuan=figure(amount) if amount else "")
        if entry.action == "order_paid":
            said = f"{said} {money(found.order.amount_fen)}"
        notes = [_who(found, entry), f"原因：{facts['reason']}" if facts.get("reason") else ""]
        notes.append(str(facts.get("out_refund_no") or ""))
        step = {"at": local_time(entry.created_at), "text": said}
        step["note"] = " · ".join(note for note in notes if note)
        steps.append(step)
    return steps[::-1]


def _who(found: Found, entry: AuditEntry) -> str:
    if entry.actor in found.people:
        allowed = found.people.get(str(entry.facts.get("allowed_by")), "")
        by = found.people[entry.actor]
        return f"{by}操作" + (f"，{allowed}授权" if allowed and allowed != by else "")
    return "服务商操作" if entry.actor.startswith(("admin:", "cli:")) else ""


def _note(found: Found) -> tuple[str | None, str]:
    if found.order.is_frozen:
        return "金额或收款方与钱包的不一致，已冻结，等人核对。", "warn"
    if any(line.needs_person and line.upstream_code for line in found.refunds):
        return REFUND_HELP, "warn"
    return None, "info"
