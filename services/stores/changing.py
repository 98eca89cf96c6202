"""A store is added, changed, rested and opened again by the merchant's people; each is audited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from errors import Conflict
from models.merchant import Merchant, PageMode, Store
from models.paycode import Route
from services import audit
from services.deps import Deps
from services.onboarding.checks import free_code, letters
from services.onboarding.rows import make_code, make_first_person, make_store
from services.people.acting import Acting
from services.stores.reading import find


class Switch(StrEnum):
    """What is on or off at a store, beside the member card (`services/cards/store_switch.py`)."""

    REMARK = "takes_remark"
    AFTER_DUTY = "receive_notify_after_duty"
    PAYMENT_CODE = "send_micro_pay_notify"


class StoreStopped(Conflict):
    code = "STORE_STOPPED"
    title = "这家门店由服务商停用"
    steps = ("联系服务商恢复门店。",)
    money = ""


def add(deps: Deps, who: Acting, values: Mapping[str, Any]) -> str:
    """A store with its first code and a 店长 to be activated (product STO-7); its id."""
    return deps.transact(lambda s: put(s, who, values, deps.now()).out_shop_id)


def put(session: Session, who: Acting, values: Mapping[str, Any], now: datetime) -> Store:
    """As `add`."""
    shop = "shop" + letters(16)
    # one after the other at a merchant: what is made here has numbers of its own
    merchant = session.get_one(
        Merchant, (who.provider_id, who.merchant_id), with_for_update={"key_share": True}
    )
    if session.get(Route, ("shop", shop)) is not None:
        raise Conflict("再试一次：编号恰好被占用")
    store = make_store(session, merchant, now=now, out_shop_id=shop, **values)
    code = free_code(session, "")
    make_code(session, store, code=code, name="", now=now, is_first=True)
    make_first_person(session, store, now=now)
    _note(session, who, store, "store_added", now, code=code)
    return store


def change(deps: Deps, who: Acting, out_shop_id: str, values: Mapping[str, Any]) -> bool:
    """Write what differs, from the next scan on; False when nothing does. Raises NotFound."""

    def unit(session: Session) -> bool:
        store = find(session, who, out_shop_id, lock=True)
        return write(session, who, store, values, deps.now())

    return deps.transact(unit)


def write(
    session: Session, who: Acting, store: Store, values: Mapping[str, Any], now: datetime
) -> bool:
    """As `change`; the store is locked."""
    changed = {
        name: [_plain(getattr(store, name)), _plain(value)]
        for name, value in values.items()
        if getattr(store, name) != value
    }
    for name in changed:
        setattr(store, name, values[name])
    if changed:
        _note(session, who, store, "store_changed", now, changed=changed)
    return bool(changed)


def _plain(value: Any) -> Any:
    if isinstance(value, PageMode):
        return value.value
    return f"{value:%H:%M}" if isinstance(value, time) else value


def turn(deps: Deps, who: Acting, out_shop_id: str, switch: Switch, *, is_on: bool) -> bool:
    """One switch; False when it stood so before. Raises NotFound."""
    return change(deps, who, out_shop_id, {switch.value: is_on})


def pause(deps: Deps, who: Acting, out_shop_id: str) -> bool:
    """Its codes take no payment from now on and say that it rests; False when it rests already.

    Payments that are under way are kept. Raises NotFound, and StoreStopped.
    """

    def unit(session: Session) -> bool:
        store = find(session, who, out_shop_id, lock=True)
        if store.paused_at is not None:
            return False
        if not store.is_active:
            raise StoreStopped
        store.is_active, store.paused_at = False, deps.now()
        _note(session, who, store, "store_paused", deps.now())
        return True

    return deps.transact(unit)


def go_on(deps: Deps, who: Acting, out_shop_id: str) -> bool:
    """Take payments again; False when it does. Raises NotFound, and StoreStopped."""

    def unit(session: Session) -> bool:
        store = find(session, who, out_shop_id, lock=True)
        if store.is_active:
            return False
        if store.paused_at is None:
            raise StoreStopped
        store.is_active, store.paused_at = True, None
        _note(session, who, store, "store_resumed", deps.now())
        return True

    return deps.transact(unit)


def _note(
    session: Session, who: Acting, store: Store, action: str, now: datetime, **facts: Any
) -> None:
    session.flush()
    audit.record(
        session,
        provider_id=store.provider_id,
        actor=who.actor,
        action=action,
        subject=f"store:{store.out_shop_id}",
        at=now,
        **facts,
    )
