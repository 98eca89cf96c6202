"""A set-up link: password, authenticator, recovery codes of an account, once. Signs nobody in."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError
from services.console import enrolment, set_up
from services.console.problems import PasswordWeak, SetUpOver
from services.payers import hashed
from web.customer import qr_png
from web.runtime import deps


def form() -> ResponseReturnValue:
    key = request.args.get("key", "")[:80]
    made = enrolment.begin(deps(), hashed(key), _username(key))
    return answers.page(
        "console/set_up.html", key=key, username=_username(key), made=made,
        qr=qr_png(made.uri), problems={},
    )  # fmt: skip


def send() -> ResponseReturnValue:
    key, typed = request.form.get("key", "")[:80], request.form
    username = _username(key)
    try:
        if typed.get("password", "") != typed.get("again", ""):
            raise PasswordWeak("两次输入的密码不一样")
        codes = set_up.finish(
            deps(), key, password=typed.get("password", ""), sealed=typed.get("sealed", ""),
            code=typed.get("code", "")[:12],
        )  # fmt: skip
    except SetUpOver:
        raise
    except AppError as problem:
        made = enrolment.again(deps(), typed.get("sealed", ""), hashed(key), username)
        field = "password" if isinstance(problem, PasswordWeak) else "code"
        return answers.form_again(
            "console/set_up.html", {field: problem}, key=key, username=username, made=made,
            qr=qr_png(made.uri),
        )  # fmt: skip
    return answers.page("console/recovery_codes.html", codes=codes, is_first=True)


def _username(key: str) -> str:
    """Whose link it is. Raises SetUpOver."""
    user = deps().transact(lambda s: set_up.user_of(s, key, deps().now()))
    if user is None:
        raise SetUpOver()
    return user.username
