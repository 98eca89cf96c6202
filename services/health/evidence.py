"""What payments themselves prove of a configuration that no upstream can be asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

IN_A_ROW: Final = 5  # payers that came to nothing one after the other: no accident any more
LOOK_BACK: Final = timedelta(days=30)
SETTLED_AFTER: Final = timedelta(minutes=1)  # a payer may still be at it
STATE_LIVES: Final = timedelta(minutes=10)  # of a departure to WeChat's page of authorisation


@dataclass(frozen=True, slots=True)
class Pages:
    """How the newest payers fared who paid on our page inside WeChat, and those sent for their
    identity."""

    paid_at: datetime | None  # the newest of the last month
    began_at: datetime | None  # the newest: whoever orders has come back with an identity
    failed_in_a_row: int  # since the last that was paid, at most IN_A_ROW
    lost_in_a_row: int  # who left for WeChat's page and did not come back since then


@dataclass(frozen=True, slots=True)
class Trial:
    """The newest try at one merchant or store by one wallet; `code` where it was refused."""

    at: datetime
    is_paid: bool
    code: str = ""
    message: str = ""


# `asked_by`: by the merchant's own system, to be paid on a page of its own.
_NEWEST: Final = text("""
SELECT a.paid_at, a.created_at FROM pay_attempt a
WHERE a.provider_id = :p AND a.channel = 'wechat' AND a.method = 'jsapi'
    AND a.request ->> 'asked_by' IS NULL
    AND a.prepay_id IS NOT NULL AND a.created_at BETWEEN :since AND :settled
ORDER BY a.id DESC LIMIT :n
""")
_LOST: Final = text("""
SELECT count(*) AS n FROM oauth_state WHERE provider_id = :p AND channel = 'wechat'
    AND used_at IS NULL AND expires_at BETWEEN :from_at AND :to_at
""")
_BACK: Final = text("""
SELECT max(used_at) AS at FROM oauth_state WHERE provider_id = :p AND channel = 'wechat'
    AND used_at IS NOT NULL
""")


def pages(session: Session, provider_id: int, now: datetime) -> Pages:
    keys = {
        "p": provider_id, "since": now - LOOK_BACK, "settled": now - SETTLED_AFTER, "n": IN_A_ROW,
    }  # fmt: skip
    rows = session.execute(_NEWEST, keys).all()
    failed = next((n for n, row in enumerate(rows) if row.paid_at is not None), len(rows))
    paid = session.execute(
        text(
            "SELECT max(paid_at) AS at FROM pay_attempt WHERE provider_id = :p"
            " AND paid_at > :since AND channel = 'wechat' AND method = 'jsapi'"
        ),
        keys,
    ).scalar()
    began = rows[0].created_at if rows else None
    back = session.execute(_BACK, keys).scalar()
    heard = max((at for at in (began, back, paid) if at is not None), default=None)
    since = max(at for at in (heard, now - timedelta(hours=1)) if at is not None)
    lost = session.execute(
        _LOST,
        {"p": provider_id, "from_at": since + STATE_LIVES,
         "to_at": now - SETTLED_AFTER + STATE_LIVES},
    ).scalar()  # fmt: skip
    return Pages(paid, heard, failed, int(lost or 0))


_TRIAL: Final = text("""
SELECT a.created_at, a.paid_at, a.status, a.raw_state, o.reject_code, o.reject_message
FROM pay_order o JOIN pay_attempt a ON a.provider_id = o.provider_id AND a.order_id = o.id
WHERE o.provider_id = :p AND o.merchant_id = :m AND a.channel = :c AND a.created_at > :since
    AND (CAST(:s AS bigint) IS NULL OR o.store_id = :s)
ORDER BY a.id DESC LIMIT 1
""")


def trial(
    session: Session,
    provider_id: int,
    merchant_id: int,
    channel: str,
    now: datetime,
    store_id: int | None = None,
) -> Trial | None:
    """None where nobody tried in the last month."""
    row = session.execute(
        _TRIAL,
        {"p": provider_id, "m": merchant_id, "c": channel, "since": now - LOOK_BACK,
         "s": store_id},
    ).first()  # fmt: skip
    if row is None:
        return None
    code = str(row.raw_state or row.reject_code or "") if row.status == "rejected" else ""
    return Trial(row.created_at, row.paid_at is not None, code, str(row.reject_message or ""))


@dataclass(frozen=True, slots=True)
class Returned:
    """The newest refund over WeChat that has come to something."""

    is_done: bool
    code: str
    message: str


def returned(
    session: Session, provider_id: int, merchant_id: int, now: datetime
) -> Returned | None:
    row = session.execute(
        text(
            "SELECT r.status, r.upstream_code, r.upstream_message FROM refund r"
            " JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id"
            " WHERE r.provider_id = :p AND o.merchant_id = :m AND o.channel = 'wechat'"
            " AND r.created_at > :since AND (r.status = 'success' OR r.upstream_code IS NOT NULL)"
            " ORDER BY r.id DESC LIMIT 1"
        ),
        {"p": provider_id, "m": merchant_id, "since": now - LOOK_BACK},
    ).first()
    if row is None:
        return None
    return Returned(row.status == "success", row.upstream_code or "", row.upstream_message or "")
