"""Whose orders a person of a merchant may see (product 2.2, "see orders")."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import Store
from services.order_list import Scope
from services.people.acting import Acting
from services.people.rights import Right, may

NO_STORE = 0  # no row has it


def scope_of(who: Acting, *, whole_store_on_duty: bool) -> Scope:
    """All stores for an owner, the own store for a manager.

    A clerk sees what came over pay codes that were the own at the time and, while on duty, where
    the setting CLERK_SEES_STORE allows it, the whole store's. Whoever has no store sees nothing.
    """
    if may(who, Right.ALL_STORES):
        return Scope(who.provider_id, who.merchant_id)
    store_id = who.store_id or NO_STORE
    if may(who, Right.FIGURES) or (whole_store_on_duty and who.is_on_duty):
        return Scope(who.provider_id, who.merchant_id, store_id)
    return Scope(who.provider_id, who.merchant_id, store_id, who.id)


def at_work(who: Acting) -> Scope:
    """The orders of where he works, whoever's they are and whether or not he is on duty now."""
    if may(who, Right.ALL_STORES):
        return Scope(who.provider_id, who.merchant_id)
    return Scope(who.provider_id, who.merchant_id, who.store_id or NO_STORE)


def narrowed(session: Session, seen: Scope, store_id: int | None) -> Scope:
    """One store of those that are seen; whatever else is asked for changes nothing."""
    if store_id is None or seen.store_id is not None:
        return seen
    own = session.scalar(
        select(Store.id).where(
            Store.provider_id == seen.provider_id,
            Store.merchant_id == seen.merchant_id,
            Store.id == store_id,
        )
    )
    return seen if own is None else Scope(seen.provider_id, seen.merchant_id, own)


def stores(session: Session, seen: Scope) -> list[Store]:
    """The stores whose orders are seen, oldest first."""
    wanted = select(Store).where(
        Store.provider_id == seen.provider_id, Store.merchant_id == seen.merchant_id
    )
    if seen.store_id is not None:
        wanted = wanted.where(Store.id == seen.store_id)
    return list(session.scalars(wanted.order_by(Store.id)))
