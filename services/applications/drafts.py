"""Making an application, filling it in step by step, and handing it over to be sent."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.application import CHANGEABLE, Application, ApplicationPaper, ApplicationState
from models.console import ConsoleRole
from secretbox import files as locked_files
from services import audit
from services.accounts import seal_place
from services.applications import checks
from services.applications.fields import BY_NAME, PRIVATE, Field, Step, of_step
from services.applications.pictures import Picture
from services.applications.problems import (
    ApplicationChanged,
    ApplicationClosed,
    ApplicationIncomplete,
    FieldWrong,
    NoApplication,
)
from services.console.acting import Operator
from services.deps import Deps


@dataclass(frozen=True, slots=True)
class Opened:
    """An application with all of its values, for whoever may read them."""

    row: Application
    values: dict[str, str] = field(repr=False)
    papers: Mapping[str, ApplicationPaper]


def may_read(who: Operator, row: Application) -> bool:
    """Papers and numbers of people: whoever made it, and admins."""
    return who.role is ConsoleRole.ADMIN or row.made_by == who.actor


def begin(deps: Deps, who: Operator) -> int:
    """An empty draft; returns its id."""

    def unit(session: Session) -> int:
        now = deps.now()
        row = Application(
            provider_id=who.provider, business_code=f"YM{secrets.token_hex(12).upper()}",
            state=ApplicationState.DRAFT, answers={}, problems={}, made_by=who.actor,
            seal_key=secrets.token_hex(16), created_at=now, changed_at=now, state_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        _note(session, deps, who, row, "application_begun")
        return row.id

    return deps.transact(unit)


def locked(session: Session, who: Operator, number: int) -> Application:
    """Raises NoApplication, also for another provider's and for one that he may not read."""
    row = session.get(
        Application, (who.provider, number), with_for_update=True, populate_existing=True
    )
    if row is None or not may_read(who, row):
        raise NoApplication(f"application {number}")
    return row


def opened(session: Session, deps: Deps, who: Operator, number: int) -> Opened:
    """With its values. Somebody else's, read by an admin, stands in the audit."""
    row = session.get(Application, (who.provider, number), populate_existing=True)
    if row is None or not may_read(who, row):
        raise NoApplication(f"application {number}")
    if row.made_by != who.actor:
        _note(session, deps, who, row, "application_looked_at")
    return Opened(row, values_of(deps, row), papers_of(session, row))


def values_of(deps: Deps, row: Application) -> dict[str, str]:
    hidden = {}
    if row.private_sealed is not None:
        hidden = json.loads(deps.ring.open(row.private_sealed, _place(row)))
    return {**row.answers, **hidden}


def papers_of(session: Session, row: Application) -> dict[str, ApplicationPaper]:
    found = session.scalars(
        select(ApplicationPaper)
        .where(
            ApplicationPaper.provider_id == row.provider_id,
            ApplicationPaper.application_id == row.id,
        )
        .order_by(ApplicationPaper.id)
    )
    return {one.field: one for one in found}


def save_step(
    deps: Deps,
    who: Operator,
    number: int,
    step: Step,
    typed: Mapping[str, str],
    given: Mapping[str, Picture],
    *,
    version: int,
) -> dict[str, FieldWrong]:
    """Keep one step. What stands against its fields is returned, and then nothing is kept.

    What is empty may stay empty until the application is sent. Raises ApplicationChanged when
    `version` is not the newest, ApplicationClosed when it is WeChat's turn.
    """
    wanted = [one for one in of_step(step) if not one.is_picture]
    fresh = {one.name: checks.cleaned(one, typed.get(one.name, "")) for one in wanted}
    problems = {
        name: problem
        for name, value in fresh.items()
        if value and (problem := checks.problem_of(BY_NAME[name], value)) is not None
    }
    if problems:
        return problems

    def unit(session: Session) -> None:
        row = _changeable(session, who, number)
        if row.version != version:
            raise ApplicationChanged(f"application {number}")
        _write(deps, row, {**values_of(deps, row), **fresh})
        for name, picture in sorted(given.items()):
            _keep_picture(session, deps, who, row, BY_NAME[name], picture)
        answered = {one.name for one in of_step(step)}
        row.problems = {k: v for k, v in row.problems.items() if k not in answered and k}
        row.version, row.changed_at, row.papers_gone_at = row.version + 1, deps.now(), None
        _note(session, deps, who, row, "application_changed", step=step.value,
              pictures=sorted(given))  # fmt: skip

    deps.transact(unit)
    return {}


def _write(deps: Deps, row: Application, values: Mapping[str, str]) -> None:
    filled = {name: value for name, value in values.items() if value}
    row.answers = {name: value for name, value in filled.items() if name not in PRIVATE}
    row.title = filled.get("short_name") or filled.get("merchant_name") or ""
    hidden = {name: value for name, value in filled.items() if name in PRIVATE}
    said = json.dumps(hidden, ensure_ascii=False)
    row.private_sealed = deps.ring.seal(said, _place(row)) if hidden else None


def _keep_picture(
    session: Session, deps: Deps, who: Operator, row: Application, at: Field, picture: Picture
) -> None:
    """In the place of the one before."""
    session.execute(
        delete(ApplicationPaper).where(
            ApplicationPaper.provider_id == row.provider_id,
            ApplicationPaper.application_id == row.id,
            ApplicationPaper.field == at.name,
        )
    )
    mark = secrets.token_hex(16)
    kept = locked_files.lock(deps.ring, picture.content, _paper_place(mark))
    session.add(
        ApplicationPaper(
            provider_id=row.provider_id, application_id=row.id, field=at.name, kind=picture.kind,
            size=len(picture.content), sha256=picture.sha256, seal_key=mark,
            key_sealed=kept.key_sealed, content=kept.content, made_by=who.actor,
            created_at=deps.now(),
        )
    )  # fmt: skip


def content_of(deps: Deps, paper: ApplicationPaper) -> bytes:
    """The picture itself; `paper.content` is loaded by the caller's session."""
    kept = locked_files.Locked(paper.key_sealed, paper.content)
    return locked_files.unlock(deps.ring, kept, _paper_place(paper.seal_key))


def look_at_paper(deps: Deps, who: Operator, number: int, name: str) -> tuple[str, bytes]:
    """(kind, picture) for whoever may read it; each look stands in the audit."""

    def unit(session: Session) -> tuple[str, bytes]:
        found = opened(session, deps, who, number)
        paper = found.papers.get(name)
        if paper is None:
            raise NoApplication(f"application {number}: no {name[:32]}")
        _note(session, deps, who, found.row, "application_paper_looked_at", field=name)
        return paper.kind, content_of(deps, paper)

    return deps.transact(unit)


def submit(deps: Deps, who: Operator, number: int) -> None:
    """Hand it over: the worker sends its pictures and then itself.

    Raises ApplicationIncomplete with what is missing on the row, and ApplicationClosed.
    """

    def unit(session: Session) -> bool:
        row = _changeable(session, who, number)
        now = deps.now()
        values, papers = values_of(deps, row), papers_of(session, row)
        missing = checks.before_sending(values, papers, now.date())
        row.problems, row.version = missing, row.version + 1
        if missing:
            return False
        row.state, row.state_at, row.due_at = ApplicationState.SUBMITTING, now, now
        row.changed_at, row.tries, row.words = now, 0, ""
        _note(session, deps, who, row, "application_submitted")
        return True

    if not deps.transact(unit):
        raise ApplicationIncomplete(f"application {number}")


def discard(deps: Deps, who: Operator, number: int) -> None:
    """A draft that WeChat knows nothing of is gone for good, with its papers."""

    def unit(session: Session) -> None:
        row = _changeable(session, who, number)
        if row.submitted_at is not None:
            raise ApplicationClosed("微信已经收到过这份申请，不能删除")
        forget_papers(session, row)
        row.state, row.state_at = ApplicationState.CANCELED, deps.now()
        row.papers_gone_at, row.problems = deps.now(), {}
        _note(session, deps, who, row, "application_discarded")

    deps.transact(unit)


def ask_now(deps: Deps, who: Operator, number: int) -> None:
    """Look at once how it stands; whoever may see the application may ask."""

    def unit(session: Session) -> None:
        row = session.get(Application, (who.provider, number), with_for_update=True)
        if row is None:
            raise NoApplication(f"application {number}")
        if row.due_at is not None:
            row.due_at = deps.now()

    deps.transact(unit)


def forget_papers(session: Session, row: Application) -> None:
    """Everything about people goes; what the business is called and became stays."""
    session.execute(
        delete(ApplicationPaper).where(
            ApplicationPaper.provider_id == row.provider_id,
            ApplicationPaper.application_id == row.id,
        )
    )
    row.private_sealed = None


def _changeable(session: Session, who: Operator, number: int) -> Application:
    row = locked(session, who, number)
    if row.state not in CHANGEABLE:
        raise ApplicationClosed(f"application {number}")
    return row


def _place(row: Application) -> str:
    return seal_place("application", "private_sealed", row.seal_key)


def _paper_place(mark: str) -> str:
    return seal_place("application_paper", "key_sealed", mark)


def _note(
    session: Session, deps: Deps, who: Operator, row: Application, action: str, **facts: object
) -> None:
    audit.record(
        session, provider_id=row.provider_id, actor=who.actor, action=action,
        subject=f"application:{row.id}", at=deps.now(), **facts,
    )  # fmt: skip
