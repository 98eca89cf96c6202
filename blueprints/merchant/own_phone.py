"""`/m/me/phone`: one's own phone, what it is for, and taking the yes back."""

from __future__ import annotations

from typing import Final

from flask import g, request
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers
from errors import AppError
from models.consent import ConsentKind
from services.people import own_phone
from services.people.problems import PeopleRefused
from services.privacy.consents import WORDS, Agreed
from services.privacy.problems import ConsentMissing
from web.formats import local_time
from web.runtime import deps

DONE: Final = {
    "agreed": "已保存：收款通知可以发短信到这个号码。",
    "withdrawn": "已撤回同意，手机号已删除。",
}


def show(error: AppError | None = None) -> ResponseReturnValue:
    kept = deps().transact(lambda s: own_phone.read(s, deps(), g.staff))
    words = WORDS[ConsentKind.STAFF_PHONE]
    said = ""
    if error is not None:
        said = str(error) if not str(error).isascii() else error.title
    return answers.page(
        "merchant/own_phone.html",
        200 if error is None else error.status,
        title="我的手机号",
        back_url="/m/me",
        phone=kept.phone,
        agreed_at=local_time(kept.agreed_at),
        words=words.zh,
        version=words.version,
        may_keep=not g.staff.role.is_providers,
        done=DONE.get(request.args.get("done", ""), ""),
        error=said,
    )


def agree() -> ResponseReturnValue:
    answers.check_token()
    typed, agreed = request.form.get("phone", "")[:40], Agreed(request.form.get("agree", "")[:8])
    try:
        own_phone.agree(deps(), g.staff, typed, agreed)
    except (PeopleRefused, ConsentMissing) as problem:
        return show(problem)
    return answers.see("/m/me/phone?done=agreed")


def withdraw() -> ResponseReturnValue:
    answers.check_token()
    try:
        own_phone.withdraw(deps(), g.staff)
    except PeopleRefused as problem:
        return show(problem)
    return answers.see("/m/me/phone?done=withdrawn")
