"""The form of an application, a step at a time: what is typed stays, whatever stands against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from blueprints.console import answers, too_large
from blueprints.console.applications import known
from errors import AppError
from models.application import CHANGEABLE
from services.applications import drafts
from services.applications.fields import BY_NAME, STEPS, Field, Step, of_step
from services.applications.pictures import Picture, drawn_anew
from services.applications.problems import (
    ApplicationChanged,
    ApplicationClosed,
    FieldWrong,
    NoApplication,
    PictureWrong,
)
from services.console.rights import Right
from web.runtime import deps

TEMPLATE = "console/application_step.html"


def show(number: int, step: str) -> ResponseReturnValue:
    at = _step(step)
    who = answers.operator()
    found = deps().transact(lambda s: drafts.opened(s, deps(), who, known(number)))
    if found.row.state not in CHANGEABLE:
        raise ApplicationClosed(f"application {number}")
    told = {name: _told(BY_NAME[name], why) for name, why in found.row.problems.items() if name}
    return answers.page(TEMPLATE, typed=found.values, problems=told, **_shown(found, at))


def save(number: int, step: str) -> ResponseReturnValue:
    """Keep the step and go on to the next, or show it again with what stands against it."""
    at = _step(step)
    who, version = answers.operator(), request.form.get("version", "")
    given, problems = _pictures(at)
    try:
        if not problems:
            problems = dict(
                drafts.save_step(
                    deps(), who, known(number), at, request.form, given,
                    version=int(version) if version.isdecimal() else 0,
                )
            )  # fmt: skip
    except ApplicationChanged as problem:
        problems = {"": problem}
    if problems:
        found = deps().transact(lambda s: drafts.opened(s, deps(), who, known(number)))
        return answers.form_again(TEMPLATE, problems, **_shown(found, at))
    return answers.see(f"/console/applications/{number}" + _onward(at))


def _too_large(typed: Mapping[str, str], _size: int) -> Response:
    """All pictures of the step together were more than is taken: what was typed is still there."""
    where = request.view_args or {}
    at, who = _step(str(where["step"])), answers.operator()
    found = deps().transact(lambda s: drafts.opened(s, deps(), who, known(int(where["number"]))))
    problem = PictureWrong("几张图片加起来太大，请缩小后分几次上传")
    return answers.page(TEMPLATE, 413, typed=typed, problems={"": problem}, **_shown(found, at))


too_large.FORMS["application_save"] = _too_large


def _onward(at: Step) -> str:
    steps = list(STEPS)
    after = steps.index(at) + 1
    return f"/{steps[after]}" if after < len(steps) and request.form.get("then") == "next" else ""


def _step(said: str) -> Step:
    try:
        return Step(said)
    except ValueError:
        raise NoApplication(f"step {said[:32]}") from None


def _pictures(at: Step) -> tuple[dict[str, Picture], dict[str, AppError]]:
    """What was chosen, drawn anew; a file that is no picture stands against its field."""
    given: dict[str, Picture] = {}
    problems: dict[str, AppError] = {}
    for field in of_step(at):
        file = request.files.get(field.name) if field.is_picture else None
        if file is None or not file.filename:
            continue
        try:
            given[field.name] = drawn_anew(file.read())
        except PictureWrong as problem:
            problems[field.name] = problem
    return given, problems


def _told(field: Field, why: object) -> AppError:
    return PictureWrong(str(why)) if field.is_picture else FieldWrong(str(why))


def _shown(found: drafts.Opened, at: Step) -> dict[str, Any]:
    steps = list(STEPS)
    place = steps.index(at)
    return {
        "row": found.row, "papers": found.papers, "step": at, "names": STEPS,
        "fields": of_step(at), "values": found.values,
        "before": steps[place - 1] if place else None, "is_last": place == len(steps) - 1,
        "may": answers.operator().may(Right.PAPERS),
    }  # fmt: skip
