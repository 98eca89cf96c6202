"""同步买单子商户: whose merchants, from where, a dry run first, and how the last one went."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError, BadInput, GatewayUnknown
from models.maidan import LinkState
from services import maidan
from services.longjobs import telling
from services.maidan import files
from web.files import as_csv
from web.qr import svg_uri
from web.runtime import deps

SOURCES = ("maidan", "file")


def show() -> ResponseReturnValue:
    return answers.page("console/sync.html", typed={}, problems={}, **_shown())


def begin() -> ResponseReturnValue:
    """Starts a sync and goes to its job; a second one is told how far the first is."""
    who = answers.operator()
    is_dry, source = bool(request.form.get("dry")), request.form.get("source", "")
    try:
        if source == "file":
            given = request.files.get("file")
            content = given.read() if given is not None else b""
            if not content:
                raise maidan.BadList("请选择一个文件")
            job_id = maidan.begin_file(
                deps(), who.provider, content, is_dry=is_dry, actor=who.actor
            )
        elif source == "maidan":
            job_id = maidan.begin_listed(deps(), who.provider, is_dry=is_dry, actor=who.actor)
        else:
            raise BadInput("请选择来源")
    except (BadInput, maidan.SyncRunning, maidan.NotLinked) as problem:
        at = "file" if isinstance(problem, maidan.BadList) else "source"
        return answers.form_again("console/sync.html", {at: problem}, **_shown())
    return answers.see(f"/console/jobs/{job_id}")


def template() -> ResponseReturnValue:
    return as_csv("maidan-sub-merchants.csv", files.TEMPLATE, [])


def offer() -> ResponseReturnValue:
    """A fresh code for 买单's administrator."""
    who = answers.operator()
    try:
        if not deps().gateways.maidan.is_there:
            raise BadInput("没有设置买单的适配器，请用文件导入")
        maidan.offer(deps(), who.provider, actor=who.actor)
    except (GatewayUnknown, BadInput) as problem:
        error = (
            BadInput("买单没有回答，请稍后再试") if isinstance(problem, GatewayUnknown) else problem
        )
        return answers.form_again("console/sync.html", {"link": error}, **_shown())
    return answers.see("/console/sync#link")


def link_part() -> ResponseReturnValue:
    """What became of the code: asked for every two seconds while it waits."""
    return answers.page("console/_maidan_link.html", **_link())


def _shown() -> dict[str, Any]:
    provider_id, now = answers.operator().provider, deps().now()
    found = deps().transact(lambda s: maidan.overview(s, provider_id))
    running = found.running
    return {
        "found": found,
        "has_adapter": deps().gateways.maidan.is_there,
        "jobs": [telling.shown(job, now) for job in found.jobs],
        "running": None if running is None else telling.shown(running, now),
        **_link(look=False),
    }


def _link(look: bool = True) -> dict[str, Any]:
    """The code as it stands; a page that is opened anew asks, too."""
    who = answers.operator()
    link = None
    if look or request.method == "GET":
        try:
            link = maidan.look(deps(), who.provider, actor=who.actor)
        except AppError:
            link = None  # no answer: it is asked again in two seconds
    link = link or deps().transact(lambda s: maidan.current_link(s, who.provider))
    is_waiting = link is not None and link.state is LinkState.WAITING
    return {
        "link": link,
        "is_waiting": is_waiting,
        "code": svg_uri(link.url) if link is not None and is_waiting else "",
    }
