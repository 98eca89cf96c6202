"""One member's own data, for the merchant's owner: a look at it, and forgetting it when asked."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.members import HOME, detail_page, find, spaced, staff
from errors import AppError
from models.card import CardStatus
from services.cards import people
from services.privacy import erasing, looks
from services.privacy.problems import CardMoving, CardNotEmpty
from web.runtime import deps


def look(public_id: str) -> ResponseReturnValue:
    """The whole phone and name: by a press, and each is remembered."""
    answers.check_token()

    def unit(session: Session) -> dict[str, str]:
        _, member = find(session, staff(), public_id)
        looks.note(session, deps(), staff(), f"member:{member.id}", "phone", "name")
        return {
            "phone": people.phone_of(deps(), member) or "",
            "name": people.name_of(deps(), member) or "",
        }

    return detail_page(public_id, deps().transact(unit))


def erase_form(public_id: str) -> ResponseReturnValue:
    return _form(public_id)


def _form(public_id: str, error: AppError | None = None) -> ResponseReturnValue:
    card, _ = deps().transact(lambda s: find(s, staff(), public_id))
    own, owed_fen = f"{HOME}/{public_id}", card.paid_fen + card.bonus_fen
    return answers.page(
        "merchant/member_erase.html",
        200 if error is None else error.status,
        title="删除个人信息",
        back_url=own,
        number=spaced(card.number),
        owed_fen=owed_fen,
        paid_fen=card.paid_fen,
        is_closed=card.status is CardStatus.CLOSED,
        payout_url=f"{own}/payout",
        action=f"{own}/erase",
        error=str(error) if error is not None else "",
        steps=error.steps if error is not None else (),
        codes=[error.code] if error is not None else [],
    )


def erase(public_id: str) -> ResponseReturnValue:
    """Ticked and pressed: it cannot be undone."""
    answers.check_token()
    deps().transact(lambda s: find(s, staff(), public_id))
    if request.form.get("sure") != "1":
        return answers.see(f"{HOME}/{public_id}/erase")
    try:
        erasing.erase_member(deps(), staff(), public_id)
    except (CardNotEmpty, CardMoving) as problem:
        return _form(public_id, problem)
    return answers.see(f"{HOME}/{public_id}?erased=1")
