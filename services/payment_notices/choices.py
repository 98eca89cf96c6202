"""What a person wants to hear, and when: quiet hours, what counts as large, as an owner all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateways.money import fen_from_yuan
from models.payment_notice import NoticeChoice
from services import audit
from services.deps import Deps
from services.people.acting import Acting
from services.people.problems import PersonInvalid

LARGEST_FEN = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """`large_fen` None is the deployment's own; quiet hours are both there or neither."""

    quiet_from: time | None = None
    quiet_until: time | None = None
    large_fen: int | None = None
    all_payments: bool = False


def of_person(session: Session, provider_id: int, person_id: int | None) -> Choice:
    """What was chosen, else what holds without a choice."""
    row = None if person_id is None else session.scalar(_row(provider_id, person_id))
    if row is None:
        return Choice()
    return Choice(row.quiet_from, row.quiet_until, row.large_fen, row.all_payments)


def read(quiet_from: str, quiet_until: str, large: str, *, all_payments: bool) -> Choice:
    """As a form has it: `22:00`, `07:30`, yuan; empty for nothing. Raises PersonInvalid."""
    since, until = _time(quiet_from), _time(quiet_until)
    if (since is None) != (until is None):
        raise PersonInvalid("免打扰要填开始和结束两个时间；不用就都留空")
    if since is not None and since == until:
        raise PersonInvalid("免打扰的开始和结束不能相同；全天不收请关闭通知")
    return Choice(since, until, _fen(large), all_payments)


def _time(typed: str) -> time | None:
    if not typed.strip():
        return None
    try:
        return time.fromisoformat(typed.strip()[:8]).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise PersonInvalid("时间写成 22:00 这样") from None


def _fen(typed: str) -> int | None:
    bare = typed.strip().removeprefix("¥").replace(",", "")
    if not bare:
        return None
    try:
        fen = fen_from_yuan(bare)
    except ValueError:
        fen = 0
    if not 0 < fen <= LARGEST_FEN:
        raise PersonInvalid("大额填一个金额，如 1000，最多两位小数")
    return fen


def save(deps: Deps, who: Acting, choice: Choice) -> None:
    """The person's own, in whatever role. Raises PersonInvalid for who is no WeChat person."""
    person_id = who.person_id
    if person_id is None:
        raise PersonInvalid("这个身份没有绑定微信，收不到通知")

    def unit(session: Session) -> None:
        row = session.scalar(_row(who.provider_id, person_id).with_for_update())
        if row is None:
            row = NoticeChoice(provider_id=who.provider_id, person_id=person_id)
            session.add(row)
        row.quiet_from, row.quiet_until = choice.quiet_from, choice.quiet_until
        row.large_fen, row.all_payments = choice.large_fen, choice.all_payments
        row.changed_at = deps.now()
        session.flush()
        audit.record(
            session, provider_id=who.provider_id, actor=who.actor, action="notice_choice",
            subject=f"person:{person_id}", at=deps.now(), all_payments=choice.all_payments,
            quiet=choice.quiet_from is not None, large_fen=choice.large_fen,
        )  # fmt: skip

    deps.transact(unit)


def _row(provider_id: int, person_id: int) -> Select[NoticeChoice]:
    return select(NoticeChoice).where(
        NoticeChoice.provider_id == provider_id, NoticeChoice.person_id == person_id
    )
