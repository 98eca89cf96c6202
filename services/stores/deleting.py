"""Deleting a store: refused for a month after its last transaction (product STO-5).

A store is deleted in that it is closed for good and no page of stores shows it: its orders, refunds
and figures stay, for they are never deleted by anybody (STO-6).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from errors import AppError
from models.device import Device
from models.merchant import Staff, Store
from models.paycode import PayCode, PayCodeKind
from services import audit
from services.deps import Deps
from services.people.acting import Acting
from services.stores.reading import SHANGHAI, find, short_name

SHOWN_DAYS: Final = timedelta(days=30)


class StoreRecentTrade(AppError):
    code = "STORE_RECENT_TRADE"
    status = 409
    title = "近一个月内有交易，不允许删除"
    steps = ("想马上停用，可以暂停收款：收款码立即失效，记录与对账不受影响。",)


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks against deleting a store. Nothing does if it is `is_free`."""

    last_at: datetime | None  # of the last payment or refund
    recent: int  # payments of the last thirty days
    is_busy: bool  # an order may still be paid, or a refund is under way
    free_at: datetime | None  # from when on it can be deleted; None without any transaction
    is_free: bool

    def refusal(self) -> StoreRecentTrade:
        if self.is_busy:
            return StoreRecentTrade("还有订单或退款在处理中，不允许删除")
        assert self.last_at is not None
        assert self.free_at is not None
        last, free = (f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for at in
                      (self.last_at, self.free_at))  # fmt: skip
        return StoreRecentTrade(f"近一个月内有交易，不允许删除（最近：{last}，可删除：{free}）")


def month_after(at: datetime) -> datetime:
    """The first moment from which `at` lies a whole month back, by the calendar of China.

    The same day and time of the next month; where that month has no such day, the beginning of the
    one after: on 28 February the 31st of January is still less than a month ago.
    """
    local = at.astimezone(SHANGHAI)
    year, month = _next(local.year, local.month)
    if local.day <= monthrange(year, month)[1]:
        return local.replace(year=year, month=month)
    year, month = _next(year, month)
    return local.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)


def _next(year: int, month: int) -> tuple[int, int]:
    return (year + month // 12, month % 12 + 1)


_ORDERS: Final = text("""
SELECT max(paid_at) AS last_at, count(*) FILTER (WHERE paid_at > :since) AS recent,
    COALESCE(bool_or(status IN ('created', 'paying')), false) AS is_busy
FROM pay_order WHERE provider_id = :p AND store_id = :s
""")
# The later of what was paid twice is an attempt's; a refund counts when it succeeded.
_PARTS: Final = text("""
SELECT max(a.paid_at) AS attempt_at, max(r.succeeded_at) AS refund_at,
    COALESCE(bool_or(r.status IN ('created', 'processing', 'unknown', 'waiting')), false) AS is_busy
FROM pay_order o JOIN pay_attempt a ON a.provider_id = o.provider_id AND a.order_id = o.id
LEFT JOIN refund r ON r.provider_id = o.provider_id AND r.order_id = o.id
WHERE o.provider_id = :p AND o.store_id = :s
""")


def standing(session: Session, store: Store, now: datetime) -> Standing:
    """Reads all orders of the store: a second for a million of them, and it is asked seldom."""
    keys: dict[str, Any] = {"p": store.provider_id, "s": store.id, "since": now - SHOWN_DAYS}
    orders = session.execute(_ORDERS, keys).one()
    parts = session.execute(_PARTS, keys).one()
    times = [at for at in (orders.last_at, parts.attempt_at, parts.refund_at) if at is not None]
    last_at = max(times, default=None)
    is_busy = orders.is_busy or parts.is_busy
    free_at = None if last_at is None else month_after(last_at)
    is_free = not is_busy and (free_at is None or now >= free_at)
    return Standing(last_at, int(orders.recent), is_busy, free_at, is_free)


def delete(deps: Deps, who: Acting, out_shop_id: str) -> str:
    """Delete it and let its people go; the name that it had.

    Raises NotFound, also the second time, and StoreRecentTrade. While it looks at the orders no new
    one of the store can be written down.
    """

    def unit(session: Session) -> str:
        store = find(session, who, out_shop_id, lock=True)
        remove(session, who, store, deps.now())
        return short_name(store)

    return deps.transact(unit)


def remove(session: Session, who: Acting, store: Store, now: datetime) -> None:
    """As `delete`; the store is locked. Its devices are free for other stores."""
    found = standing(session, store, now)
    if not found.is_free:
        raise found.refusal()
    store.is_active, store.paused_at, store.deleted_at = False, None, now
    of_store = (Staff.provider_id == store.provider_id, Staff.store_id == store.id)
    session.execute(
        update(Staff).where(*of_store, Staff.is_active).values(is_active=False, removed_at=now)
    )
    session.execute(
        update(PayCode)
        .where(
            PayCode.provider_id == store.provider_id,
            PayCode.store_id == store.id,
            PayCode.bound_at.is_not(None),
        )
        .values(kind=PayCodeKind.BLANK, store_id=None, staff_id=None, bound_at=None)
    )
    session.execute(
        update(Device)
        .where(
            Device.provider_id == store.provider_id,
            Device.store_id == store.id,
            Device.deleted_at.is_(None),
        )
        .values(sn_code=None, bound_by=None, bound_at=None, deleted_at=now)
    )
    audit.record(
        session,
        provider_id=store.provider_id,
        actor=who.actor,
        action="store_deleted",
        subject=f"store:{store.out_shop_id}",
        at=now,
        last_trade_at=found.last_at.isoformat() if found.last_at else None,
    )
