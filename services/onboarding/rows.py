"""The rows of providers, merchants, stores and codes, as onboarding and the demo data make them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import Merchant, Staff, StaffRole, Store
from models.paycode import PayCode, PayCodeKind, Route
from models.provider import ChannelAccount, Credential
from services.accounts import seal_place
from services.deps import Deps
from services.numbers import new_public_id

FIRST_PERSON = "店长"
# Both of these may be live during a change; of every other kind the new one replaces the old.
OVERLAPPING = frozenset({"apiv3_key", "alipay_public_key"})


def add_account(
    session: Session,
    deps: Deps,
    provider_id: int,
    *,
    channel: str,
    kind: str,
    facts: Mapping[str, Any],
    secret: Mapping[str, str],
    now: datetime,
    merchant_id: int | None = None,
) -> list[str]:
    """One account with its secrets, made or changed; gives the names of what is new.

    Only what is given changes. A secret equal to the newest one is left alone.
    """
    account = session.scalar(
        select(ChannelAccount).where(
            ChannelAccount.provider_id == provider_id,
            ChannelAccount.channel == channel,
            ChannelAccount.kind == kind,
            ChannelAccount.merchant_id.is_(None)
            if merchant_id is None
            else ChannelAccount.merchant_id == merchant_id,
        )
    )
    if account is None:
        account = ChannelAccount(
            provider_id=provider_id,
            channel=channel,
            kind=kind,
            merchant_id=merchant_id,
            facts={},
            created_at=now,
        )
        session.add(account)
    changed = [name for name, value in facts.items() if account.facts.get(name) != value]
    account.facts = {**account.facts, **facts}
    session.flush()
    return changed + [
        name
        for name, plain in secret.items()
        if _put_secret(session, deps, account, name, plain, now)
    ]


OTHER = "grant:"  # and the PID: see `services.accounts.OTHER_GRANT`


def keep_past_grant(session: Session, provider_id: int, merchant_id: int, new_pid: str) -> None:
    """Before another account takes the place of a merchant's own: what was begun with the old one
    is still asked about, and given back, under its own grant. One that comes back takes its old
    row again; "" for `new_pid`: none follows.
    """

    def row_of(kind: str) -> ChannelAccount | None:
        return session.scalar(
            select(ChannelAccount).where(
                ChannelAccount.provider_id == provider_id,
                ChannelAccount.channel == "alipay",
                ChannelAccount.kind == kind,
                ChannelAccount.merchant_id == merchant_id,
            )
        )

    own = row_of("grant")
    if own is None or own.facts["pid"] == new_pid:
        return
    past = row_of(OTHER + str(own.facts["pid"]))
    if past is not None:  # a store of the merchant has the same account: one row serves both
        past.kind = f"ended:{past.id}"
        session.flush()
    own.kind = OTHER + str(own.facts["pid"])
    session.flush()
    again = row_of(OTHER + new_pid) if new_pid else None
    if again is not None:
        again.kind = "grant"
        session.flush()


def _put_secret(
    session: Session, deps: Deps, account: ChannelAccount, kind: str, plain: str, now: datetime
) -> bool:
    """Seal it as the newest of its kind; False when it is the newest already."""
    live = live_secrets(session, account, kind)
    if live and deps.ring.open(live[0].sealed, _place(live[0].seal_key)) == plain:
        return False
    for older in live:
        if kind not in OVERLAPPING:
            older.retired_at = now
    mark = secrets.token_hex(16)
    session.add(
        Credential(
            provider_id=account.provider_id,
            account_id=account.id,
            kind=kind,
            seal_key=mark,
            sealed=deps.ring.seal(plain, _place(mark)),
            created_at=now,
        )
    )
    session.flush()
    return True


def live_secrets(session: Session, account: ChannelAccount, kind: str) -> list[Credential]:
    found = session.scalars(
        select(Credential)
        .where(
            Credential.provider_id == account.provider_id,
            Credential.account_id == account.id,
            Credential.kind == kind,
            Credential.retired_at.is_(None),
        )
        .order_by(Credential.id.desc())
    )
    return list(found)


def _place(mark: str) -> str:
    return seal_place("credential", "sealed", mark)


def make_merchant(
    session: Session, deps: Deps, provider_id: int, *, now: datetime, **columns: Any
) -> tuple[Merchant, str]:
    """A merchant and its authen_key, which is told this once and then only sealed."""
    mark, key = secrets.token_hex(16), secrets.token_hex(16)
    merchant = Merchant(
        provider_id=provider_id,
        seal_key=mark,
        authen_key_sealed=deps.ring.seal(key, seal_place("merchant", "authen_key_sealed", mark)),
        created_at=now,
        **columns,
    )
    session.add(merchant)
    session.add(Route(kind="sub_mch", external_id=merchant.out_sub_mch_id, provider_id=provider_id))
    session.flush()
    return merchant, key


def make_store(session: Session, merchant: Merchant, *, now: datetime, **columns: Any) -> Store:
    store = Store(
        provider_id=merchant.provider_id, merchant_id=merchant.id, created_at=now, **columns
    )
    session.add(store)
    session.flush()
    return store


def make_first_person(session: Session, store: Store, *, now: datetime) -> None:
    """A store's 店长 (product STO-7), nobody yet: whoever activates the row manages the store."""
    session.add(
        Staff(
            provider_id=store.provider_id,
            merchant_id=store.merchant_id,
            store_id=store.id,
            public_id=new_public_id(),
            name=FIRST_PERSON,
            role=StaffRole.MANAGER,
            created_at=now,
        )
    )
    session.flush()


def make_code(
    session: Session,
    store: Store,
    *,
    code: str,
    name: str,
    now: datetime,
    unit_price_fen: int | None = None,
    old_person_id: str | None = None,
    is_first: bool = False,
) -> PayCode:
    """A code of a store, and the routes that find it when it is asked for without its provider."""
    made = PayCode(
        provider_id=store.provider_id,
        code=code,
        kind=PayCodeKind.FIXED if unit_price_fen else PayCodeKind.STORE,
        name=name,
        merchant_id=store.merchant_id,
        store_id=store.id,
        unit_price_fen=unit_price_fen,
        created_at=now,
    )
    session.add(made)
    routes = [("code", code)]
    if is_first:
        routes.append(("shop", store.out_shop_id))
    if old_person_id:
        routes.append(("person", f"{store.out_shop_id}:{old_person_id}"))
    for kind, external_id in routes:
        session.add(
            Route(kind=kind, external_id=external_id, provider_id=store.provider_id, code=code)
        )
    session.flush()
    return made
