"""子服务商: the list, adding and changing, moving merchants; and the provider's own people."""

from __future__ import annotations

import re
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import AppError
from services.merchants import people, sub_providers
from web.runtime import deps


def index() -> ResponseReturnValue:
    return page()


def page(status: int = 200, **more: Any) -> ResponseReturnValue:
    provider = answers.operator().provider

    def unit(session: Session) -> dict[str, Any]:
        return {
            "lines": sub_providers.listed(session, provider),
            "admins": people.admins(session, provider),
        }

    return answers.page(
        "console/sub_providers.html", status,
        **{"problems": {}, "typed": {}, **deps().transact(unit), **more},
    )  # fmt: skip


def add() -> ResponseReturnValue:
    return _save(None)


def change(number: int) -> ResponseReturnValue:
    return _save(number)


def _save(number: int | None) -> ResponseReturnValue:
    who, said = answers.operator(), request.form.get("version", "")
    try:
        sub_providers.save(
            deps(), who.provider, number, name=request.form.get("name", ""),
            remark=request.form.get("remark", ""),
            seen_version=int(said) if re.fullmatch(r"[0-9]{1,9}", said) else 0, actor=who.actor,
        )  # fmt: skip
    except AppError as problem:
        if problem.status == 404:
            raise
        return page(422, problems={"name": problem}, typed=request.form, editing=number)
    return answers.see("/console/sub-providers")


def move() -> ResponseReturnValue:
    """Merchants named one a line, or all of one sub-provider, to another or to none."""
    who = answers.operator()
    to, all_of = _number("to"), _number("all_of")
    out_ids = re.findall(r"[0-9A-Za-z_-]{4,32}", request.form.get("merchants", ""))[:5000]
    try:
        job = sub_providers.move(
            deps(), who.provider, to=to, out_ids=out_ids, all_of=all_of, actor=who.actor
        )
    except AppError as problem:
        if problem.status == 404:
            raise
        return page(422, problems={"merchants": problem}, typed=request.form)
    return answers.see(f"/console/jobs/{job}")


def _number(name: str) -> int | None:
    said = request.form.get(name, "")
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None
