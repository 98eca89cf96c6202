"""`/m/members/payouts`: members' money that is asked back, and what the owner does about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.members import HOME, spaced, staff
from errors import NotFound
from models.card import Member, MemberCard, Recharge
from models.merchant import Staff
from models.order import PayOrder
from models.payout import CardPayout, PartStatus, PartWay, PayoutGround, PayoutStatus
from services.cards import members, payout_listing, payout_rights
from services.cards.adjusting import REASON_MOST
from services.cards.payout_listing import Line
from services.cards.payout_plan import Part
from services.cards.payout_problems import PayoutReference
from services.people.rights import Right, may
from web.formats import local_short, local_time, to_local
from web.runtime import deps

PAYOUTS = f"{HOME}/payouts"
PAGE = 20
CHIPS = {
    PayoutStatus.ASKED: ("warn", "待审核"),
    PayoutStatus.ALLOWED: ("info", "退款已受理"),
    PayoutStatus.RETURNING: ("info", "退款已受理"),
    PayoutStatus.DONE: ("ok", "已办完"),
    PayoutStatus.REFUSED: ("", "已拒绝"),
    PayoutStatus.CANCELLED: ("", "已撤回"),
}
HOWS = ("银行转账", "微信转账", "现金")


@dataclass(frozen=True)
class Found:
    """One payout of the own merchant, with what its page needs."""

    line: Line
    card: MemberCard
    member: Member
    planned: list[Part]
    recharges: dict[int, tuple[Recharge, str]]  # and the number of its order
    names: dict[str, str]


def show() -> ResponseReturnValue:
    """What is under way, the most urgent first; below it what is over."""
    typed = request.args.get("before", "")
    before = _number(typed) if typed else None
    open_ones, ended = deps().transact(lambda s: _both(s, before))
    is_full = len(ended) == PAGE
    return answers.page(
        "merchant/payouts.html",
        title="退余额",
        back_url=HOME,
        open_rows=[_row(line, *place) for line, place in open_ones],
        overdue=sum(line.is_overdue for line, _ in open_ones),
        ended_rows=[_row(line, *place) for line, place in ended],
        older_url=f"{PAYOUTS}?before={ended[-1][0].payout.id}" if is_full else None,
        days=deps().settings.card_cooling_days,
    )


Placed = list[tuple[Line, tuple[MemberCard, Member]]]


def _both(session: Session, before: int | None) -> tuple[Placed, Placed]:
    place = (session, deps(), staff().provider_id, staff().merchant_id)
    first = payout_listing.open_ones(*place) if before is None else []
    ended = payout_listing.ended_ones(*place, before_id=before, most=PAGE)
    return (
        [(line, _holder(session, line.payout)) for line in first],
        [(line, _holder(session, line.payout)) for line in ended],
    )


def _holder(session: Session, payout: CardPayout) -> tuple[MemberCard, Member]:
    card = session.get_one(MemberCard, (payout.provider_id, payout.card_id))
    return card, session.get_one(Member, (payout.provider_id, card.member_id))


def _row(line: Line, card: MemberCard, member: Member) -> dict[str, Any]:
    one = line.payout
    kind, text = CHIPS[one.status]
    return {
        "who": who(card, member),
        "number": spaced(card.number),
        "asked_at": local_short(one.asked_at, deps().now()),
        "due": day(one),
        "is_open": one.due_at is not None,
        "is_overdue": line.is_overdue,
        "fen": _going(line) if line.parts else one.asked_fen,
        "chip_kind": kind,
        "chip": text,
        "href": f"{PAYOUTS}/{one.id}",
    }


def who(card: MemberCard, member: Member) -> str:
    """The member as the merchant may see him: masked."""
    line = members.line(deps(), card, member)
    return " · ".join(part for part in (line.name, line.phone) if part) or "未验证手机号"


def day(payout: CardPayout) -> str:
    return f"{payout.due_on.month} 月 {payout.due_on.day} 日"


def _going(line: Line) -> int:
    """What goes or went back: without what is on the card again."""
    return sum(
        each.part.amount_fen for each in line.parts if each.part.status is not PartStatus.KEPT
    )


def _number(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) < 19):
        raise NotFound(typed[:40])
    return int(typed)


# --- one of them ----------------------------------------------------------------------------------


def detail(number: str) -> ResponseReturnValue:
    return _page(_find(number))


def allow(number: str) -> ResponseReturnValue:
    """First shown as it would be, then done. Allowed already, nothing happens."""
    answers.check_token()
    found = _find(number)
    if request.form.get("sure") != "1" and found.line.payout.status is PayoutStatus.ASKED:
        return _page(found, is_sure=True)
    payout_rights.allow_as_staff(deps(), *_me(), found.line.payout.id)
    return answers.see(f"{PAYOUTS}/{number}?done=allowed")


def refuse(number: str) -> ResponseReturnValue:
    answers.check_token()
    found = _find(number)
    reason = request.form.get("reason", "").strip()
    if not 1 <= len(reason) <= REASON_MOST or not reason.isprintable():
        said = f"写明原因，{REASON_MOST} 字以内：会员看得到"
        return _page(found, 400, error=said, refusing=True)
    payout_rights.refuse_as_staff(deps(), *_me(), found.line.payout.id, reason=reason)
    return answers.see(f"{PAYOUTS}/{number}?done=refused")


def paid(number: str) -> ResponseReturnValue:
    """One of its parts was handed over by the person who is signed in, or by somebody for him."""
    answers.check_token()
    found = _find(number)
    part_id = _number(request.form.get("part", ""))
    if part_id not in {each.part.id for each in found.line.parts}:
        raise NotFound(str(part_id))
    how = request.form.get("how", "").strip()
    reference = "".join(c for c in request.form.get("reference", "") if c.isprintable()).strip()
    try:
        payout_rights.pay_by_hand_as_staff(
            deps(), *_me(), part_id, how=how if how in HOWS else "", reference=reference
        )
    except PayoutReference as problem:
        typed = {"how": how, "reference": reference[:64]}
        return _page(found, problem.status, error=str(problem), **typed)
    return answers.see(f"{PAYOUTS}/{number}?done=paid")


def _me() -> tuple[int, str]:
    return staff().provider_id, staff().public_id


def _find(number: str) -> Found:
    """A payout of this person's own merchant. Raises NotFound for any other."""
    return deps().transact(lambda s: _read(s, _number(number)))


def _read(session: Session, payout_id: int) -> Found:
    provider_id, merchant_id = staff().provider_id, staff().merchant_id
    payout = session.get(CardPayout, (provider_id, payout_id))
    if payout is None or payout.merchant_id != merchant_id:
        raise NotFound(str(payout_id))
    card, member = _holder(session, payout)
    line = payout_listing.line(session, deps(), payout)
    is_undecided = payout.status in (PayoutStatus.ASKED, PayoutStatus.ALLOWED)
    planned = payout_listing.planned(session, deps(), card, payout) if is_undecided else []
    ids = {part.recharge.recharge_id for part in planned if part.recharge}
    ids |= {each.part.recharge_id for each in line.parts if each.part.recharge_id}
    return Found(line, card, member, planned, recharges(session, ids), _names(session))


def recharges(session: Session, ids: set[int]) -> dict[int, tuple[Recharge, str]]:
    """By id, each with the number that its order has."""
    found = payout_listing.recharges(session, staff().provider_id, ids)
    return {
        id_: (row, session.get_one(PayOrder, (row.provider_id, row.order_id)).out_trade_no)
        for id_, row in found.items()
    }


def _names(session: Session) -> dict[str, str]:
    people = session.execute(
        select(Staff.id, Staff.name).where(
            Staff.provider_id == staff().provider_id, Staff.merchant_id == staff().merchant_id
        )
    )
    return {f"staff:{row.id}": row.name for row in people}


def _actor(said: str | None, names: dict[str, str]) -> str:
    if not said:
        return ""
    if said == "law":
        return "无需审核"
    return "会员本人" if said.startswith("member:") else names.get(said, "服务商")


DONE = {
    "asked": "已提交。",
    "allowed": "已同意，退款已受理。钱退到会员账户后，这里显示「已办完」。",
    "refused": "已拒绝，会员能看到原因。",
    "paid": "已记录线下付款。",
}


def _page(found: Found, status: int = 200, **shown: Any) -> ResponseReturnValue:
    one, line = found.line.payout, found.line
    kind, text = CHIPS[one.status]
    is_owner = may(staff(), Right.PAYOUT_DECIDE)
    is_planned = one.status in (PayoutStatus.ASKED, PayoutStatus.ALLOWED)
    rows = planned_rows(found.planned, found.recharges) if is_planned else _part_rows(found)
    return answers.page(
        "merchant/payout.html",
        status,
        title="退余额申请",
        back_url=PAYOUTS,
        own_url=f"{PAYOUTS}/{one.id}",
        fen=sum(part.amount_fen for part in found.planned) if is_planned else _going(line),
        chip_kind=kind,
        chip=text,
        facts=_facts(found),
        member_url=f"{HOME}/{found.card.public_id}",
        rows=rows,
        is_overdue=line.is_overdue,
        due=day(one),
        kept_fen=sum(r["fen"] for r in rows if r.get("state") == "kept"),
        may_decide=is_owner and one.status is PayoutStatus.ASKED,
        may_pay=is_owner and one.status is PayoutStatus.RETURNING,
        hows=HOWS,
        done=DONE.get(request.args.get("done", ""), ""),
        **shown,
    )


def _facts(found: Found) -> list[tuple[str, str]]:
    one = found.line.payout
    is_open = one.due_at is not None
    facts = [
        ("会员", who(found.card, found.member)),
        ("卡号", spaced(found.card.number)),
        ("依据", _ground(one.ground)),
        ("申请人", _actor(one.asked_by, found.names)),
        ("申请时间", local_time(one.asked_at)),
        ("原因", one.reason),
        ("最迟退到", one.due_on.isoformat() if is_open else ""),
        ("退完后", "注销会员卡" if one.closes_card else ""),
        ("审核", _actor(one.decided_by, found.names)),
        ("审核时间", local_time(one.decided_at) if one.decided_by != "law" else ""),
        ("拒绝原因", one.refusal),
        ("结束时间", local_time(one.ended_at)),
    ]
    return [(label, value) for label, value in facts if value]


def _ground(ground: PayoutGround) -> str:
    if ground is PayoutGround.TERMS:
        return "会员卡章程，由管理员审核"
    return f"充值后 {deps().settings.card_cooling_days} 天内，无需理由和审核"


def planned_rows(
    parts: Sequence[Part], known: dict[int, tuple[Recharge, str]]
) -> list[dict[str, Any]]:
    return [
        _part(
            part.way, part.amount_fen, part.bonus_fen, part.deducted_fen,
            known.get(part.recharge.recharge_id) if part.recharge else None,
        )
        for part in parts
    ]  # fmt: skip


def _part(
    way: PartWay,
    fen: int,
    bonus_fen: int,
    deducted_fen: int,
    recharge: tuple[Recharge, str] | None,
) -> dict[str, Any]:
    at = recharge[0].settled_at if recharge else None
    return {
        "is_hand": way is PartWay.HAND,
        "label": "线下退" if way is PartWay.HAND else "原路退回微信支付",
        "recharge": f"{to_local(at).date()} 的充值" if at else "",
        "order_url": f"/m/orders/{recharge[1]}" if recharge else None,
        "fen": fen,
        "bonus_fen": bonus_fen,
        "deducted_fen": deducted_fen,
    }


STATES = {
    PartStatus.OPEN: "退款中",
    PartStatus.RETURNED: "已退回",
    PartStatus.KEPT: "没退成，已存回卡",
}
REFUNDS = {"waiting": "等待中：商户余额不足"}


def _part_rows(found: Found) -> list[dict[str, Any]]:
    rows = []
    for each in found.line.parts:
        part = each.part
        known = found.recharges.get(part.recharge_id) if part.recharge_id else None
        row = _part(part.way, part.amount_fen, part.bonus_fen, part.deducted_fen, known)
        is_hand = part.way is PartWay.HAND
        state = STATES[part.status]
        if part.status is PartStatus.OPEN:
            state = "待线下付款" if is_hand else REFUNDS.get(each.refund_status, state)
        elif is_hand and part.status is PartStatus.RETURNED:
            state = "已付"
        by = (part.how, part.reference, _actor(part.paid_by, found.names))
        row |= {
            "id": part.id,
            "state": part.status.value,
            "words": state,
            "by": " · ".join(word for word in by if word),
            "number": each.out_refund_no,
        }
        rows.append(row)
    return rows
