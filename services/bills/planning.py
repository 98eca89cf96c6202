"""Which bills there must be: written down as rows, so that none is forgotten."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.bills.days import china_date, ends, ready_at, starts
from services.cards import agreement
from services.deps import Deps

LOOK_BACK = timedelta(days=7)  # after a standstill, the days that were missed

# A merchant whose grant has ended still needs the bill of a day on which it was paid.
_WANTED = text("""
INSERT INTO bill (provider_id, channel, account, merchant_id, bill_on, status, due_at, tries,
    trades, trade_fen, refunds, refund_fen, fee_millifen, elsewhere, differences, rounds,
    created_at)
SELECT a.provider_id, a.channel, a.facts ->> CASE a.kind WHEN 'pay' THEN 'sp_mchid' ELSE 'pid' END,
    a.merchant_id, :on, 'wanted', :due_at, 0, 0, 0, 0, 0, 0, 0, 0, 0, :now
FROM channel_account a JOIN provider p ON p.id = a.provider_id
LEFT JOIN merchant m ON m.provider_id = a.provider_id AND m.id = a.merchant_id
WHERE p.is_active AND a.created_at < :ends AND (
    (a.channel = 'wechat' AND a.kind = 'pay')
    OR (a.channel = 'alipay' AND a.kind = 'grant' AND (m.alipay_state = 'valid' OR EXISTS (
        SELECT 1 FROM pay_attempt t WHERE t.provider_id = a.provider_id AND t.channel = 'alipay'
            AND t.payee = a.facts ->> 'pid' AND t.paid_at >= :starts AND t.paid_at < :ends
    )))
)
ORDER BY a.provider_id, a.id
ON CONFLICT (provider_id, channel, account, bill_on) DO NOTHING
RETURNING id
""")


def want_bills(deps: Deps, on: date) -> int:
    """Write down the bills of one day, each due at 10:00 of the next; how many are new."""

    def unit(session: Session) -> int:
        values = {
            "on": on,
            "due_at": ready_at(on),
            "starts": starts(on),
            "ends": ends(on),
            "now": deps.now(),
        }
        of_wallets = len(session.execute(_WANTED, values).all())
        return of_wallets + agreement.want(session, on, ready_at(on), deps.now())

    return deps.transact(unit, rerun_if_unknown=True)


def want_recent(deps: Deps) -> int:
    """The bills of yesterday and of the week before it."""
    today = china_date(deps.now())
    days = [today - timedelta(days=n) for n in range(LOOK_BACK.days, 0, -1)]
    return sum(want_bills(deps, on) for on in days)
