"""`/m/me`: who one is here, one's own settings, and the way to another role."""

from __future__ import annotations

from typing import Final

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from models.merchant import Staff
from services.people import staff as people
from services.people.acting import Acting
from services.people.problems import PeopleRefused
from services.people.rights import Right, may
from web.runtime import deps

DONE: Final = {"password": "收银台密码已改。"}


def show(error: str = "", status: int = 200) -> ResponseReturnValue:
    who: Acting = g.staff

    def unit(session: Session) -> Staff | None:
        return None if who.role.is_providers else session.get(Staff, (who.provider_id, who.id))

    row = deps().transact(unit)
    return answers.page(
        "merchant/me.html",
        status,
        title="我的",
        back_url="/m/",
        who=who,
        row=row,
        may_duty=may(who, Right.DUTY),
        may_shifts=may(who, Right.SHIFTS),
        may_switch=g.holder is not None,
        may_official=may(who, Right.OFFICIAL),
        may_receipt=may(who, Right.RECEIPT),
        error=error,
        done=DONE.get(request.args.get("done", ""), ""),
    )


def password() -> ResponseReturnValue:
    answers.check_token()
    try:
        people.set_password(deps(), g.staff, None, request.form.get("password", "")[:200])
    except PeopleRefused as problem:
        return show(str(problem), problem.status)
    return answers.see("/m/me?done=password")
