"""Who is told of a payment (product NTF-1, 2, 4), written in the transaction that follows it.

Whom: the people of the store who want it; of a person's own code that person alone; of a code that
somebody is on duty at, whoever is on duty there or at the whole store. An owner is of no store: he
hears of what he chose. When: on duty, or at any time by the store's setting. A large payment is
told at any hour and whatever the settings about hours and payment codes say.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps
from services.payment_notices.hours import local_time

# Heard of later than this, by a bill or after a restore, a payment is history and nobody's phone
# rings for it.
TOO_OLD: Final = timedelta(hours=24)

_WRITE: Final = text("""
INSERT INTO payment_notice (provider_id, order_id, merchant_id, store_id, staff_id, person_id,
    is_large, status, way, tries, due_at, wechat_code, sms_code, created_at, ended_at)
SELECT f.provider_id, f.order_id, f.merchant_id, f.store_id, f.staff_id, f.person_id, f.is_large,
    CASE WHEN f.is_quiet THEN 'quiet' ELSE 'pending' END, 'wechat', 0,
    CASE WHEN f.is_quiet THEN NULL ELSE CAST(:now AS timestamptz) END, '', '', :now,
    CASE WHEN f.is_quiet THEN CAST(:now AS timestamptz) END
FROM (
    SELECT DISTINCT ON (w.person_id) o.provider_id, o.id AS order_id, o.merchant_id, o.store_id,
        w.id AS staff_id, w.person_id, l.is_large,
        NOT l.is_large AND h.quiet_from IS NOT NULL AND CASE WHEN h.quiet_from < h.quiet_until
            THEN :local >= h.quiet_from AND :local < h.quiet_until
            ELSE :local >= h.quiet_from OR :local < h.quiet_until END AS is_quiet
    FROM pay_order o
    JOIN notice_template t ON t.provider_id = o.provider_id AND t.is_active
    JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
    JOIN staff w ON w.provider_id = o.provider_id AND w.merchant_id = o.merchant_id
        AND w.is_active AND w.wants_notices AND (w.store_id = o.store_id OR w.role = 'owner')
    JOIN person p ON p.provider_id = w.provider_id AND p.id = w.person_id
        AND p.channel = 'wechat' AND p.sealed IS NOT NULL
    LEFT JOIN notice_choice h ON h.provider_id = w.provider_id AND h.person_id = w.person_id
    LEFT JOIN shift d ON d.provider_id = w.provider_id AND d.staff_id = w.id AND d.ended_at IS NULL
    CROSS JOIN LATERAL (SELECT o.amount_fen >= COALESCE(h.large_fen, :large) AS is_large) l
    WHERE o.provider_id = :p AND o.id = :o AND o.status = 'paid' AND o.paid_at > :oldest
        AND CASE WHEN w.role = 'owner' THEN l.is_large OR COALESCE(h.all_payments, false)
            ELSE (o.staff_id IS NULL OR o.staff_id = w.id)
                AND (d.pay_code_id IS NULL OR d.pay_code_id IS NOT DISTINCT FROM o.pay_code_id)
                AND (d.id IS NOT NULL OR s.receive_notify_after_duty OR l.is_large) END
        AND (s.send_micro_pay_notify OR l.is_large OR NOT EXISTS (
            SELECT 1 FROM pay_attempt a WHERE a.provider_id = o.provider_id AND a.order_id = o.id
                AND a.status = 'paid' AND a.method IN ('code', 'deposit')))
    ORDER BY w.person_id, w.role = 'owner', w.id
) f ORDER BY f.person_id
ON CONFLICT (provider_id, order_id, person_id) DO NOTHING
""")


def order_was_paid(
    session: Session, deps: Deps, provider_id: int, order_id: int, now: datetime
) -> None:
    """One row for each person to be told, due at once; whoever comes again writes none."""
    values = {
        "p": provider_id,
        "o": order_id,
        "now": now,
        "oldest": now - TOO_OLD,
        "local": local_time(now),
        "large": deps.settings.notice_large_fen,
    }
    session.execute(_WRITE, values)
