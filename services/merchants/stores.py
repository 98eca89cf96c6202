"""Stores of a merchant as the provider's desk sees them: groups, 买单 and Koubei shops."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from errors import BadInput, Conflict
from gateways.alipay.shops import Shop
from gateways.base import AlipayAccount
from models.merchant import GrantState, Merchant, Store, StoreGroup
from models.provider import Provider
from services import audit
from services.accounts import NotConfigured, account_for
from services.deps import Deps
from services.merchants.reading import find, find_store
from services.onboarding.checks import checked_name, free_code, letters
from services.onboarding.rows import make_code, make_first_person, make_store


def add(
    deps: Deps, provider_id: int, out_id: str, *, name: str, branch_name: str, actor: str
) -> str:
    """A store with its first code and a 店长 to be activated (STO-7); its id."""
    if not name.strip() or len(name.strip()) > 32 or not name.isprintable():
        raise BadInput("门店名称为 1 到 32 个字")
    if len(branch_name.strip()) > 32 or not branch_name.isprintable():
        raise BadInput("分店名最多 32 个字")
    shop = "shop" + letters(16)

    def unit(session: Session) -> str:
        now = deps.now()
        merchant = find(session, provider_id, out_id, lock=True)
        store = make_store(
            session, merchant,
            now=now, out_shop_id=shop, name=checked_name(name, 32),
            branch_name=branch_name.strip(),
        )  # fmt: skip
        code = free_code(session, "")
        make_code(session, store, code=code, name="", now=now, is_first=True)
        make_first_person(session, store, now=now)
        _note(session, deps, store, "store_added", actor, code=code)
        return shop

    return deps.transact(unit)


def groups_of(session: Session, merchant: Merchant) -> list[StoreGroup]:
    return list(
        session.scalars(
            select(StoreGroup)
            .where(
                StoreGroup.provider_id == merchant.provider_id,
                StoreGroup.merchant_id == merchant.id,
            )
            .order_by(StoreGroup.name)
        )
    )


def add_group(deps: Deps, provider_id: int, out_id: str, name: str, *, actor: str) -> None:
    """Raises BadInput, and Conflict for a name that there is."""
    name = name.strip()
    if not name or len(name) > 32 or not name.isprintable():
        raise BadInput("分组名称为 1 到 32 个字")

    def unit(session: Session) -> None:
        merchant = find(session, provider_id, out_id, lock=True)
        if name in {group.name for group in groups_of(session, merchant)}:
            raise Conflict(f"已有分组「{name}」")
        session.add(
            StoreGroup(
                provider_id=provider_id, merchant_id=merchant.id, name=name, created_at=deps.now()
            )
        )
        session.flush()
        _note_merchant(session, deps, merchant, "store_group_added", actor)

    deps.transact(unit)


def remove_group(deps: Deps, provider_id: int, out_id: str, group_id: int, *, actor: str) -> None:
    """Its stores stay, without a group."""

    def unit(session: Session) -> None:
        merchant = find(session, provider_id, out_id, lock=True)
        group = session.get(StoreGroup, (provider_id, group_id))
        if group is None or group.merchant_id != merchant.id:
            return
        session.execute(
            update(Store)
            .where(
                Store.provider_id == provider_id,
                Store.merchant_id == merchant.id,
                Store.store_group_id == group_id,
            )
            .values(store_group_id=None)
        )
        session.delete(group)
        session.flush()
        _note_merchant(session, deps, merchant, "store_group_removed", actor)

    deps.transact(unit)


def set_group(
    deps: Deps, provider_id: int, out_id: str, shop: str, group_id: int | None, *, actor: str
) -> None:
    """Raises BadInput for a group of another merchant."""

    def unit(session: Session) -> None:
        merchant, store = find_store(session, provider_id, out_id, shop, lock=True)
        group = None if group_id is None else session.get(StoreGroup, (provider_id, group_id))
        if group_id is not None and (group is None or group.merchant_id != merchant.id):
            raise BadInput("没有这个分组")
        if store.store_group_id != group_id:
            store.store_group_id = group_id
            _note(session, deps, store, "store_group_set", actor)

    deps.transact(unit)


def set_maidan_store(
    deps: Deps, provider_id: int, out_id: str, shop: str, maidan_store_id: str, *, actor: str
) -> None:
    """Bind the store to one 买单 store (CHN-3), "" to none. One 买单 store serves one store."""
    said = maidan_store_id.strip()
    if said and not (said.isascii() and said.isalnum() and len(said) <= 32):
        raise BadInput("买单门店编号最多 32 位字母和数字")

    def unit(session: Session) -> None:
        merchant, store = find_store(session, provider_id, out_id, shop, lock=True)
        if said:
            taken = session.scalar(
                select(Store.name).where(
                    Store.provider_id == provider_id,
                    Store.merchant_id == merchant.id,
                    Store.maidan_store_id == said,
                    Store.id != store.id,
                    Store.deleted_at.is_(None),
                )
            )
            if taken is not None:
                raise Conflict(f"这个买单门店已绑定到「{taken}」")
            if not merchant.has_maidan and not store.has_maidan:
                raise BadInput("该商户号未开通微信买单")
        if (store.maidan_store_id or "") != said:
            store.maidan_store_id = said or None
            _note(session, deps, store, "store_maidan_set", actor)

    deps.transact(unit)


def koubei_shops(deps: Deps, provider_id: int, out_id: str, out_shop_id: str) -> list[Shop]:
    """What there is to pick from, asked of Alipay now under the grant that the store's money has.

    Raises NotConfigured, GatewayRejected and GatewayUnknown.
    """

    def unit(session: Session) -> tuple[int, int, str | None]:
        merchant, store = find_store(session, provider_id, out_id, out_shop_id)
        version = session.get_one(Provider, provider_id).account_version
        return version, merchant.id, store.alipay_pid or merchant.alipay_pid

    version, merchant_id, pid = deps.transact(unit)
    accounts = deps.accounts_of(provider_id, version)
    if pid is None:
        raise NotConfigured("商户还没有授权支付宝")
    account = account_for(accounts, "alipay", merchant_id, None, pid)
    assert isinstance(account, AlipayAccount)
    return deps.gateways.alipay_shops.listed(account)


def set_koubei(
    deps: Deps, provider_id: int, out_id: str, out_shop_id: str, shop_id: str, *, actor: str
) -> None:
    """Bind to one that Alipay lists, "" to none; no other can be bound (ALI-6)."""
    picked: Shop | None = None
    if shop_id:
        listed = koubei_shops(deps, provider_id, out_id, out_shop_id)
        picked = next((one for one in listed if one.shop_id == shop_id), None)
        if picked is None:
            raise BadInput("从列表里选择口碑门店")

    def unit(session: Session) -> None:
        _, store = find_store(session, provider_id, out_id, out_shop_id, lock=True)
        store.koubei_shop_id = None if picked is None else picked.shop_id[:32]
        store.koubei_shop_name = "" if picked is None else picked.name[:64]
        _note(session, deps, store, "store_koubei_set", actor, koubei=store.koubei_shop_id)

    deps.transact(unit)


def grant_words(state: GrantState) -> tuple[str, str]:
    """(kind of chip, words) of an Alipay grant."""
    return {
        GrantState.NONE: ("", "未授权"),
        GrantState.VALID: ("ok", "已授权"),
        GrantState.EXPIRED: ("bad", "授权过期"),
        GrantState.REVOKED: ("bad", "授权失效"),
    }[state]


def _note(
    session: Session, deps: Deps, store: Store, action: str, actor: str, **facts: object
) -> None:
    session.flush()
    audit.record(
        session, provider_id=store.provider_id, actor=actor, action=action,
        subject=f"store:{store.out_shop_id}", at=deps.now(), **facts,
    )  # fmt: skip


def _note_merchant(
    session: Session, deps: Deps, merchant: Merchant, action: str, actor: str
) -> None:
    audit.record(
        session, provider_id=merchant.provider_id, actor=actor, action=action,
        subject=f"merchant:{merchant.id}", at=deps.now(),
    )  # fmt: skip
