"""Which stores a person may see, and in what state each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import Merchant, Staff, Store
from models.paycode import PayCode
from services.cards import online_store
from services.people.acting import Acting
from services.people.rights import Right, may

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


class StoreState(StrEnum):
    OPEN = "open"
    RESTING = "resting"  # outside its hours
    PAUSED = "paused"  # by the merchant, who may go on
    STOPPED = "stopped"  # by the provider


def name_of(store: Store) -> str:
    """As a customer reads it: 青禾茶事 · 湖滨店."""
    return " · ".join(part for part in (store.name, store.branch_name) if part)


def short_name(store: Store) -> str:
    return store.branch_name or store.name


def state_of(store: Store, now: datetime) -> StoreState:
    if store.paused_at is not None:
        return StoreState.PAUSED
    if not store.is_active:
        return StoreState.STOPPED
    return StoreState.OPEN if _is_open(store.opens_at, store.closes_at, now) else StoreState.RESTING


def _is_open(opens_at: time | None, closes_at: time | None, now: datetime) -> bool:
    if opens_at is None or closes_at is None:
        return True
    at = now.astimezone(SHANGHAI).time()
    if opens_at <= closes_at:
        return opens_at <= at < closes_at
    return at >= opens_at or at < closes_at  # open past midnight


def _own(session: Session, who: Acting) -> Select[Store]:
    """Not deleted, and within this person's reach. The online store is none that people go to."""
    merchant = session.get_one(Merchant, (who.provider_id, who.merchant_id))
    found = select(Store).where(
        Store.provider_id == who.provider_id,
        Store.merchant_id == who.merchant_id,
        Store.deleted_at.is_(None),
        Store.out_shop_id != online_store.shop_id(merchant.out_sub_mch_id),
    )
    if not may(who, Right.ALL_STORES):
        found = found.where(Store.id == (who.store_id or 0))
    return found


def all_of(session: Session, who: Acting) -> Sequence[Store]:
    return session.scalars(_own(session, who).order_by(Store.id)).all()


def find(session: Session, who: Acting, out_shop_id: str, *, lock: bool = False) -> Store:
    """A store within this person's reach; `lock` holds new orders of it back, too.

    Raises NotFound for any other, whether it is deleted, another merchant's or nobody's.
    """
    wanted = _own(session, who).where(Store.out_shop_id == out_shop_id)
    store = session.scalar(wanted.with_for_update() if lock else wanted)
    if store is None:
        raise NotFound(out_shop_id)
    return store


@dataclass(frozen=True, slots=True)
class StoreLine:
    store: Store
    codes: int
    today_fen: int  # taken today over wallets, less what went back today


_TODAY: Final = text("""
SELECT store_id, sum(paid_fen - refund_fen) AS fen FROM (
    SELECT store_id, paid_fen, refund_fen FROM day_total
    WHERE provider_id = :p AND merchant_id = :m AND day_on = :day AND channel <> 'balance'
    UNION ALL
    SELECT store_id, paid_fen, refund_fen FROM day_delta
    WHERE provider_id = :p AND merchant_id = :m AND day_on = :day AND channel <> 'balance'
) parts GROUP BY store_id
""")


def listed(session: Session, who: Acting, today: date) -> list[StoreLine]:
    stores = all_of(session, who)
    keys: dict[str, Any] = {"p": who.provider_id, "m": who.merchant_id, "day": today}
    taken = {row.store_id: int(row.fen) for row in session.execute(_TODAY, keys)}
    codes = _count(session, PayCode.store_id, PayCode.is_active, who)
    return [StoreLine(store, codes.get(store.id, 0), taken.get(store.id, 0)) for store in stores]


def people(session: Session, who: Acting) -> dict[int | None, int]:
    """How many work in each store."""
    return _count(session, Staff.store_id, Staff.is_active, who)


def _count(session: Session, store_id: Any, is_live: Any, who: Acting) -> dict[int | None, int]:
    table = store_id.class_
    rows = session.execute(
        select(store_id, func.count())
        .where(table.provider_id == who.provider_id, table.merchant_id == who.merchant_id, is_live)
        .group_by(store_id)
    )
    return {row[0]: int(row[1]) for row in rows}
