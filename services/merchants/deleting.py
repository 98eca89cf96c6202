"""Deleting a merchant (product MCH-7): closed for good; its transactions stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from errors import AppError
from gateways.money import yuan_from_fen
from models.merchant import Merchant, Staff, Store
from services.deps import Deps
from services.merchants.changing import touch
from services.merchants.permissions import refuse_bound
from services.merchants.problems import MembersHaveMoney, MerchantRecentTrade
from services.merchants.reading import find
from services.stores.deleting import month_after
from services.stores.reading import SHANGHAI

_TRADES: Final = text("""
SELECT max(greatest(o.paid_at, a.paid_at, r.succeeded_at)) AS last_at,
    COALESCE(bool_or(o.status IN ('created', 'paying')
        OR r.status IN ('created', 'processing', 'unknown', 'waiting')), false) AS is_busy
FROM pay_order o
LEFT JOIN pay_attempt a ON a.provider_id = o.provider_id AND a.order_id = o.id
LEFT JOIN refund r ON r.provider_id = o.provider_id AND r.order_id = o.id
WHERE o.provider_id = :p AND o.merchant_id = :m
""")
_CARDS: Final = text("""
SELECT COALESCE((SELECT sum(balance_fen + held_fen) FROM card_room
        WHERE provider_id = :p AND merchant_id = :m), 0)
    - COALESCE((SELECT sum(freed_fen) FROM card_release
        WHERE provider_id = :p AND merchant_id = :m), 0) AS fen
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks against it; `problem` None: nothing does."""

    last_at: datetime | None
    free_at: datetime | None
    problem: AppError | None


def standing(session: Session, merchant: Merchant, now: datetime) -> Standing:
    """Reads all of its orders: it is asked seldom."""
    keys: dict[str, Any] = {"p": merchant.provider_id, "m": merchant.id}
    trades = session.execute(_TRADES, keys).one()
    free_at = None if trades.last_at is None else month_after(trades.last_at)
    try:
        _refuse(session, merchant, trades.is_busy, trades.last_at, free_at, now)
    except AppError as problem:
        return Standing(trades.last_at, free_at, problem)
    return Standing(trades.last_at, free_at, None)


def _refuse(
    session: Session,
    merchant: Merchant,
    is_busy: bool,
    last_at: datetime | None,
    free_at: datetime | None,
    now: datetime,
) -> None:
    if is_busy:
        raise MerchantRecentTrade("还有订单或退款在处理中，不允许删除")
    if last_at is not None and free_at is not None and now < free_at:
        last, free = (f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for at in (last_at, free_at))
        said = f"近一个月内有交易，不允许删除（最近：{last}，可删除：{free}）"
        raise MerchantRecentTrade(said)
    refuse_bound(session, merchant)
    fen = int(session.execute(_CARDS, {"p": merchant.provider_id, "m": merchant.id}).scalar_one())
    if fen:
        raise MembersHaveMoney(f"会员卡里还有 ¥{yuan_from_fen(fen)}，不允许删除")


def delete(deps: Deps, provider_id: int, out_id: str, *, actor: str) -> str:
    """Close it and its stores, let its people go; gives its name. Raises what `standing` tells.

    While its orders are looked at no new one of it can be written down.
    """

    def unit(session: Session) -> str:
        now = deps.now()
        merchant = find(session, provider_id, out_id, lock=True)
        session.execute(  # an order of the merchant keeps this row's key: none begins now
            text("SELECT 1 FROM merchant WHERE provider_id = :p AND id = :m FOR UPDATE"),
            {"p": provider_id, "m": merchant.id},
        )
        found = standing(session, merchant, now)
        if found.problem is not None:
            raise found.problem
        merchant.is_active, merchant.deleted_at = False, now
        mine = (Staff.provider_id == provider_id, Staff.merchant_id == merchant.id)
        session.execute(
            update(Staff).where(*mine, Staff.is_active).values(is_active=False, removed_at=now)
        )
        session.execute(
            update(Store)
            .where(
                Store.provider_id == provider_id,
                Store.merchant_id == merchant.id,
                Store.deleted_at.is_(None),
            )
            .values(is_active=False, paused_at=None, deleted_at=now)
        )
        last = found.last_at.isoformat() if found.last_at else None
        touch(session, merchant, "merchant_deleted", now, actor, last_trade_at=last)
        return merchant.name

    return deps.transact(unit)
