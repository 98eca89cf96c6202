"""`/console/health`: what is misconfigured and why, with the remedy of each."""

from __future__ import annotations

import re
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.orm import Session

from blueprints.console import answers
from blueprints.console.findings import SHOWN
from errors import NotFound
from models.health import Level
from services import audit_verify, longjobs
from services.health import reading, rounds, running
from services.longjobs.asking import JobRunning
from web.runtime import deps

PAGE = 50


def index() -> ResponseReturnValue:
    """The provider's own checks, and merchants in trouble by level."""
    who, level = answers.operator(), _level()
    after = request.args.get("after", "")
    start = int(after) if re.fullmatch(r"[0-9]{1,18}", after) else 0

    def unit(session: Session) -> dict[str, Any]:
        return {
            "findings": reading.of_provider(session, who.provider, deps().now()),
            "tally": reading.tally(session, who.provider),
            "merchants": reading.troubled(session, who.provider, level, start, PAGE + 1),
            "log": audit_verify.last_check(session, who.provider),
            "job": next(iter(longjobs.newest(session, who.provider, rounds.KIND, 1)), None),
        }

    found = deps().transact(unit)
    merchants = found.pop("merchants")
    return answers.page(
        "console/health.html", **found, shown=SHOWN, level=level, merchants=merchants[:PAGE],
        after=merchants[PAGE - 1][0] if len(merchants) > PAGE else None,
        levels=(Level.BAD, Level.WARN, Level.UNKNOWN),
    )  # fmt: skip


def _level() -> Level:
    said = request.args.get("level", "")
    return Level(said) if said in (Level.BAD, Level.WARN, Level.UNKNOWN) else Level.BAD


def run() -> ResponseReturnValue:
    """Ask about the provider again, now."""
    running.check_provider(deps(), answers.operator().provider)
    return answers.see(_back("/console/health"))


def run_all() -> ResponseReturnValue:
    """Everything the provider has, as a long job; the one that is under way, if there is one."""
    who = answers.operator()
    try:
        job = deps().transact(lambda s: rounds.start(s, deps(), who.provider, asked_by=who.actor))
    except JobRunning:
        newest = deps().transact(lambda s: longjobs.newest(s, who.provider, rounds.KIND, 1))
        job = newest[0].id
    return answers.see(f"/console/jobs/{job}")


def merchant(out_sub_mch_id: str) -> ResponseReturnValue:
    """One merchant's checks and its stores'."""
    who = answers.operator()

    def unit(session: Session) -> dict[str, Any]:
        row = _merchant(session, who.provider, out_sub_mch_id)
        stores = session.execute(
            text("SELECT id, name, branch_name FROM store WHERE provider_id = :p"
                 " AND merchant_id = :m ORDER BY id"),
            {"p": who.provider, "m": row.id},
        )  # fmt: skip
        return {
            "merchant": row,
            "findings": reading.of_merchant(session, who.provider, row.id, deps().now()),
            "stores": {one.id: f"{one.name}{one.branch_name}" for one in stores},
        }

    return answers.page("console/health_merchant.html", **deps().transact(unit), shown=SHOWN)


def merchant_run(out_sub_mch_id: str) -> ResponseReturnValue:
    who = answers.operator()
    found = deps().transact(lambda s: _merchant(s, who.provider, out_sub_mch_id).id)
    running.check_merchant(deps(), who.provider, found)
    return answers.see(f"/console/health/merchants/{out_sub_mch_id}")


def _merchant(session: Session, provider_id: int, out_id: str) -> Any:
    row = session.execute(
        text(
            "SELECT id, out_sub_mch_id, name FROM merchant"
            " WHERE provider_id = :p AND out_sub_mch_id = :o"
        ),
        {"p": provider_id, "o": out_id},
    ).first()
    if row is None:
        raise NotFound("没有这个商户")
    return row


def _back(otherwise: str) -> str:
    said = request.form.get("back", "")
    return said if said in ("/console/official", "/console/settings") else otherwise
