"""The own account: password, second factor, recovery codes, sessions."""

from __future__ import annotations

from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError, BadInput
from services.console import enrolment, own, recovery
from services.console.problems import CodeRefused, PasswordWeak, PasswordWrong
from web.customer import qr_png
from web.runtime import deps

# The first mark that is found: others carry the names of their elders, too.
BROWSERS: Final = (
    ("Edg", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
SYSTEMS: Final = (
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "macOS"),
    ("Android", "Android"), ("Linux", "Linux"),
)  # fmt: skip


def show() -> ResponseReturnValue:
    who, now = answers.operator(), deps().now()

    def read(session: Any) -> tuple[Any, int]:
        return own.sessions(session, who.user_id, now), recovery.left(session, who.user_id)

    sessions, left = deps().transact(read)
    mine = next((one for one in sessions if one.id_hash == who.session_hash), None)
    return answers.page(
        "console/me.html", sessions=sessions, mine=mine, left=left, most=recovery.HOW_MANY,
        browser=browser_of,
    )  # fmt: skip


def browser_of(agent: str) -> str:
    """A browser and its system as people call them; what is not known is said as it came."""
    found = [
        next((name for mark, name in marks if mark in agent), "") for marks in (BROWSERS, SYSTEMS)
    ]
    return "，".join(word for word in found if word) or agent[:60] or "未知浏览器"


def password_form() -> ResponseReturnValue:
    return answers.page("console/me_password.html", problems={})


def password() -> ResponseReturnValue:
    form = request.form
    try:
        if form.get("new", "") != form.get("again", ""):
            raise PasswordWeak("两次输入的新密码不一样")
        own.change_password(
            deps(), answers.operator(), old=form.get("old", ""), new=form.get("new", ""),
            code=form.get("code", "")[:12],
        )  # fmt: skip
    except AppError as problem:
        fields: dict[type[AppError], str] = {PasswordWrong: "old", PasswordWeak: "new"}
        field = fields.get(type(problem), "code")
        return answers.form_again("console/me_password.html", {field: problem})
    return answers.see("/console/me")


def second_factor_form() -> ResponseReturnValue:
    who = answers.operator()
    made = enrolment.begin(deps(), who.session_hash, who.username)
    return answers.page(
        "console/me_second_factor.html", made=made, qr=qr_png(made.uri), problems={}
    )


def second_factor() -> ResponseReturnValue:
    """Asks for the password and the second factor so far in its own form: a lost one is replaced
    by a recovery code."""
    who, form = answers.operator(), request.form
    sealed = form.get("sealed", "")
    try:
        codes = own.change_second_factor(
            deps(), who, password=form.get("password", ""), code=form.get("code", "")[:40],
            sealed=sealed, new_code=form.get("new_code", "")[:12],
        )  # fmt: skip
    except AppError as problem:
        made = enrolment.again(deps(), sealed, who.session_hash, who.username)
        return answers.form_again(
            "console/me_second_factor.html", {_field(problem): problem},
            made=made, qr=qr_png(made.uri),
        )  # fmt: skip
    return answers.page("console/recovery_codes.html", codes=codes, is_first=False)


def _field(problem: AppError) -> str:
    if isinstance(problem, PasswordWrong):
        return "password"
    is_new = isinstance(problem, CodeRefused) and "二维码" in problem.detail
    return "new_code" if is_new else "code"


def renew_codes() -> ResponseReturnValue:
    codes = own.renew_recovery(deps(), answers.operator())
    return answers.page("console/recovery_codes.html", codes=codes, is_first=False)


def end_session() -> ResponseReturnValue:
    who, handle = answers.operator(), request.form.get("session", "")
    if len(handle) != own.HANDLE:
        raise BadInput("没有说是哪个登录")
    deps().transact(lambda s: own.end_session(s, who.user_id, handle, deps().now()))
    return answers.see("/console/me")
