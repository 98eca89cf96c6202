"""Notices whose time has come: claimed a few at a time, sent with no transaction open, and what
came of them written together.

WeChat first; a short message where WeChat surely did not take it and the person has a phone. A try
is written down before it is made: what was begun and never ended (a killed process, a lost answer)
is repeated under the same number for as long as WeChat shows that once, and never after; a short
message has no such number and is not repeated at all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from models.payment_notice import NoticeStatus, NoticeWay, PaymentNotice
from services.claims import claim_statement
from services.deps import Deps
from services.oa import tokens
from services.payment_notices.reading import End, Letter, Outcome, read
from services.problems import PayProblem

log = logging.getLogger(__name__)

CLAIM: Final = timedelta(seconds=60)
PATIENCE_S: Final = 30.0  # then the rest of a claim is left: a call takes 8 s, a token 12 s
NO_ANSWER: Final = "NO_ANSWER"
OF_THE_PERSON: Final = frozenset({"40003", "43004", "43019"})  # unknown, not following, blocked
_CLAIM: Final = claim_statement("payment_notice")
_BEGIN: Final = text("""
UPDATE payment_notice SET tries = tries + 1, maybe_at = COALESCE(maybe_at, :now)
WHERE id = ANY(:ids) AND provider_id = ANY(:providers) AND due_at = :until
""")


def claim_due(deps: Deps, most: int) -> list[Letter]:
    """Take up to `most` notices and make them ready; those of a dead holder come back."""

    def unit(session: Session) -> list[Letter]:
        now = deps.now()
        until = now + CLAIM
        rows = session.execute(_CLAIM, {"now": now, "until": until, "most": most}).all()
        if not rows:
            return []
        keys = [(row.provider_id, row.id) for row in rows]
        letters = read(session, deps, keys, until)
        ids = [letter.id for letter in letters]
        providers = sorted({letter.provider_id for letter in letters})
        values = {"ids": ids, "providers": providers, "until": until, "now": now}
        session.execute(_BEGIN, values)
        return letters

    return deps.transact(unit)


def tell(deps: Deps, letters: Sequence[Letter]) -> None:
    """Send each once, and write down what came of all."""
    began, ended = time.monotonic(), []
    for letter in letters:
        if time.monotonic() - began > PATIENCE_S:
            outcome = Outcome(End.LEFT)
        else:
            outcome = letter.settled or _send(deps, letter)
        ended.append((letter, outcome))
    deps.transact(lambda s: apply(s, deps, ended))
    for letter, outcome in ended:
        if outcome.end is not End.SENT:
            log.info("notice not sent", extra=_facts(letter, outcome))


def _facts(letter: Letter, outcome: Outcome) -> dict[str, object]:
    return {
        "notice": letter.id, "provider": letter.provider_id, "way": letter.way.value,
        "outcome": f"{outcome.end.value} {outcome.code}".strip(), "number_of_try": letter.tries,
    }  # fmt: skip


def _send(deps: Deps, letter: Letter) -> Outcome:
    return _by_sms(deps, letter) if letter.way is NoticeWay.SMS else _by_wechat(deps, letter)


def _by_wechat(deps: Deps, letter: Letter) -> Outcome:
    message, handed_over = letter.message, False
    assert message is not None

    def send(token: str) -> str:
        nonlocal handed_over
        handed_over = True
        try:
            return deps.gateways.wechat_notices.send(token, message)
        except GatewayRejected:
            handed_over = False  # with a token that is over: what follows is about a new one
            raise

    try:
        number = tokens.call(deps, letter.provider_id, send)
    except GatewayRejected as problem:
        return Outcome(End.REFUSED, problem.upstream_code[:32])
    except PayProblem as problem:
        return Outcome(End.REFUSED, problem.code[:32])
    except GatewayUnknown as problem:
        left = handed_over and problem.facts.get("sent") is not False
        return Outcome(End.UNKNOWN if left else End.AGAIN, NO_ANSWER)
    return Outcome(End.SENT, msg_id=number)


def _by_sms(deps: Deps, letter: Letter) -> Outcome:
    try:
        deps.gateways.sms.send(letter.phone, letter.text)
    except GatewayRejected as problem:
        code = problem.upstream_code
        return Outcome(End.REFUSED, code if code == "NO_RELAY" else "SMS_REFUSED")
    except GatewayUnknown as problem:
        surely_not = problem.facts.get("sent") is False
        return Outcome(End.AGAIN if surely_not else End.UNSURE, NO_ANSWER)
    return Outcome(End.SENT)


# --- what came of it ------------------------------------------------------------------------------


def apply(session: Session, deps: Deps, ended: Sequence[tuple[Letter, Outcome]]) -> None:
    """Write it on the rows that are still ours; one that somebody else has claimed since is his."""
    outcomes = {(letter.provider_id, letter.id): (letter, outcome) for letter, outcome in ended}
    rows = session.scalars(
        select(PaymentNotice)
        .where(tuple_(PaymentNotice.provider_id, PaymentNotice.id).in_(list(outcomes)))
        .order_by(PaymentNotice.id)
        .with_for_update()
    ).all()
    for row in rows:
        letter, outcome = outcomes[(row.provider_id, row.id)]
        if row.status is NoticeStatus.PENDING and row.due_at == letter.until:
            _apply(deps, row, letter, outcome)
    session.flush()


def _apply(deps: Deps, row: PaymentNotice, letter: Letter, outcome: Outcome) -> None:
    now = deps.now()
    match outcome.end:
        case End.SENT:
            row.msg_id = outcome.msg_id or None
            _end(row, NoticeStatus.SENT, now)
        case End.UNWANTED:
            row.maybe_at = letter.was_maybe_at
            _end(row, NoticeStatus.QUIET, now)
        case End.UNSURE:
            _unsure(row, now)
        case End.LEFT:
            row.tries, row.maybe_at, row.due_at = row.tries - 1, letter.was_maybe_at, now
        case End.REFUSED if _proves_nothing(row, letter, outcome):
            _unsure(row, now)
        case End.REFUSED:
            refused(row, outcome.code, now, has_phone=letter.has_phone)
        case End.AGAIN | End.UNKNOWN:
            if outcome.end is End.AGAIN:
                row.maybe_at = letter.was_maybe_at
            _again(deps, row, letter, outcome.code, now)


def _proves_nothing(row: PaymentNotice, letter: Letter, outcome: Outcome) -> bool:
    """A no to a repeat says nothing of the try before, unless that could not arrive either."""
    is_repeat = row.way is NoticeWay.WECHAT and letter.was_maybe_at is not None
    return is_repeat and outcome.code not in OF_THE_PERSON


def _again(deps: Deps, row: PaymentNotice, letter: Letter, code: str, now: datetime) -> None:
    schedule = deps.settings.notice_schedule
    if row.tries <= len(schedule):
        row.due_at = now + timedelta(seconds=schedule[row.tries - 1])
    elif row.maybe_at is not None:
        _unsure(row, now)
    else:
        refused(row, code, now, has_phone=letter.has_phone)


def refused(row: PaymentNotice, code: str, now: datetime, *, has_phone: bool) -> None:
    """Surely not told by this way: by the next one, or not at all."""
    row.maybe_at = None
    if row.way is NoticeWay.SMS:
        row.sms_code = code
        _end(row, NoticeStatus.FAILED, now)
        return
    row.wechat_code = code
    if not has_phone:
        _end(row, NoticeStatus.FAILED, now)
        return
    row.way, row.status, row.tries, row.ended_at = NoticeWay.SMS, NoticeStatus.PENDING, 0, None
    row.due_at = now


def _unsure(row: PaymentNotice, now: datetime) -> None:
    if row.way is NoticeWay.SMS:
        row.sms_code = NO_ANSWER
    else:
        row.wechat_code = NO_ANSWER
    _end(row, NoticeStatus.UNSURE, now)


def _end(row: PaymentNotice, status: NoticeStatus, now: datetime) -> None:
    row.status, row.due_at, row.ended_at = status, None, now
