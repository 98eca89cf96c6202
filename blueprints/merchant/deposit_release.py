"""A deposit given back in three taps, as a refund is: 退还, how much and why, 确认.

Each opened form has one random key, and the release's number comes from it: whatever is sent twice,
by a double tap, a lost answer or the back button, is one release.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from flask import g
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers, deposit_detail
from blueprints.merchant.deposit_detail import Found
from blueprints.merchant.refund import Typed, fen_of
from gateways.money import yuan_from_fen
from models.deposit import FreezeStatus, MoveKind, MoveStatus
from services.deposits import by_people
from services.deposits.by_people import GiveBack
from services.deposits.refusals import DepositBusy, DepositNotHeld, DepositRefused
from services.people.acting import Acting
from services.people.rights import Right, may
from services.refunds.refusals import RefundNoRight
from web.formats import money
from web.runtime import deps

REASONS: Final = ("已归还，不扣款", "顾客取消", "多冻结了", "其他")
WAY_BACK: Final = {
    "wechat": "解冻后回到顾客的微信支付，通常马上到账。",
    "alipay": "解冻后回到顾客的支付宝，通常马上到账。",
}
TOLD: Final = {
    MoveStatus.CREATED: "已提交。钱包在冻结后的前 16 秒不接受退还，到时会自动退，不要重复操作。",
    MoveStatus.UNKNOWN: "钱包还没有回音，正在查，不要重复退还。",
    MoveStatus.DONE: "钱已经退给顾客。",
    MoveStatus.FAILED: "没有退出去，钱仍冻结着，可以再退。",
}
KINDS: Final = {
    MoveStatus.CREATED: "info", MoveStatus.UNKNOWN: "warn", MoveStatus.DONE: "ok",
    MoveStatus.FAILED: "bad",
}  # fmt: skip


def may_give_back(who: Acting) -> bool:
    """Whether it is offered. What counts is read again, under the lock, when it is asked for."""
    return may(who, Right.DEPOSIT_BACK) and who.can_refund


def form(out_freeze_no: str) -> ResponseReturnValue:
    found = _find(out_freeze_no)
    full = yuan_from_fen(found.most_fen)
    typed = Typed(full, REASONS[0], "", secrets.token_urlsafe(16), "", False)
    return _page("merchant/deposit_release.html", found, typed)


def send(out_freeze_no: str) -> ResponseReturnValue:
    """First shown as it would be, then done."""
    answers.check_token()
    who: Acting = g.staff
    typed = Typed.from_form(REASONS)
    fen = fen_of(typed.amount)
    is_large = fen >= deps().settings.refund_confirm_fen
    if fen and typed.key and typed.is_sure and (not is_large or fen_of(typed.again) == fen):
        return _do(who, out_freeze_no, typed, fen)
    found = _find(out_freeze_no)
    if not fen or not typed.key:
        return _again(found, typed, "填写要退还的金额，最多两位小数")
    if fen > found.most_fen:
        return _again(found, typed, f"最多可退还 {money(found.most_fen)}")
    if not _parts(found) and fen != found.most_fen:
        return _again(found, typed, f"微信押金只能整笔退还 {money(found.most_fen)}")
    said = "两次填的金额不一样，没有退还" if typed.is_sure and typed.again else ""
    return _sure(found, typed, fen, is_second=typed.is_sure, error=said)


def _find(out_freeze_no: str) -> Found:
    """One that can be given back now. Raises as the release would."""
    found = deposit_detail.find(g.staff, out_freeze_no)
    if not may_give_back(g.staff):
        raise RefundNoRight("没有退还押金的权限，请有退款权限的店长或商户管理员操作")
    if found.row.status is not FreezeStatus.FROZEN:
        raise DepositNotHeld
    if not found.most_fen:
        raise DepositBusy
    return found


def _do(who: Acting, out_freeze_no: str, typed: Typed, fen: int) -> ResponseReturnValue:
    """Who may not is refused by the service, in the transaction that would have held room."""
    found = deposit_detail.find(who, out_freeze_no)
    number = number_of(who, out_freeze_no, typed.key)
    try:
        by_people.give_back(deps(), who, GiveBack(out_freeze_no, number, fen, typed.why))
    except DepositRefused as error:
        if not found.most_fen:
            raise
        return _again(found, typed, str(error) if error.detail else error.title, error.status)
    return answers.see(f"{deposit_detail.url_of(out_freeze_no)}?release={number}")


def number_of(who: Acting, out_freeze_no: str, key: str) -> str:
    """The release's number of one opened form; begins as the hold's does, at most 32 long."""
    own = f"{who.actor}:{out_freeze_no}:{key}"
    return f"{out_freeze_no[:18]}U{deps().ring.blind(own, 'release-form')[:13]}"


def _parts(found: Found) -> bool:
    return by_people.releases_parts(deps(), found.row)


def _again(found: Found, typed: Typed, error: str, status: int = 400) -> ResponseReturnValue:
    return _page("merchant/deposit_release.html", found, typed, status, error=error)


def _sure(
    found: Found, typed: Typed, fen: int, *, is_second: bool, error: str
) -> ResponseReturnValue:
    return _page(
        "merchant/deposit_release_sure.html", found, typed, 400 if error else 200,
        fen=fen, left_fen=found.row.left_fen - fen, is_second=is_second, error=error,
    )  # fmt: skip


def _page(
    template: str, found: Found, typed: Typed, status: int = 200, **shown: Any
) -> ResponseReturnValue:
    """A sheet over the hold that it is about."""
    own = deposit_detail.url_of(found.row.out_freeze_no)
    return answers.page(
        template,
        status,
        **deposit_detail.shown(found),
        row=found.row,
        own_url=own,
        action=f"{own}/release",
        room_fen=found.most_fen,
        in_parts=_parts(found),
        typed=typed,
        reasons=REASONS,
        way_back=WAY_BACK[found.row.channel],
        confirm_fen=deps().settings.refund_confirm_fen,
        **shown,
    )


def said(found: Found, number: str) -> dict[str, Any]:
    """How the release just asked for stands."""
    for one in found.moves:
        if number and one.kind is MoveKind.RELEASE and one.number == number:
            return {
                "note": f"退还 {money(one.amount_fen)}：{TOLD[one.status]}",
                "note_kind": KINDS[one.status],
                "note_role": "status",
            }
    return {}
