"""Which merchants a provider has: the list by keyset, and one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, exists, func, or_, select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import GrantState, Merchant, MerchantSource, Staff, StaffRole, Store
from services.totals import china_day

PAGE: Final = 20
SOURCES: Final = {
    MerchantSource.MANUAL: "手工新建",
    MerchantSource.FILE: "Excel 导入",
    MerchantSource.APPLYMENT: "进件",
    MerchantSource.MAIDAN: "微信买单",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`q`: a part of the name, or the beginning of any of its numbers."""

    q: str = ""
    source: MerchantSource | None = None
    is_troubled: bool = False
    sub_provider_id: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    merchant: Merchant
    stores: int
    month_fen: int  # taken over wallets in the last thirty days, less what went back
    owner: Staff | None  # the newest of its admins; None: nobody was prepared yet

    @property
    def is_owner_waiting(self) -> bool:
        return self.owner is None or self.owner.person_id is None


@dataclass(frozen=True, slots=True)
class Found:
    lines: Sequence[Line]
    newer: int | None  # ids where the page before, and the one behind, begin
    older: int | None


def listed(
    session: Session,
    provider_id: int,
    wanted: Wanted,
    now: datetime,
    *,
    before: int | None = None,
    after: int | None = None,
    most: int = PAGE,
) -> Found:
    """The newest first (MCH-8): those older than `before`, or the nearest newer than `after`."""
    query = _wanted(provider_id, wanted)
    if after is not None:
        query = query.where(Merchant.id > after).order_by(Merchant.id)
    else:
        query = query if before is None else query.where(Merchant.id < before)
        query = query.order_by(Merchant.id.desc())
    rows = list(session.scalars(query.limit(most + 1)))
    more, rows = len(rows) > most, rows[:most]
    if after is not None:
        rows.reverse()
    has_newer = more if after is not None else before is not None
    has_older = after is not None or more
    ends = [row.id for row in rows]
    return Found(
        _lines(session, provider_id, rows, now),
        ends[0] if ends and has_newer else None,
        ends[-1] if ends and has_older else None,
    )


def counted(session: Session, provider_id: int, wanted: Wanted) -> int:
    return (
        session.scalar(select(func.count()).select_from(_wanted(provider_id, wanted).subquery()))
        or 0
    )


def _wanted(provider_id: int, wanted: Wanted) -> Select[Merchant]:
    query = select(Merchant).where(
        Merchant.provider_id == provider_id, Merchant.deleted_at.is_(None)
    )
    if wanted.source is not None:
        query = query.where(Merchant.source == wanted.source)
    if wanted.sub_provider_id is not None:
        query = query.where(Merchant.sub_provider_id == wanted.sub_provider_id)
    if wanted.is_troubled:
        query = query.where(
            or_(
                Merchant.needs_setup,
                ~Merchant.is_active,
                Merchant.alipay_state.in_((GrantState.EXPIRED, GrantState.REVOKED)),
                Merchant.wechat_sub_mchid.is_(None) & Merchant.alipay_pid.is_(None),
            )
        )
    if wanted.q:
        query = query.where(_matches(provider_id, wanted.q))
    return query


def _matches(provider_id: int, q: str) -> Any:
    own_store = exists().where(
        Store.provider_id == provider_id,
        Store.merchant_id == Merchant.id,
        or_(Store.wechat_sub_mchid == q, Store.alipay_pid == q, Store.out_shop_id == q),
    )
    return or_(
        func.strpos(func.lower(Merchant.name), q.lower()) > 0,
        func.strpos(func.lower(Merchant.short_name), q.lower()) > 0,
        func.starts_with(Merchant.wechat_sub_mchid, q),
        func.starts_with(Merchant.alipay_pid, q),
        func.starts_with(Merchant.order_prefix, q),
        func.starts_with(Merchant.second_prefix, q),
        func.lower(Merchant.out_sub_mch_id) == q.lower(),
        own_store,
    )


_MONTH: Final = text("""
SELECT merchant_id, sum(paid_fen - refund_fen) AS fen FROM (
    SELECT merchant_id, paid_fen, refund_fen FROM day_total
    WHERE provider_id = :p AND merchant_id = ANY(:ids) AND day_on > :since
        AND channel <> 'balance'
    UNION ALL
    SELECT merchant_id, paid_fen, refund_fen FROM day_delta
    WHERE provider_id = :p AND merchant_id = ANY(:ids) AND day_on > :since
        AND channel <> 'balance'
) parts GROUP BY merchant_id
""")


def _lines(
    session: Session, provider_id: int, rows: Sequence[Merchant], now: datetime
) -> list[Line]:
    ids = [row.id for row in rows]
    since = china_day(now) - timedelta(days=30)
    taken = {
        row.merchant_id: int(row.fen)
        for row in session.execute(_MONTH, {"p": provider_id, "ids": ids, "since": since})
    }
    stores = {
        row[0]: int(row[1])
        for row in session.execute(
            select(Store.merchant_id, func.count())
            .where(
                Store.provider_id == provider_id,
                Store.merchant_id.in_(ids),
                Store.deleted_at.is_(None),
            )
            .group_by(Store.merchant_id)
        )
    }
    owners = _owners(session, provider_id, ids)
    return [
        Line(row, stores.get(row.id, 0), taken.get(row.id, 0), owners.get(row.id)) for row in rows
    ]


def _owners(session: Session, provider_id: int, ids: Sequence[int]) -> Mapping[int, Staff]:
    """One admin of each: an active one before one who waits."""
    found = session.scalars(
        select(Staff)
        .where(
            Staff.provider_id == provider_id,
            Staff.merchant_id.in_(ids),
            Staff.role == StaffRole.OWNER,
            Staff.is_active,
        )
        .order_by(Staff.merchant_id, Staff.person_id.is_not(None), Staff.id)
    )
    return {row.merchant_id: row for row in found}


def find(session: Session, provider_id: int, out_id: str, *, lock: bool = False) -> Merchant:
    """A merchant of this provider. Raises NotFound for a deleted or foreign one, too.

    `lock` lets orders go on: they only keep its key.
    """
    wanted = select(Merchant).where(
        Merchant.provider_id == provider_id,
        Merchant.out_sub_mch_id == out_id,
        Merchant.deleted_at.is_(None),
    )
    if lock:
        wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise NotFound(f"no merchant {out_id}")
    return found


def stores_of(session: Session, merchant: Merchant) -> Sequence[Store]:
    return session.scalars(
        select(Store)
        .where(
            Store.provider_id == merchant.provider_id,
            Store.merchant_id == merchant.id,
            Store.deleted_at.is_(None),
        )
        .order_by(Store.id)
    ).all()


def find_store(
    session: Session, provider_id: int, out_id: str, out_shop_id: str, *, lock: bool = False
) -> tuple[Merchant, Store]:
    """A store of this merchant; the merchant is locked before it."""
    merchant = find(session, provider_id, out_id, lock=lock)
    wanted = select(Store).where(
        Store.provider_id == provider_id,
        Store.merchant_id == merchant.id,
        Store.out_shop_id == out_shop_id,
        Store.deleted_at.is_(None),
    )
    if lock:
        wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    store = session.scalar(wanted)
    if store is None:
        raise NotFound(f"no store {out_shop_id}")
    return merchant, store
