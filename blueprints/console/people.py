"""Accounts of the provider: who may do what, set-up links, switching off."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError
from models.console import ConsoleRole
from services.console import members
from services.console.problems import NameMissing, RoleUnfit, UsernameUnfit
from services.console.rights import ROLE_NAMES
from web.runtime import deps

FIELDS = {UsernameUnfit: "username", NameMissing: "name", RoleUnfit: "role"}
MEANINGS = {
    ConsoleRole.ADMIN: "全部，包括密钥、账号和日志",
    ConsoleRole.OPERATOR: "商户、支付后页面、点金计划、对账、导出",
    ConsoleRole.VIEWER: "只看，什么也不能改",
}
CHOICES = [(role.value, name, MEANINGS[role]) for role, name in ROLE_NAMES.items()]


def show() -> ResponseReturnValue:
    who, now = answers.operator(), deps().now()
    found = deps().transact(lambda s: members.listed(s, who.provider, now))
    return answers.page("console/people.html", people=found, role_names=ROLE_NAMES)


def new() -> ResponseReturnValue:
    return answers.page("console/people_new.html", choices=CHOICES, typed={}, problems={})


def add() -> ResponseReturnValue:
    form = request.form
    try:
        added = members.add(
            deps(), answers.operator(),
            username=form.get("username", "")[:80], name=form.get("name", "")[:80], role=_role(),
        )  # fmt: skip
    except AppError as problem:
        field = FIELDS.get(type(problem), "username")
        return answers.form_again("console/people_new.html", {field: problem}, choices=CHOICES)
    return answers.page("console/people_link.html", added=added, is_new=True)


def one(number: int) -> ResponseReturnValue:
    return _page(number)


def _page(number: int, status: int = 200, problem: AppError | None = None) -> ResponseReturnValue:
    who, now = answers.operator(), deps().now()
    found = deps().transact(lambda s: members.one(s, who.provider, number, now))
    return answers.page(
        "console/person.html", status, person=found, choices=CHOICES, role_names=ROLE_NAMES,
        problem=problem, is_self=found.user_id == who.user_id,
    )  # fmt: skip


def set_role(number: int) -> ResponseReturnValue:
    try:
        members.set_role(deps(), answers.operator(), number, _role())
    except AppError as problem:
        return _refused(number, problem)
    return answers.see(f"/console/people/{number}")


def switch(number: int) -> ResponseReturnValue:
    try:
        members.switch(deps(), answers.operator(), number, on=request.form.get("on") == "1")
    except AppError as problem:
        return _refused(number, problem)
    return answers.see(f"/console/people/{number}")


def link(number: int) -> ResponseReturnValue:
    try:
        added = members.fresh_link(deps(), answers.operator(), number)
    except AppError as problem:
        return _refused(number, problem)
    return answers.page("console/people_link.html", added=added, is_new=False)


def end_sessions(number: int) -> ResponseReturnValue:
    members.end_sessions(deps(), answers.operator(), number)
    return answers.see(f"/console/people/{number}")


def _role() -> ConsoleRole:
    try:
        return ConsoleRole(request.form.get("role", ""))
    except ValueError as error:
        raise RoleUnfit() from error


def _refused(number: int, problem: AppError) -> ResponseReturnValue:
    """On the person's own page; somebody who is not there is told as such."""
    if problem.status == 404:
        raise problem
    return _page(number, problem.status, problem)
