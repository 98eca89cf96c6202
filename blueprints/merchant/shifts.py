"""`/m/shift`: clocking in and out, and the slips of shifts."""

from __future__ import annotations

from typing import Any, Final

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from errors import NotFound
from models.merchant import Staff, Store
from models.paycode import PayCode
from models.people import Shift, ShiftState
from services.people import duty
from services.people.acting import Acting
from services.people.duty import SlipRow
from services.people.rights import Right, may
from services.totals import RECHARGE
from web.formats import local_short, local_time
from web.runtime import deps

HOME: Final = "/m/shift"
PAGE: Final = 20
CHIPS: Final = {
    ShiftState.ON: ("ok", "上班中"),
    ShiftState.SUMMING: ("info", "生成中"),
    ShiftState.DONE: ("", "已交班"),
}
WALLETS: Final = {"wechat": "微信支付", "alipay": "支付宝", "balance": "会员卡"}


def show() -> ResponseReturnValue:
    who: Acting = g.staff
    typed = request.args.get("before", "")
    before = _number(typed) if typed else None

    def unit(session: Session) -> dict[str, Any]:
        now_on = duty.current(session, who) if may(who, Right.DUTY) else None
        rows = duty.listed(session, who, before=before, most=PAGE)
        codes = duty.codes_of(session, who) if may(who, Right.DUTY) and now_on is None else ()
        return {
            "now_on": None if now_on is None else _line(session, now_on),
            "figures": None if now_on is None else _figures(_running(session, now_on)),
            "codes": [(code.code, code.name or code.code) for code in codes],
            "rows": [_line(session, row) for row in rows if row is not now_on],
            "older_url": f"{HOME}?before={rows[-1].id}" if len(rows) == PAGE else None,
        }

    shown = deps().transact(unit)
    return answers.page(
        "merchant/shifts.html",
        title="交接班",
        may_duty=may(who, Right.DUTY),
        **shown,
    )


def begin() -> ResponseReturnValue:
    answers.check_token()
    code = request.form.get("code", "")[:24]
    duty.clock_in(deps(), g.staff, code or None)
    return answers.see(HOME)


def end() -> ResponseReturnValue:
    """Hand over: the slip's page is there at once, and says 生成中 until it is made."""
    answers.check_token()
    return answers.see(f"{HOME}/{duty.clock_out(deps(), g.staff)}")


def slip(number: str) -> ResponseReturnValue:
    who: Acting = g.staff

    def unit(session: Session) -> dict[str, Any]:
        shift = duty.find(session, who, _number(number))
        made = duty.slip_of(shift)
        rows = _running(session, shift) if shift.state is ShiftState.ON else made
        return {
            "line": _line(session, shift),
            "facts": _facts(session, shift),
            "figures": None if rows is None else _figures(rows),
            "late": [_row(row) for row in duty.late_of(session, shift)],
            "is_waiting": shift.state is ShiftState.SUMMING,
            "is_own": shift.staff_id == who.id and not who.role.is_providers,
        }

    return answers.page(
        "merchant/shift.html", title="交班小票", back_url=HOME, **deps().transact(unit)
    )


def _running(session: Session, shift: Shift) -> list[SlipRow]:
    return duty.counted(session, shift, deps().now())


def _line(session: Session, shift: Shift) -> dict[str, Any]:
    kind, text = CHIPS[shift.state]
    ended = local_short(shift.ended_at, deps().now()) if shift.ended_at else "现在"
    return {
        "href": f"{HOME}/{shift.id}",
        "who": session.get_one(Staff, (shift.provider_id, shift.staff_id)).name,
        "place": _place(session, shift),
        "span": f"{local_short(shift.started_at, deps().now())} 到 {ended}",
        "chip_kind": kind,
        "chip": text,
        "net_fen": None if shift.slip is None else _figures(duty.slip_of(shift) or [])["net_fen"],
    }


def _place(session: Session, shift: Shift) -> str:
    store = session.get_one(Store, (shift.provider_id, shift.store_id))
    place = store.branch_name or store.name
    if shift.pay_code_id is None:
        return f"{place} · 整个门店"
    code = session.get_one(PayCode, (shift.provider_id, shift.pay_code_id))
    return f"{place} · {code.name or code.code}"


def _facts(session: Session, shift: Shift) -> list[tuple[str, str]]:
    line = _line(session, shift)
    facts = [("店员", line["who"]), ("地点", line["place"])]
    facts.append(("上班", local_time(shift.started_at)))
    if shift.ended_at is not None:
        facts.append(("下班", local_time(shift.ended_at)))
    if shift.ended_by and shift.ended_by != f"staff:{shift.staff_id}":
        facts.append(("交班方式", "由管理员结束"))
    return facts


def _figures(rows: list[SlipRow]) -> dict[str, Any]:
    """The takings, as the home page counts them: what cards paid stands beside them."""
    taken = [row for row in rows if row.channel != "balance"]
    paid, back = sum(r.paid_fen for r in taken), sum(r.refund_fen for r in taken)
    return {
        "paid_count": sum(r.paid_count for r in taken),
        "paid_fen": paid,
        "refund_count": sum(r.refund_count for r in taken),
        "refund_fen": back,
        "net_fen": paid - back,
        "rows": [_row(row) for row in rows],
    }


def _row(row: SlipRow) -> dict[str, Any]:
    wallet = row.channel.removeprefix(RECHARGE)
    name = WALLETS.get(wallet, wallet)
    return {
        "name": f"会员充值 · {name}" if row.channel.startswith(RECHARGE) else name,
        "is_card": row.channel == "balance",
        "paid_count": row.paid_count,
        "paid_fen": row.paid_fen,
        "refund_count": row.refund_count,
        "refund_fen": row.refund_fen,
        "net_fen": row.paid_fen - row.refund_fen,
    }


def _number(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) < 19):
        raise NotFound(typed[:40])
    return int(typed)
