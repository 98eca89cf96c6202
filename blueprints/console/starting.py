"""The checklist that leads from an empty provider to the first payment."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from blueprints.console import answers
from blueprints.console.codes import link_to
from services.console import starting
from web.runtime import deps


def show() -> ResponseReturnValue:
    provider_id = answers.operator().provider
    lines = deps().transact(lambda s: starting.of_provider(s, provider_id))
    wanted = [one for one in lines if not one.step.optional]
    return answers.page(
        "console/start.html",
        lines=lines,
        done=sum(one.is_done for one in wanted),
        total=len(wanted),
        next=starting.next_of(lines),
        link_to=link_to,
    )
