"""WeChat's later word on a message that it had taken: TEMPLATESENDJOBFINISH (wechat.md C5).

The event may overtake the answer to the call itself, so it is written down and met a moment later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.merchant import Staff
from models.payment_notice import NoticeStatus, NoticeVerdict, NoticeWay, PaymentNotice
from services.deps import Deps
from services.oa.events import Event, on
from services.payment_notices.sweep import refused
from services.people.own_phone import for_messages

AFTER: Final = timedelta(seconds=2)
FORGOTTEN: Final = timedelta(minutes=10)  # nobody's: a message that was not ours
MOST: Final = 50
SAID: Final = {"failed:user block": "USER_BLOCK", "failed: system failed": "SYSTEM_FAILED"}


@on("TEMPLATESENDJOBFINISH")
def _finished(session: Session, deps: Deps, event: Event) -> None:
    said = str(event.fields.get("Status", ""))
    number = str(event.fields.get("MsgID", ""))
    if said == "success" or not 0 < len(number) <= 32:
        return
    now = deps.now()
    session.execute(
        text(
            "INSERT INTO notice_verdict (provider_id, msg_id, said, received_at, due_at)"
            " VALUES (:p, :m, :said, :now, :due) ON CONFLICT (provider_id, msg_id) DO NOTHING"
        ),
        {
            "p": event.provider_id,
            "m": number,
            "said": SAID.get(said, "NOT_ARRIVED"),
            "now": now,
            "due": now + AFTER,
        },
    )


def meet(deps: Deps) -> bool:
    """Put those whose notice is known on it; True when there may be more."""
    return deps.transact(lambda s: _meet(s, deps)) == MOST


def _meet(session: Session, deps: Deps) -> int:
    now = deps.now()
    waiting = session.scalars(
        select(NoticeVerdict)
        .where(NoticeVerdict.due_at <= now)
        .order_by(NoticeVerdict.due_at, NoticeVerdict.id)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    ).all()
    for verdict in waiting:
        if _put(session, deps, verdict) or now - verdict.received_at > FORGOTTEN:
            session.delete(verdict)
        else:
            verdict.due_at = now + AFTER
    session.flush()
    return len(waiting)


def _put(session: Session, deps: Deps, verdict: NoticeVerdict) -> bool:
    row = session.scalar(
        select(PaymentNotice)
        .where(
            PaymentNotice.provider_id == verdict.provider_id,
            PaymentNotice.msg_id == verdict.msg_id,
        )
        .with_for_update()
    )
    if row is None:
        return False
    if row.status is NoticeStatus.SENT and row.way is NoticeWay.WECHAT:
        staff = session.get_one(Staff, (row.provider_id, row.staff_id))
        has_phone = for_messages(session, deps, staff) is not None
        refused(row, verdict.said, deps.now(), has_phone=has_phone)
    return True
