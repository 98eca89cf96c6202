"""What a month's takings would earn at the rates configured: an estimate, for reference (STA-3).

Net takings of each wallet (payments less refunds that succeeded in the month) times the merchant's
rate, or the provider's for that wallet. What WeChat and Alipay pay stands on their own bills.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

PAGE: Final = 50
_OF_MONTH: Final = """
WITH taken AS (
    SELECT merchant_id, channel, paid_fen - refund_fen AS net_fen FROM day_total
    WHERE provider_id = :p AND day_on >= :since AND day_on < :until
    UNION ALL
    SELECT merchant_id, channel, paid_fen - refund_fen FROM day_delta
    WHERE provider_id = :p AND day_on >= :since AND day_on < :until
), by_wallet AS (
    SELECT merchant_id, replace(channel, 'recharge:', '') AS wallet,
        sum(net_fen)::bigint AS net_fen
    FROM taken
    WHERE channel IN ('wechat', 'alipay', 'recharge:wechat', 'recharge:alipay')
    GROUP BY 1, 2
), line AS (
    SELECT m.id, m.out_sub_mch_id, m.name, w.wallet, w.net_fen,
        COALESCE(m.rebate_bp, CASE w.wallet WHEN 'wechat' THEN p.wechat_rebate_bp
            ELSE p.alipay_rebate_bp END) AS rate_bp
    FROM by_wallet w
    JOIN merchant m ON m.provider_id = :p AND m.id = w.merchant_id
    JOIN provider p ON p.id = :p
)
"""
_EXPECTED: Final = "GREATEST(net_fen, 0) * COALESCE(rate_bp, 0) / 10000"
_LINES: Final = text(f"""{_OF_MONTH}
, page AS (SELECT DISTINCT id FROM line WHERE id > :after ORDER BY id LIMIT :most)
SELECT line.*, {_EXPECTED} AS expected_fen FROM line JOIN page USING (id)
ORDER BY id, wallet DESC
""")
_TOTALS: Final = text(f"""{_OF_MONTH}
SELECT wallet, sum(net_fen)::bigint AS net_fen, sum({_EXPECTED})::bigint AS expected_fen
FROM line GROUP BY wallet ORDER BY wallet DESC
""")


@dataclass(frozen=True, slots=True)
class Month:
    """A China month, by its first day."""

    first: date

    @property
    def until(self) -> date:
        year, month = divmod(self.first.year * 12 + self.first.month, 12)
        return date(year, month + 1, 1)

    @property
    def before(self) -> Month:
        year, month = divmod(self.first.year * 12 + self.first.month - 2, 12)
        return Month(date(year, month + 1, 1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @classmethod
    def read(cls, said: str, today: date) -> Month:
        """`2026-11`; this month for anything else."""
        try:
            first = date.fromisoformat(f"{said}-01")
        except ValueError:
            return cls(today.replace(day=1))
        return cls(first) if date(2011, 1, 1) <= first <= today else cls(today.replace(day=1))


@dataclass(frozen=True, slots=True)
class Line:
    """One merchant and one wallet. `rate_bp` in 1/100 of a percent; None: no rate is set."""

    merchant_id: int
    out_sub_mch_id: str
    name: str
    wallet: str
    net_fen: int
    rate_bp: int | None
    expected_fen: int

    @property
    def rate(self) -> str:
        if self.rate_bp is None:
            return "未设置"
        whole, rest = divmod(self.rate_bp, 100)
        return f"{whole}.{rest:02d}%"


def lines(
    session: Session, provider_id: int, month: Month, *, after: int = 0, most: int = PAGE
) -> list[Line]:
    """Of the next `most` merchants behind the one whose id is `after`."""
    found = session.execute(
        _LINES, {**_keys(provider_id, month), "after": after, "most": most}
    ).all()
    return [
        Line(
            one.id, one.out_sub_mch_id, one.name, one.wallet, one.net_fen, one.rate_bp,
            one.expected_fen,
        )
        for one in found
    ]  # fmt: skip


def totals(session: Session, provider_id: int, month: Month) -> Sequence[Any]:
    """`wallet`, `net_fen`, `expected_fen`: the sums of all lines, each rounded down before."""
    return session.execute(_TOTALS, _keys(provider_id, month)).all()


def _keys(provider_id: int, month: Month) -> dict[str, Any]:
    return {"p": provider_id, "since": month.first, "until": month.until}
