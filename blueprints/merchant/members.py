"""`/m/members`: a merchant's members, one member's history, and adjusting a balance."""

from __future__ import annotations

import secrets
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from errors import AppError, BadInput, NotFound
from gateways.money import fen_from_yuan, yuan_from_fen
from models.card import CardProgram, CardStatus, Member, MemberCard, ProgramStatus
from models.ledger import MovementKind
from models.merchant import Staff
from services.cards import adjusting, history, members, programs
from services.cards.adjusting import Adjustment
from services.cards.history import Line
from services.cards.members import MemberLine
from services.people.acting import Acting
from services.people.rights import Right, may
from web.formats import local_short, local_time
from web.runtime import deps

HOME = "/m/members"
PAGE = 20
STATES = {
    ProgramStatus.DRAFT: "草稿，尚未提交审核",
    ProgramStatus.AUDITING: "审核中，通过后顾客才能领取",
    ProgramStatus.REJECTED: "审核未通过",
    ProgramStatus.SUSPENDED: "已暂停：不能领卡和充值，付款和退款照常",
}
KINDS = {
    MovementKind.RECHARGE: "充值",
    MovementKind.RECHARGE_BACK: "充值退回",
    MovementKind.RECHARGE_KEPT: "充值退回未成，已存回",
    MovementKind.PAY: "消费",
    MovementKind.PAY_BACK: "消费退款",
    MovementKind.ADJUST: "调整",
    MovementKind.IMPORT: "导入",
    MovementKind.BONUS_EXPIRED: "赠送到期",
    MovementKind.PAID_OUT: "余额退还",
}


def staff() -> Acting:
    found: Acting = g.staff
    return found


def show() -> ResponseReturnValue:
    """The newest members, or who was searched for; a clerk only searches."""
    wanted = "".join(c for c in request.args.get("q", "") if c.isprintable()).strip()[:40]
    program = deps().transact(lambda s: _program(s, staff()))
    if program is None:
        return answers.page("merchant/members.html", title="会员", q="", nothing=True)
    sees_all = may(staff(), Right.MEMBERS)
    before = _number(request.args.get("before", ""))
    found: list[MemberLine] = []
    place = (deps(), staff().provider_id, staff().merchant_id)
    if wanted:
        found = members.search(*place, wanted)
    elif sees_all:
        found = members.newest(*place, before_id=before, most=PAGE)
    is_full = not wanted and len(found) == PAGE
    return answers.page(
        "merchant/members.html",
        title="会员",
        q=wanted,
        rows=[_row(line, sees_all=sees_all) for line in found],
        sees_all=sees_all,
        links=_links(),
        state=STATES.get(program.status, ""),
        reason=program.reject_reason if program.status is ProgramStatus.REJECTED else "",
        older_url=f"{HOME}?before={found[-1].card_id}" if is_full else None,
        back_url="/m/orders",
    )


def _program(session: Session, who: Acting) -> CardProgram | None:
    return programs.alive_program(session, who.provider_id, who.merchant_id)


def _links() -> list[dict[str, str]]:
    wanted = (
        (Right.FIGURES, "门店统计", f"{HOME}/figures"),
        (Right.PAYOUTS, "退余额", f"{HOME}/payouts"),
        (Right.SWITCH, "门店开关", "/m/stores"),
        (Right.IMPORT, "导入老会员", f"{HOME}/import"),
        (Right.EXPORT, "导出会员", f"{HOME}/export.csv"),
    )
    return [{"label": label, "href": url} for right, label, url in wanted if may(staff(), right)]


def _number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def _row(line: MemberLine, *, sees_all: bool) -> dict[str, Any]:
    return {
        "who": " · ".join(part for part in (line.name, line.phone) if part) or "未验证手机号",
        "number": spaced(line.number),
        "balance_fen": line.balance_fen if sees_all else None,
        "chip": "已注销" if line.status is CardStatus.CLOSED else "",
        "href": f"{HOME}/{line.public_id}" if sees_all else None,
    }


def spaced(number: str) -> str:
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def find(session: Session, who: Acting, public_id: str) -> tuple[MemberCard, Member]:
    """A card of this person's own merchant. Raises NotFound for any other."""
    row = session.execute(
        select(MemberCard, Member)
        .join(
            Member,
            (Member.provider_id == MemberCard.provider_id) & (Member.id == MemberCard.member_id),
        )
        .where(
            MemberCard.provider_id == who.provider_id,
            MemberCard.merchant_id == who.merchant_id,
            MemberCard.public_id == public_id,
            MemberCard.claimed_at.is_not(None),
        )
    ).first()
    if row is None:
        raise NotFound(public_id)
    return row[0], row[1]


def detail(public_id: str) -> ResponseReturnValue:
    """One member, masked."""
    return detail_page(public_id)


def detail_page(public_id: str, plain: dict[str, str] | None = None) -> ResponseReturnValue:
    """`plain` holds the whole phone and name, for whoever may and has asked for them."""
    before = _number(request.args.get("before", ""))
    card, member, lines, names = deps().transact(lambda s: _read(s, public_id, before))
    line = members.line(deps(), card, member)
    is_full = len(lines) == history.PAGE
    own, is_live = f"{HOME}/{public_id}", card.status is not CardStatus.CLOSED
    may_look, is_known = may(staff(), Right.PERSONAL), bool(line.phone or line.name)
    return answers.page(
        "merchant/member_detail.html",
        title="会员详情",
        line=line,
        number=spaced(line.number),
        held_fen=card.held_fen,
        plain=plain,
        look_url=f"{own}/person" if may_look and is_known and plain is None else None,
        erase_url=f"{own}/erase" if may_look and (is_live or is_known) else None,
        claimed_at=local_time(line.claimed_at),
        rows=[_movement(one, names) for one in lines],
        adjust_url=f"{own}/adjust" if may(staff(), Right.ADJUST) else None,
        payout_url=f"{own}/payout" if is_live and may(staff(), Right.PAYOUT_DECIDE) else None,
        csv_url=f"{own}/history.csv" if may(staff(), Right.EXPORT) else None,
        older_url=f"{own}?before={lines[-1].last_id}" if is_full else None,
        back_url=HOME,
        was_adjusted=request.args.get("adjusted") is not None,
        was_erased=request.args.get("erased") is not None,
    )


def _read(
    session: Session, public_id: str, before: int | None
) -> tuple[MemberCard, Member, list[Line], dict[str, str]]:
    """The last part says by `staff:<id>` what a person of the merchant is called."""
    card, member = find(session, staff(), public_id)
    lines = history.page(session, card.provider_id, card.id, before=before)
    people = session.execute(
        select(Staff.id, Staff.name).where(
            Staff.provider_id == card.provider_id, Staff.merchant_id == card.merchant_id
        )
    )
    return card, member, lines, {f"staff:{row.id}": row.name for row in people}


def _movement(line: Line, names: dict[str, str]) -> dict[str, Any]:
    notes = [line.store, line.reason, names.get(line.actor, "")]
    if line.bonus_fen and line.paid_fen:
        notes.append(f"其中赠送 {yuan_from_fen(abs(line.bonus_fen))}")
    return {
        "label": KINDS.get(line.kind, line.kind.value),
        "at": local_short(line.at, deps().now()),
        "note": " · ".join(part for part in notes if part),
        "order_url": f"/m/orders/{line.order}" if line.order else None,
        "fen": line.total_fen,
        "balance_fen": line.balance_fen,
    }


def adjust_form(public_id: str) -> ResponseReturnValue:
    return _adjust_page(public_id)


def _adjust_page(public_id: str, **shown: Any) -> ResponseReturnValue:
    card, member = deps().transact(lambda s: find(s, staff(), public_id))
    line = members.line(deps(), card, member)
    values = {"way": "more", "amount": "", "reason": "", "key": secrets.token_urlsafe(16)}
    return answers.page(
        "merchant/member_adjust.html",
        shown.pop("status", 200),
        title="调整余额",
        line=line,
        number=spaced(line.number),
        action=f"{HOME}/{public_id}/adjust",
        back_url=f"{HOME}/{public_id}",
        **{**values, **shown},
    )


def adjust(public_id: str) -> ResponseReturnValue:
    """First shown as it would be, then done; the same form sent twice is done once."""
    answers.check_token()
    typed = {name: request.form.get(name, "")[:200] for name in ("way", "amount", "reason", "key")}
    card, _ = deps().transact(lambda s: find(s, staff(), public_id))
    try:
        fen = fen_from_yuan(typed["amount"]) * (-1 if typed["way"] == "less" else 1)
        adjusting.check(fen, typed["reason"], typed["key"])
    except (ValueError, BadInput):
        said = "填写大于 0 的金额（最多两位小数）和 1 到 80 字的原因"
        return _adjust_page(public_id, status=400, error=said, **typed)
    if request.form.get("sure") != "1":
        return _adjust_page(public_id, sure_fen=fen, **typed)
    wanted = Adjustment(card.number, fen, typed["reason"], typed["key"])
    try:
        adjusting.adjust_as_staff(deps(), staff().provider_id, staff().public_id, wanted)
    except AppError as error:
        return _adjust_page(public_id, status=error.status, error=str(error), **typed)
    return answers.see(f"{HOME}/{public_id}?adjusted=1")
