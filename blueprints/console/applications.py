"""特约商户进件: the list, one application as it stands, and what may be done to it."""

from __future__ import annotations

import re
from typing import Final

from flask import Response, request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError
from models.application import CHANGEABLE, ApplicationState
from services.applications import drafts, reading
from services.applications.fields import STEPS, Step
from services.applications.problems import ApplicationIncomplete, NoApplication
from services.console.rights import Right
from web.assets import linked_headers
from web.qr import svg_uri
from web.runtime import deps

TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "bmp": "image/bmp"}
LARGEST: Final = 1 << 63


def index() -> ResponseReturnValue:
    said = request.args.get("before", "")
    before = int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None
    provider_id = answers.operator().provider
    rows = deps().transact(lambda s: reading.listed(s, provider_id, before=before))
    return answers.page(
        "console/applications.html", rows=rows, states=reading.STATES, is_first=before is None,
        last=rows[-1].id if len(rows) == reading.PAGE else None,
    )  # fmt: skip


def begin() -> ResponseReturnValue:
    number = drafts.begin(deps(), answers.operator())
    return answers.see(f"/console/applications/{number}/{Step.CONTACT}")


def show(number: int) -> ResponseReturnValue:
    """How it stands, for whoever sees merchants; the form itself is for fewer."""
    return _page(number)


def _page(number: int, problem: AppError | None = None) -> Response:
    who = answers.operator()
    found = deps().transact(lambda s: reading.shown(s, who.provider, known(number)))
    may_open = who.may(Right.PAPERS) and drafts.may_read(who, found.row)
    is_open = found.row.state in CHANGEABLE
    steps = None
    if may_open and is_open:
        steps = reading.progress(
            deps().transact(lambda s: drafts.opened(s, deps(), who, found.row.id))
        )
    waits = found.row.state in (ApplicationState.TO_BE_CONFIRMED, ApplicationState.TO_BE_SIGNED)
    code = svg_uri(found.row.sign_url) if waits and found.row.sign_url else ""
    return answers.page(
        "console/application.html", 422 if problem else 200, found=found, row=found.row, code=code,
        steps=steps, names=STEPS, may_open=may_open, is_open=is_open, problem=problem,
        keep_days=deps().settings.application_papers_days,
    )  # fmt: skip


def submit(number: int) -> ResponseReturnValue:
    who = answers.operator()
    try:
        drafts.submit(deps(), who, known(number))
    except ApplicationIncomplete as problem:
        return _page(number, problem)
    return answers.see(f"/console/applications/{number}")


def ask(number: int) -> ResponseReturnValue:
    drafts.ask_now(deps(), answers.operator(), known(number))
    return answers.see(f"/console/applications/{number}")


def discard(number: int) -> ResponseReturnValue:
    drafts.discard(deps(), answers.operator(), known(number))
    return answers.see("/console/applications")


def paper(number: int, name: str) -> ResponseReturnValue:
    """One picture, for whoever uploaded it and for admins; each look stands in the audit."""
    kind, content = drafts.look_at_paper(deps(), answers.operator(), known(number), name)
    response = Response(content, content_type=TYPES[kind])
    response.headers.update(linked_headers())
    response.headers["Content-Disposition"] = f'inline; filename="{number}.{kind}"'
    return response


def known(number: int) -> int:
    """Numbers that no row can have are nobody's."""
    if not 0 < number < LARGEST:
        raise NoApplication(f"application {number}")
    return number
