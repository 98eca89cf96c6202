"""A claimed notice made ready to be sent, or the reason why it is not sent at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gateways.wechat_oa.messages import CLIENT_ID_LIVES_S, Message
from models.merchant import Staff
from models.payment_notice import NoticeWay
from services.accounts import seal_place
from services.deps import Deps
from services.payment_notices import words
from services.payment_notices.hours import is_quiet
from services.payment_notices.telling import TOO_OLD
from services.people.own_phone import for_messages

log = logging.getLogger(__name__)

# WeChat shows a repeat once for so long after the first try; the last minute is for the call.
SAFE_REPEAT: Final = timedelta(seconds=CLIENT_ID_LIVES_S - 60)
NO_PERSON, NO_TEMPLATE, NOT_WRITTEN = "NO_PERSON", "NO_TEMPLATE", "NOT_WRITTEN"


class End(StrEnum):
    """What came of a try."""

    SENT = "sent"
    REFUSED = "refused"  # surely not sent by this way, and never will be
    AGAIN = "again"  # surely not sent; another try may help
    UNKNOWN = "unknown"  # no answer: it may have been sent
    UNSURE = "unsure"  # the same, and asking once more could tell it twice
    UNWANTED = "unwanted"  # the person does not want it, by now
    LEFT = "left"  # not tried: for whoever claims it next


@dataclass(frozen=True, slots=True)
class Outcome:
    end: End
    code: str = ""
    msg_id: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice that is ours until `until`. `settled`: it needs no call. `was_maybe_at` is of tries
    before this one."""

    provider_id: int
    id: int
    until: datetime
    way: NoticeWay
    tries: int
    was_maybe_at: datetime | None
    has_phone: bool
    settled: Outcome | None = None
    message: Message | None = field(default=None, repr=False)
    phone: str = field(default="", repr=False)
    text: str = field(default="", repr=False)


_READ: Final = text("""
SELECT n.id, n.provider_id, n.way, n.tries, n.maybe_at, n.created_at, n.is_large, n.staff_id,
    o.out_trade_no, o.amount_fen, o.paid_at, o.channel, o.purpose, m.short_name AS merchant,
    COALESCE(NULLIF(s.branch_name, ''), s.name) AS store, pr.out_mch_id, p.sealed, p.subject_hash,
    w.is_active AND w.wants_notices AND w.person_id IS NOT DISTINCT FROM n.person_id AS is_wanted,
    w.phone_sealed IS NOT NULL AND EXISTS (SELECT 1 FROM consent k
        WHERE k.provider_id = w.provider_id AND k.merchant_id = w.merchant_id
            AND k.person_id = w.person_id AND k.kind = 'staff_phone' AND k.withdrawn_at IS NULL
    ) AS has_phone, h.quiet_from, h.quiet_until, t.template_id, t.fields
FROM payment_notice n
JOIN pay_order o ON o.provider_id = n.provider_id AND o.id = n.order_id
JOIN provider pr ON pr.id = n.provider_id
JOIN merchant m ON m.provider_id = n.provider_id AND m.id = n.merchant_id
JOIN store s ON s.provider_id = n.provider_id AND s.id = n.store_id
JOIN staff w ON w.provider_id = n.provider_id AND w.id = n.staff_id
JOIN person p ON p.provider_id = n.provider_id AND p.id = n.person_id
LEFT JOIN notice_choice h ON h.provider_id = n.provider_id AND h.person_id = n.person_id
LEFT JOIN notice_template t ON t.provider_id = n.provider_id AND t.is_active
WHERE n.id = ANY(:ids) AND n.provider_id = ANY(:providers) ORDER BY n.id
""")


def read(
    session: Session, deps: Deps, keys: Sequence[tuple[int, int]], until: datetime
) -> list[Letter]:
    """The letters of these notices, (provider, id), as the books have them now."""
    values = {"ids": [key[1] for key in keys], "providers": sorted({key[0] for key in keys})}
    rows = session.execute(_READ, values).all()
    wanted = set(keys)
    return [
        _written(session, deps, row, until) for row in rows if (row.provider_id, row.id) in wanted
    ]


def _written(session: Session, deps: Deps, row: Any, until: datetime) -> Letter:
    """One that can not be written ends as refused, and does not hold up those beside it."""
    try:
        return _letter(session, deps, row, until)
    except DBAPIError:
        raise
    except Exception:
        log.exception("notice not written", extra={"notice": row.id})
        way, settled = NoticeWay(row.way), Outcome(End.REFUSED, NOT_WRITTEN)
        return Letter(
            row.provider_id, row.id, until, way, row.tries + 1, row.maybe_at, False, settled
        )


def _letter(session: Session, deps: Deps, row: Any, until: datetime) -> Letter:
    way = NoticeWay(row.way)
    settled = _settled(row, way, deps.now())
    facts = words.Facts(
        row.out_trade_no, row.amount_fen, row.paid_at, row.channel,
        is_recharge=row.purpose == "recharge", is_large=row.is_large,
        merchant=row.merchant, store=row.store,
    )  # fmt: skip
    phone, message = "", None
    if settled is None and way is NoticeWay.SMS:
        staff = session.get_one(Staff, (row.provider_id, row.staff_id))
        phone = (for_messages(session, deps, staff) or "").removeprefix("+86")
        settled = None if phone else Outcome(End.REFUSED, "NO_PHONE")
    elif settled is None:
        message = _message(deps, row, facts)
    return Letter(
        row.provider_id, row.id, until, way, row.tries + 1, row.maybe_at, row.has_phone,
        settled, message, phone, words.sms(facts),
    )  # fmt: skip


def _settled(row: Any, way: NoticeWay, now: datetime) -> Outcome | None:
    """What needs no call: not wanted any more, or begun before and not to be repeated. A day late
    (no worker ran, a backup was restored) nobody's phone rings, and it is shown."""
    if now - row.created_at > TOO_OLD:
        return Outcome(End.UNSURE)
    if row.maybe_at is not None:
        if way is NoticeWay.SMS or now - row.maybe_at > SAFE_REPEAT:
            return Outcome(End.UNSURE)
    elif not row.is_wanted or _is_quiet(row, now):
        return Outcome(End.UNWANTED)
    if way is NoticeWay.SMS:
        return None
    if row.sealed is None:
        return Outcome(End.REFUSED, NO_PERSON)
    return Outcome(End.REFUSED, NO_TEMPLATE) if row.template_id is None else None


def _is_quiet(row: Any, now: datetime) -> bool:
    return not row.is_large and is_quiet(now, row.quiet_from, row.quiet_until)


def _message(deps: Deps, row: Any, facts: words.Facts) -> Message:
    place = seal_place("person", "sealed", f"{row.provider_id}:{row.subject_hash}")
    base = deps.settings.base_url
    return Message(
        openid=deps.ring.open(row.sealed, place),
        template_id=row.template_id,
        data=words.data(row.fields, facts),
        url=f"{base}/m/orders/{row.out_trade_no}?p={row.out_mch_id}",
        client_id=f"pn{row.provider_id}-{row.id}"[:32],
    )
