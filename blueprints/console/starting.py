"""From an account without a provider to the first payment: adding one, and the checklist."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from blueprints.console.codes import link_to
from services.console import providers, starting
from services.console.providers import ProviderName
from web.runtime import deps

START = "/console/start"


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


def new_provider() -> ResponseReturnValue:
    if not answers.operator().can_add_providers:
        return answers.see("/console/choose")
    return answers.page("console/provider_new.html", problems={}, typed={})


def add_provider() -> ResponseReturnValue:
    try:
        providers.add(deps(), answers.operator(), request.form.get("name", ""))
    except ProviderName as problem:
        return answers.form_again("console/provider_new.html", {"name": problem})
    return answers.see(START)
