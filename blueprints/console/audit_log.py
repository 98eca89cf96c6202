"""The audit log (日志): searched, checked, taken along as a file with its chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import BadInput
from services import audit, audit_reading, audit_rounds, audit_verify, longjobs
from services.audit_reading import Search
from services.audit_words import action_words
from services.longjobs.asking import JobRunning
from web.files import as_csv
from web.formats import SHANGHAI, local_time
from web.runtime import deps

FIELDS: Final = ("actor", "action", "subject", "since", "until")
MOST_EXPORTED: Final = 100_000
HEAD: Final = ("编号", "时间", "操作人", "姓名", "操作", "操作说明", "对象", "内容", "序号", "封签")


def show() -> ResponseReturnValue:
    who = answers.operator()
    search, typed = _search()
    before, after = _number("before"), _number("after")

    def unit(session: Session) -> dict[str, Any]:
        page = audit_reading.read(session, who.provider, search, before=before, after=after)
        actors = audit_reading.choices(session, who.provider, "actor")
        named = {row.actor for row in page.rows} | set(actors)
        return {
            "log": page,
            "actors": actors,
            "actions": audit_reading.choices(session, who.provider, "action"),
            "names": audit_reading.names(session, who.provider, named),
            "checked": audit_verify.last_check(session, who.provider),
            "job": next(iter(longjobs.newest(session, who.provider, audit_rounds.KIND, 1)), None),
        }

    shown = deps().transact(unit)
    query = urlencode({name: value for name, value in typed.items() if value})
    return answers.page("console/audit.html", typed=typed, query=query, words=action_words, **shown)


def verify() -> ResponseReturnValue:
    """Check all of it as a long job; what was found stands on the page, and on the job's."""
    who = answers.operator()
    try:
        job = deps().transact(
            lambda s: audit_rounds.start(s, deps(), who.provider, asked_by=who.actor)
        )
    except JobRunning:
        newest = deps().transact(lambda s: longjobs.newest(s, who.provider, audit_rounds.KIND, 1))
        job = newest[0].id
    return answers.see(f"/console/jobs/{job}")


def export() -> ResponseReturnValue:
    """The search as CSV, with each entry's place in the chain and its seal."""
    who = answers.operator()
    search, typed = _search()

    def unit(session: Session) -> int:
        many = MOST_EXPORTED + 1
        count = audit_reading.count_up_to(session, who.provider, search, many)
        if count < many:
            audit.record(
                session, provider_id=who.provider, actor=who.actor, action="audit_exported",
                subject="audit", at=deps().now(), count=count, search=typed,
            )  # fmt: skip
        return count

    if deps().transact(unit) > MOST_EXPORTED:
        raise BadInput(f"超过 {MOST_EXPORTED // 10_000} 万条，请缩小时间范围后再导出")
    return as_csv(f"audit-{local_time(deps().now())[:10]}.csv", HEAD, _lines(who.provider, search))


def _lines(provider_id: int, search: Search) -> Iterator[tuple[object, ...]]:
    names: dict[str, str] = {}
    for row in audit_reading.every(deps(), provider_id, search):
        if row.actor not in names:
            found = _names(provider_id, row.actor)
            names[row.actor] = found.get(row.actor, "")
        yield (
            row.id, row.created_at, row.actor, names[row.actor], row.action,
            action_words(row.action), row.subject,
            json.dumps(row.facts, ensure_ascii=False, sort_keys=True), row.seq, row.seal,
        )  # fmt: skip


def _names(provider_id: int, actor: str) -> dict[str, str]:
    return deps().transact(lambda s: audit_reading.names(s, provider_id, {actor}))


def _search() -> tuple[Search, dict[str, str]]:
    typed = {name: request.args.get(name, "").strip()[:80] for name in FIELDS}
    until = _day(typed["until"])
    return (
        Search(
            actor=typed["actor"], action=typed["action"], subject=typed["subject"],
            since=_begin(_day(typed["since"])),
            until=_begin(until + timedelta(days=1) if until else None),
        ),
        typed,
    )  # fmt: skip


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError as error:
        raise BadInput("日期写成 2026-11-21 这样") from error


def _begin(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def _number(name: str) -> int:
    """An opaque cursor: the number of an entry."""
    said = request.args.get(name, "")
    if said and not (said.isascii() and said.isdecimal() and len(said) < 18):
        raise BadInput("翻页的位置不对，请从第一页开始")
    return int(said or 0)
