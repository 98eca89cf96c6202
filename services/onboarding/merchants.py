"""Merchants of a provider, their stores and pay codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, Conflict, NotFound
from models.merchant import GrantState, PageMode, Store
from models.paycode import Route
from models.provider import Provider
from services.cards.programs import refuse_card_number
from services.deps import Deps
from services.onboarding.checks import (
    checked_id,
    checked_name,
    free_code,
    free_prefix,
    letters,
    lock_merchant,
    lock_provider,
    note,
    raise_version,
    refuse_double,
    refuse_pooled,
)
from services.onboarding.rows import (
    add_account,
    keep_past_grant,
    make_code,
    make_first_person,
    make_merchant,
    make_store,
)


@dataclass(frozen=True, slots=True)
class NewMerchant:
    out_mch_id: str
    name: str
    short_name: str = ""
    out_sub_mch_id: str = ""
    order_prefix: str = ""
    wechat_sub_mchid: str | None = None


@dataclass(frozen=True, slots=True)
class MadeMerchant:
    out_sub_mch_id: str
    order_prefix: str
    authen_key: str = field(repr=False)


def add_merchant(deps: Deps, new: NewMerchant, *, actor: str) -> MadeMerchant:
    """A merchant of one provider; its ids are made where none are given (product MCH-3, MCH-4)."""
    out_id = checked_id("out_sub_mch_id", new.out_sub_mch_id or "sub" + letters(17))

    def unit(session: Session) -> MadeMerchant:
        now = deps.now()
        provider = lock_provider(session, new.out_mch_id)
        refuse_double(session, provider, out_id, new.wechat_sub_mchid)
        prefix = free_prefix(session, new.order_prefix)
        name = checked_name(new.name, 64)
        merchant, key = make_merchant(
            session, deps, provider.id,
            now=now, out_sub_mch_id=out_id, name=name, order_prefix=prefix,
            short_name=checked_name(new.short_name or name[:32], 32),
            wechat_sub_mchid=new.wechat_sub_mchid,
        )  # fmt: skip
        refuse_pooled(session, provider)
        note(session, provider, actor, "merchant_added", f"merchant:{merchant.id}", now)
        return MadeMerchant(out_id, prefix, key)

    return deps.transact(unit)


def set_merchant_wechat(deps: Deps, out_sub_mch_id: str, sub_mchid: str, *, actor: str) -> None:
    """Where this merchant's WeChat money goes from the next order on."""

    def unit(session: Session) -> None:
        now = deps.now()
        provider, merchant = lock_merchant(session, out_sub_mch_id)
        if merchant.wechat_sub_mchid != sub_mchid:
            refuse_double(session, provider, "", sub_mchid)
        refuse_card_number(session, provider.id, sub_mchid)
        before, merchant.wechat_sub_mchid = merchant.wechat_sub_mchid, sub_mchid
        refuse_pooled(session, provider)
        note(
            session, provider, actor, "merchant_wechat_set", f"merchant:{merchant.id}", now,
            before=before, after=sub_mchid,
        )  # fmt: skip

    deps.transact(unit)


def set_merchant_alipay(
    deps: Deps, out_sub_mch_id: str, *, pid: str, token: str, replace_pid: bool, actor: str
) -> None:
    """Keep a merchant's grant. Another PID than before needs `replace_pid`: money would move."""

    def unit(session: Session) -> None:
        now = deps.now()
        provider, merchant = lock_merchant(session, out_sub_mch_id)
        before = merchant.alipay_pid
        if before not in (None, pid) and not replace_pid:
            raise Conflict(f"the merchant's Alipay account is {before}: this grant is of another")
        keep_past_grant(session, provider.id, merchant.id, pid)
        merchant.alipay_pid, merchant.alipay_state = pid, GrantState.VALID
        changed = add_account(
            session, deps, provider.id,
            channel="alipay", kind="grant", merchant_id=merchant.id, facts={"pid": pid},
            secret={"app_auth_token": token}, now=now,
        )  # fmt: skip
        refuse_pooled(session, provider)
        raise_version(
            session, provider, actor, "merchant_alipay_set", changed, now,
            subject=f"merchant:{merchant.id}", before=before, after=pid,
        )  # fmt: skip

    deps.transact(unit)


@dataclass(frozen=True, slots=True)
class NewStore:
    out_sub_mch_id: str
    name: str
    branch_name: str = ""
    out_shop_id: str = ""
    page_mode: PageMode = PageMode.DEFAULT
    opens_at: time | None = None
    closes_at: time | None = None
    min_fen: int | None = None
    max_fen: int | None = None
    code_name: str = ""


@dataclass(frozen=True, slots=True)
class MadeCode:
    code: str
    url: str
    out_shop_id: str


def add_store(deps: Deps, new: NewStore, *, actor: str) -> MadeCode:
    """A store with its first code, which also answers its old link, and a 店长 to be activated."""
    shop = checked_id("out_shop_id", new.out_shop_id or "shop" + letters(16))
    if (new.opens_at is None) != (new.closes_at is None):
        raise BadInput("opening and closing time go together")

    def unit(session: Session) -> MadeCode:
        now = deps.now()
        provider, merchant = lock_merchant(session, new.out_sub_mch_id)
        if session.get(Route, ("shop", shop)) is not None:
            raise Conflict(f"store {shop} exists already")
        store = make_store(
            session, merchant,
            now=now, out_shop_id=shop, name=checked_name(new.name, 32),
            branch_name=new.branch_name[:32], page_mode=new.page_mode, opens_at=new.opens_at,
            closes_at=new.closes_at, min_fen=new.min_fen, max_fen=new.max_fen,
        )  # fmt: skip
        code = free_code(session, "")
        make_code(session, store, code=code, name=new.code_name, now=now, is_first=True)
        make_first_person(session, store, now=now)
        note(session, provider, actor, "store_added", f"store:{shop}", now, code=code)
        return MadeCode(code, code_url(deps, provider.out_mch_id, code), shop)

    return deps.transact(unit)


@dataclass(frozen=True, slots=True)
class NewCode:
    out_shop_id: str
    name: str
    code: str = ""
    unit_price_fen: int | None = None
    old_person_id: str | None = None


def add_code(deps: Deps, new: NewCode, *, actor: str) -> MadeCode:
    """A further code of a store; with a unit price the payer chooses how many."""

    def unit(session: Session) -> MadeCode:
        now = deps.now()
        store = session.scalar(select(Store).where(Store.out_shop_id == new.out_shop_id).limit(1))
        if store is None:
            raise NotFound(f"no store {new.out_shop_id}")
        provider = session.get_one(Provider, store.provider_id)
        code = free_code(session, new.code)
        make_code(
            session, store,
            code=code, name=checked_name(new.name, 32), now=now, unit_price_fen=new.unit_price_fen,
            old_person_id=new.old_person_id,
        )  # fmt: skip
        note(session, provider, actor, "code_added", f"code:{code}", now, store=store.out_shop_id)
        return MadeCode(code, code_url(deps, provider.out_mch_id, code), store.out_shop_id)

    return deps.transact(unit)


def code_url(deps: Deps, out_mch_id: str, code: str) -> str:
    return f"{deps.settings.base_url}/q/{out_mch_id}/{code}"


def find_code_url(deps: Deps, code: str) -> str:
    """The link of a code that exists."""

    def unit(session: Session) -> str:
        route = session.get(Route, ("code", code))
        if route is None:
            raise NotFound(f"no code {code}")
        return session.get_one(Provider, route.provider_id).out_mch_id

    return code_url(deps, deps.transact(unit), code)
