"""「允许这台收银机登录」: whoever works in the shop lets a till in that shows its code."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers
from blueprints.merchant.stores import who
from services.devices import tills
from services.stores.reading import name_of
from web.formats import local_time
from web.runtime import deps


def show(activator: str) -> ResponseReturnValue:
    found = deps().transact(lambda s: tills.find(s, deps(), who(), activator))
    return answers.page(
        "merchant/till.html",
        title="收银机登录",
        store=name_of(found.store),
        kind=tills.TYPES.get(found.login.terminal_type, "收银机"),
        asked=local_time(found.login.created_at),
        action=f"{tills.PAGE}/{activator}",
        done="",
        back_url="/m/",
        tabs=None,
    )


def decide(activator: str) -> ResponseReturnValue:
    answers.check_token()
    is_granted = request.form.get("allow") == "1"
    tills.decide(deps(), who(), activator, is_granted=is_granted)
    return answers.page(
        "merchant/till.html",
        title="收银机登录",
        done="已允许，收银机马上登录。" if is_granted else "已拒绝，收银机不会登录。",
        back_url="/m/",
    )
