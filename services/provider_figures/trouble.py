"""Merchants that need somebody: what stops their money, the newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.provider_figures.today import Refusals
from services.recon import items
from services.recon.items import Item

MOST: Final = 5
WALLETS: Final = {"wechat": "微信支付", "alipay": "支付宝"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """`item` for a work item; else it is about the merchant's configuration."""

    merchant: str
    merchant_number: str
    said: str
    code: str
    at: datetime | None  # None: nobody wrote down when it began
    item: Item | None = None


_GRANTS: Final = text("""
SELECT out_sub_mch_id, name, alipay_state FROM merchant
WHERE provider_id = :p AND is_active AND alipay_state IN ('expired', 'revoked')
ORDER BY id DESC LIMIT :most
""")
GRANT_WORDS: Final = {
    "expired": "支付宝应用授权令牌过期，支付宝收不了款",
    "revoked": "商户取消了支付宝应用授权，支付宝收不了款",
}


def newest(
    session: Session, provider_id: int, refusals: Iterable[Refusals], most: int = MOST
) -> list[Trouble]:
    """Grants that have ended first: such a merchant takes nothing; then the newest of the rest.

    The rest are open work items, and what wallets refused within the hour.
    """
    rest = [_of_item(one) for one in items.listed(session, provider_id, is_open=True, most=most)[0]]
    rest += _refusals(session, provider_id, list(refusals)[:most])
    rest.sort(key=lambda one: one.at or datetime.min, reverse=True)
    return (_grants(session, provider_id, most) + rest)[:most]


def _of_item(item: Item) -> Trouble:
    return Trouble(
        item.merchant or "未知商户", item.merchant_number, item.words.title, item.kind.upper(),
        item.at, item,
    )  # fmt: skip


def _grants(session: Session, provider_id: int, most: int) -> list[Trouble]:
    return [
        Trouble(
            row.name, row.out_sub_mch_id, GRANT_WORDS[row.alipay_state], "ALIPAY_TOKEN_INVALID",
            None,
        )
        for row in session.execute(_GRANTS, {"p": provider_id, "most": most})
    ]  # fmt: skip


_NAMES: Final = text(
    "SELECT id, name, out_sub_mch_id FROM merchant WHERE provider_id = :p AND id = ANY(:ids)"
)


def _refusals(session: Session, provider_id: int, refusals: list[Refusals]) -> list[Trouble]:
    if not refusals:
        return []
    ids = sorted({one.merchant_id for one in refusals})
    names = {row.id: row for row in session.execute(_NAMES, {"p": provider_id, "ids": ids})}
    return [
        Trouble(
            names[one.merchant_id].name, names[one.merchant_id].out_sub_mch_id,
            f"近 1 小时{WALLETS.get(one.channel, one.channel)}拒绝了 {one.count} 笔："
            f"{one.message or one.code}",
            one.code, one.last_at,
        )
        for one in refusals
    ]  # fmt: skip
