"""`/m/notices`: what one is told of payments and when, and which notices did not arrive."""

from __future__ import annotations

from typing import Any, Final

from flask import g, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from errors import Forbidden
from gateways.money import yuan_from_fen
from models.merchant import Staff
from services.payment_notices import choices, setting, trouble
from services.payment_notices.choices import Choice
from services.people import staff as people
from services.people.acting import Acting, Role
from services.people.problems import PeopleRefused
from services.people.rights import Right, may
from web.formats import local_short
from web.runtime import deps

FIELDS: Final = ("quiet_from", "quiet_until", "large")


def show(error: str = "", status: int = 200, typed: dict[str, Any] | None = None) -> Response:
    who: Acting = g.staff

    def unit(session: Session) -> dict[str, Any]:
        row = None if who.role.is_providers else session.get(Staff, (who.provider_id, who.id))
        return {
            "row": row,
            "form": typed or _form(choices.of_person(session, who.provider_id, who.person_id), row),
            "is_on": setting.is_on(session, who.provider_id),
            "rows": [_line(one) for one in trouble.found(session, deps(), who)],
        }

    return answers.page(
        "merchant/notices.html",
        status,
        title="到账通知",
        back_url="/m/me",
        is_owner=who.role is Role.OWNER,
        sees_all=may(who, Right.STAFF),
        usual_fen=deps().settings.notice_large_fen,
        error=error,
        done="已保存。" if request.args.get("done") == "1" else "",
        **deps().transact(unit),
    )


def save() -> ResponseReturnValue:
    """All of the form at once. What is wrong stands on the page, with what was typed."""
    answers.check_token()
    who: Acting = g.staff
    if who.role.is_providers:
        raise Forbidden("服务商的人不接收门店的到账通知")
    typed: dict[str, Any] = {name: request.form.get(name, "")[:20] for name in FIELDS}
    typed |= {"on": request.form.get("on") == "1", "all": request.form.get("all") == "1"}
    try:
        choice = choices.read(
            typed["quiet_from"], typed["quiet_until"], typed["large"],
            all_payments=typed["all"] and who.role is Role.OWNER,
        )  # fmt: skip
        choices.save(deps(), who, choice)
        people.set_notices(deps(), who, wants=typed["on"])
    except PeopleRefused as problem:
        return show(str(problem), problem.status, typed)
    return answers.see("/m/notices?done=1")


def _form(choice: Choice, row: Staff | None) -> dict[str, Any]:
    return {
        "on": row is not None and row.wants_notices,
        "all": choice.all_payments,
        "quiet_from": f"{choice.quiet_from:%H:%M}" if choice.quiet_from else "",
        "quiet_until": f"{choice.quiet_until:%H:%M}" if choice.quiet_until else "",
        "large": yuan_from_fen(choice.large_fen).removesuffix(".00") if choice.large_fen else "",
    }


def _line(one: trouble.Trouble) -> dict[str, Any]:
    return {
        "one": one,
        "when": local_short(one.last_at, deps().now()),
        "href": f"/m/orders/{one.last_number}",
    }
