"""A till that asks to be let in: it shows a code, one of the shop's people says yes (LOG-1).

The till has the merchant's key already; what it learns is who works at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.device import TillLogin
from models.merchant import Merchant, Staff, Store
from services import audit
from services.deps import Deps
from services.devices.binding import random_code
from services.devices.problems import TillLoginOver
from services.people.acting import Acting
from services.people.rights import Right, may

PAGE: Final = "/m/tills"
PC, ANDROID = 1, 2
TYPES: Final = {PC: "电脑", ANDROID: "安卓设备"}


@dataclass(frozen=True, slots=True)
class Begun:
    activator: str
    token: str = field(repr=False)
    url: str = field(repr=False)


def begin(deps: Deps, merchant: tuple[int, int, str], store_id: int, terminal_type: int) -> Begun:
    """`merchant` is (provider, merchant, the provider's public id). The token is told this once."""
    provider_id, merchant_id, out_mch_id = merchant
    activator, token = random_code(), random_code(32)

    def unit(session: Session) -> None:
        now = deps.now()
        session.add(
            TillLogin(
                provider_id=provider_id,
                merchant_id=merchant_id,
                store_id=store_id,
                activator=activator,
                token_hash=_hash(deps, token),
                terminal_type=terminal_type,
                created_at=now,
                expires_at=now + timedelta(seconds=deps.settings.cpay_shown_code_s),
            )
        )

    deps.transact(unit)
    url = f"{deps.settings.base_url}{PAGE}/{activator}?p={out_mch_id}"
    return Begun(activator, token, url)


def _hash(deps: Deps, token: str) -> str:
    return deps.ring.blind(token, "till_login")


@dataclass(frozen=True, slots=True)
class Waiting:
    """As the page shows it."""

    login: TillLogin
    store: Store


def find(session: Session, deps: Deps, who: Acting, activator: str) -> Waiting:
    """One of the person's own shop, undecided and good. Raises TillLoginOver for any other."""
    wanted = (
        select(TillLogin, Store)
        .join(
            Store, (Store.provider_id == TillLogin.provider_id) & (Store.id == TillLogin.store_id)
        )
        .where(
            TillLogin.provider_id == who.provider_id,
            TillLogin.merchant_id == who.merchant_id,
            TillLogin.activator == activator,
            TillLogin.expires_at > deps.now(),
            TillLogin.decided_at.is_(None),
            Store.deleted_at.is_(None),
        )
        .with_for_update(of=TillLogin)
    )
    row = session.execute(wanted).one_or_none()
    if row is None or not (may(who, Right.ALL_STORES) or row.Store.id == who.store_id):
        raise TillLoginOver
    return Waiting(row.TillLogin, row.Store)


def decide(deps: Deps, who: Acting, activator: str, *, is_granted: bool) -> str:
    """Yes or no, once; the store's id. Raises TillLoginOver."""

    def unit(session: Session) -> str:
        found = find(session, deps, who, activator)
        found.login.is_granted, found.login.staff_id = is_granted, who.id
        found.login.decided_at = deps.now()
        audit.record(
            session,
            provider_id=who.provider_id,
            actor=who.actor,
            action="till_granted" if is_granted else "till_refused",
            subject=f"store:{found.store.out_shop_id}",
            at=deps.now(),
            terminal_type=found.login.terminal_type,
        )
        return found.store.out_shop_id

    return deps.transact(unit)


@dataclass(frozen=True, slots=True)
class Decided:
    is_granted: bool
    staff: Staff
    store: Store
    merchant: Merchant


def state(session: Session, deps: Deps, merchant: tuple[int, int], token: str) -> Decided | None:
    """None while nobody has decided. Raises TillLoginOver: unknown, over, or the person left."""
    row = session.scalar(
        select(TillLogin).where(
            TillLogin.provider_id == merchant[0],
            TillLogin.merchant_id == merchant[1],
            TillLogin.token_hash == _hash(deps, token),
            TillLogin.expires_at > deps.now(),
        )
    )
    if row is None:
        raise TillLoginOver
    if row.decided_at is None:
        return None
    staff = session.get_one(Staff, (row.provider_id, row.staff_id))
    if not staff.is_active:
        raise TillLoginOver
    return Decided(
        row.is_granted,
        staff,
        session.get_one(Store, (row.provider_id, row.store_id)),
        session.get_one(Merchant, (row.provider_id, row.merchant_id)),
    )
