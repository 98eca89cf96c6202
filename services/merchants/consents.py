"""A merchant's, or a store's, consent to the provider's Alipay app (product 1.5).

The link carries a signed state that names tenant, merchant and store and ends after a few days:
it is the only way back to them (alipay.md 3.1). What comes back from another Alipay account than
before is kept waiting: no money moves before somebody at the desk has seen both (ALI-3).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from errors import NotFound
from gateways.alipay.oauth import Grant
from gateways.base import AlipayAccount
from models.merchant import AlipayConsent, ConsentState, GrantState, Merchant, Store
from models.provider import Provider
from services import audit
from services.accounts import NotConfigured, seal_place
from services.deps import Deps
from services.merchants.adding import lock_provider, refuse_pooled
from services.merchants.problems import AccountUseless, AlipayLinkOver
from services.merchants.reading import find, find_store
from services.onboarding.rows import OTHER, add_account, keep_past_grant
from services.stores.reading import name_of

LINK_LIFE: Final = timedelta(days=3)
RETURN_PATH: Final = "/console/alipay/granted"  # the app's 授权回调地址


@dataclass(frozen=True, slots=True)
class Back:
    """What the owner reads who has just consented."""

    merchant: str
    store: str
    pid: str
    is_waiting: bool  # of another account than before: the provider decides


def link(deps: Deps, provider_id: int, out_id: str, out_shop_id: str = "") -> str:
    """Where the owner consents, good for three days. Raises NotConfigured, NotFound."""

    def unit(session: Session) -> tuple[int, int]:
        if not out_shop_id:
            return find(session, provider_id, out_id).id, 0
        merchant, store = find_store(session, provider_id, out_id, out_shop_id)
        return merchant.id, store.id

    merchant_id, store_id = deps.transact(unit)
    state = _state(deps, provider_id, merchant_id, store_id, deps.now() + LINK_LIFE)
    return deps.gateways.alipay_oauth.grant_url(
        _app(deps, provider_id), f"{deps.settings.base_url}{RETURN_PATH}", state
    )


def _state(deps: Deps, provider_id: int, merchant_id: int, store_id: int, ends: datetime) -> str:
    """At most 100 characters of base64, as Alipay wants it."""
    said = f"{provider_id}.{merchant_id}.{store_id}.{int(ends.timestamp()):x}"
    mark = deps.ring.blind(said, "alipay-consent")[:24]
    return base64.urlsafe_b64encode(f"{said}.{mark}".encode()).decode().rstrip("=")


def _read_state(deps: Deps, state: str) -> tuple[int, int, int]:
    """(provider, merchant, store or 0). Raises AlipayLinkOver for any that is not ours of now."""
    try:
        padded = state[:140] + "=" * (-len(state[:140]) % 4)
        said, _, mark = base64.urlsafe_b64decode(padded).decode("ascii").rpartition(".")
        provider_id, merchant_id, store_id, ends = said.split(".")
        at = int(ends, 16)
    except (ValueError, binascii.Error):
        raise AlipayLinkOver from None
    right = deps.ring.blind(said, "alipay-consent")[:24]
    if not hmac.compare_digest(right, mark) or deps.now().timestamp() >= at:
        raise AlipayLinkOver
    return int(provider_id), int(merchant_id), int(store_id)


def _app(deps: Deps, provider_id: int) -> AlipayAccount:
    version = deps.transact(lambda s: s.get_one(Provider, provider_id).account_version)
    found = deps.accounts_of(provider_id, version).alipay
    if not found:
        raise NotConfigured("服务商还没有配置支付宝应用")
    return found[0]


def arrive(deps: Deps, state: str, app_auth_code: str) -> Back:
    """The owner is back: the code, good once, becomes a token, and is kept or waits.

    Raises AlipayLinkOver, GatewayRejected (a code that is over) and GatewayUnknown.
    """
    provider_id, merchant_id, store_id = _read_state(deps, state)
    grant = deps.gateways.alipay_oauth.exchange_grant(_app(deps, provider_id), app_auth_code)

    def unit(session: Session) -> Back:
        now = deps.now()
        provider = lock_provider(session, provider_id)
        merchant, store = _target(session, provider_id, merchant_id, store_id)
        refuse_pooled(session, provider, pid=grant.pid)
        if store is not None and grant.pid == merchant.alipay_pid:
            raise AccountUseless("和商户的支付宝账号相同，门店不用单独授权")
        before = merchant.alipay_pid if store is None else store.alipay_pid
        waits = before not in (None, grant.pid)
        row = _written(session, deps, merchant, store, grant, waits, now)
        if not waits:
            _take(session, deps, provider, merchant, store, row, grant.app_auth_token, "alipay")
        return Back(merchant.name, name_of(store) if store else "", grant.pid, waits)

    return deps.transact(unit)


def _target(
    session: Session, provider_id: int, merchant_id: int, store_id: int
) -> tuple[Merchant, Store | None]:
    merchant = session.get(
        Merchant, (provider_id, merchant_id), with_for_update={"key_share": True}
    )
    store = session.get(Store, (provider_id, store_id)) if store_id else None
    gone = merchant is None or merchant.deleted_at is not None
    if merchant is None or gone or (store_id and (store is None or store.deleted_at is not None)):
        raise NotFound(f"no merchant {merchant_id}")
    return merchant, store


def _written(
    session: Session,
    deps: Deps,
    merchant: Merchant,
    store: Store | None,
    grant: Grant,
    waits: bool,
    now: datetime,
) -> AlipayConsent:
    """The consent as a row; one that waited before it is refused, for this one came later."""
    store_id = None if store is None else store.id
    _end(session, merchant, store_id, ConsentState.WAITING, ConsentState.REFUSED, now, "newer")
    mark = secrets.token_hex(16)
    place = seal_place("alipay_consent", "token_sealed", mark)
    row = AlipayConsent(
        provider_id=merchant.provider_id, merchant_id=merchant.id, store_id=store_id,
        pid=grant.pid, state=ConsentState.WAITING, seal_key=mark,
        token_sealed=deps.ring.seal(grant.app_auth_token, place), created_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, provider_id=merchant.provider_id, actor="alipay", action="alipay_consented",
        subject=f"merchant:{merchant.id}", at=now, pid=grant.pid, store=store_id, waits=waits,
    )  # fmt: skip
    return row


def _end(
    session: Session,
    merchant: Merchant,
    store_id: int | None,
    which: ConsentState,
    becomes: ConsentState,
    now: datetime,
    actor: str,
) -> None:
    session.execute(
        update(AlipayConsent)
        .where(
            AlipayConsent.provider_id == merchant.provider_id,
            AlipayConsent.merchant_id == merchant.id,
            AlipayConsent.store_id.is_not_distinct_from(store_id),
            AlipayConsent.state == which,
        )
        .values(state=becomes, token_sealed=None, decided_at=now, decided_by=actor)
    )


def _take(
    session: Session,
    deps: Deps,
    provider: Provider,
    merchant: Merchant,
    store: Store | None,
    row: AlipayConsent,
    token: str,
    actor: str,
) -> None:
    """From the next order on the money goes there; what was begun keeps the account it has."""
    now = deps.now()
    _end(session, merchant, row.store_id, ConsentState.TAKEN, ConsentState.ENDED, now, actor)
    kind = "grant" if store is None else f"{OTHER}{row.pid}"
    before = merchant.alipay_pid if store is None else store.alipay_pid
    if store is None:
        keep_past_grant(session, provider.id, merchant.id, row.pid)
        merchant.alipay_pid, merchant.alipay_state = row.pid, GrantState.VALID
        merchant.version += 1
    else:
        store.alipay_pid, store.alipay_state = row.pid, GrantState.VALID
    add_account(
        session, deps, provider.id,
        channel="alipay", kind=kind, merchant_id=merchant.id, facts={"pid": row.pid},
        secret={"app_auth_token": token}, now=now,
    )  # fmt: skip
    provider.account_version += 1
    row.state, row.token_sealed = ConsentState.TAKEN, None
    row.decided_at, row.decided_by = now, actor
    session.flush()
    audit.record(
        session, provider_id=provider.id, actor=actor, action="merchant_alipay_set",
        subject=f"merchant:{merchant.id}", at=now, before=before, after=row.pid,
        store=row.store_id,
    )  # fmt: skip


def decide(
    deps: Deps, provider_id: int, out_id: str, consent_id: int, *, takes: bool, actor: str
) -> None:
    """Say yes or no to the account that waits. Raises NotFound when none does any more."""

    def unit(session: Session) -> None:
        now = deps.now()
        provider = lock_provider(session, provider_id)
        merchant = find(session, provider_id, out_id, lock=True)
        row = session.get(AlipayConsent, (provider_id, consent_id), with_for_update=True)
        waits = row is not None and row.state is ConsentState.WAITING
        if row is None or not waits or row.merchant_id != merchant.id:
            raise NotFound(f"no consent {consent_id} waits")
        store = session.get(Store, (provider_id, row.store_id)) if row.store_id else None
        if takes:
            place = seal_place("alipay_consent", "token_sealed", row.seal_key)
            token = deps.ring.open(str(row.token_sealed), place)
            _take(session, deps, provider, merchant, store, row, token, actor)
            return
        row.state, row.token_sealed = ConsentState.REFUSED, None
        row.decided_at, row.decided_by = now, actor
        session.flush()
        audit.record(
            session, provider_id=provider_id, actor=actor, action="alipay_consent_refused",
            subject=f"merchant:{merchant.id}", at=now, pid=row.pid,
        )  # fmt: skip

    deps.transact(unit)


def clear(deps: Deps, provider_id: int, out_id: str, out_shop_id: str = "", *, actor: str) -> None:
    """No Alipay account from now on (ALI-2). Payments that were begun keep theirs."""

    def unit(session: Session) -> None:
        now = deps.now()
        provider = lock_provider(session, provider_id)
        merchant = find(session, provider_id, out_id, lock=True)
        store = None
        if out_shop_id:
            _, store = find_store(session, provider_id, out_id, out_shop_id, lock=True)
        target: Merchant | Store = merchant if store is None else store
        before, target.alipay_pid, target.alipay_state = target.alipay_pid, None, GrantState.NONE
        if before is None:
            return
        if store is None:
            keep_past_grant(session, provider_id, merchant.id, "")
            merchant.version += 1
        store_id = None if store is None else store.id
        _end(session, merchant, store_id, ConsentState.TAKEN, ConsentState.ENDED, now, actor)
        provider.account_version += 1
        session.flush()
        audit.record(
            session, provider_id=provider_id, actor=actor, action="merchant_alipay_cleared",
            subject=f"merchant:{merchant.id}", at=now, before=before, store=store_id,
        )  # fmt: skip

    deps.transact(unit)


def history(session: Session, merchant: Merchant) -> list[AlipayConsent]:
    """All consents of the merchant and its stores, the newest first."""
    return list(
        session.scalars(
            select(AlipayConsent)
            .where(
                AlipayConsent.provider_id == merchant.provider_id,
                AlipayConsent.merchant_id == merchant.id,
            )
            .order_by(AlipayConsent.id.desc())
            .limit(50)
        )
    )


def names_of(session: Session, provider_id: int, pids: set[str]) -> dict[str, list[str]]:
    """Which of our merchants each account takes money for: Alipay gives us no name of its own."""
    found: dict[str, list[str]] = {}
    for name, pid in session.execute(
        select(Merchant.name, Merchant.alipay_pid)
        .where(
            Merchant.provider_id == provider_id,
            Merchant.alipay_pid.in_(pids),
            Merchant.deleted_at.is_(None),
        )
        .order_by(Merchant.id)
    ):
        found.setdefault(str(pid), []).append(name)
    return found
