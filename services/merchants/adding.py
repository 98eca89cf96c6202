"""A merchant is added: by hand, from a file, from an application or from a sync."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.merchant import Merchant, MerchantSource, Store, SubProvider, WechatRoute
from models.provider import Provider
from services import audit, maidan
from services.cards.programs import refuse_card_number
from services.deps import Deps
from services.merchants.checking import check_pair
from services.merchants.problems import AccountUseless, MerchantExists
from services.onboarding.checks import facts_of, free_prefix, letters
from services.onboarding.rows import make_merchant


@dataclass(frozen=True, slots=True)
class Made:
    """What a new merchant holds. The key is told this once."""

    merchant_id: int
    out_sub_mch_id: str
    order_prefix: str
    authen_key: str = field(repr=False)


def add(
    deps: Deps, provider_id: int, values: Mapping[str, Any], *, user_id: int, actor: str
) -> Made:
    """Add a merchant by hand. `values` are columns, `wechat_sub_mchid` empty or None for none.

    Raises MerchantExists, and what `check_pair` raises: a number that WeChat does not know below
    this provider is not written down.
    """
    sub_mchid = values.get("wechat_sub_mchid") or ""
    if sub_mchid:
        deps.transact(lambda s: refuse_known(s, provider_id, sub_mchid, user_id=user_id))
        check_pair(deps, provider_id, sub_mchid)

    def unit(session: Session) -> Made:
        now = deps.now()
        provider = lock_provider(session, provider_id)
        refuse_known(session, provider_id, sub_mchid, user_id=user_id)
        merchant, key = write_new(
            session, deps, provider, values, source=MerchantSource.MANUAL, actor=actor, now=now,
            checked_at=now if sub_mchid else None,
        )  # fmt: skip
        return Made(merchant.id, merchant.out_sub_mch_id, merchant.order_prefix, key)

    return deps.transact(unit)


def lock_provider(session: Session, provider_id: int) -> Provider:
    """One after the other; orders, which only keep its key, go on."""
    return session.get_one(Provider, provider_id, with_for_update={"key_share": True})


def write_new(
    session: Session,
    deps: Deps,
    provider: Provider,
    values: Mapping[str, Any],
    *,
    source: MerchantSource,
    actor: str,
    now: datetime,
    checked_at: datetime | None = None,
    has_maidan: bool = False,
) -> tuple[Merchant, str]:
    """The row, and its key, which is told once or never: until somebody has kept one, the merchant
    `needs_setup` (SYN-7). With 买单 it takes that route from the beginning (CHN-2).

    The caller has locked the provider and looked for a double (`refuse_known`).
    """
    columns = dict(values)
    sub_mchid = columns.pop("wechat_sub_mchid", None) or None
    if sub_mchid:
        refuse_pooled(session, provider, sub_mchid=sub_mchid)
        refuse_card_number(session, provider.id, sub_mchid)
    merchant, key = make_merchant(
        session, deps, provider.id,
        now=now, out_sub_mch_id="sub" + letters(17), order_prefix=free_prefix(session, ""),
        wechat_sub_mchid=sub_mchid, wechat_checked_at=checked_at, source=source,
        has_maidan=has_maidan, needs_setup=True,
        wechat_route=WechatRoute.MAIDAN if has_maidan else WechatRoute.DIRECT,
        **columns,
    )  # fmt: skip
    audit.record(
        session, provider_id=provider.id, actor=actor, action="merchant_added",
        subject=f"merchant:{merchant.id}", at=now, source=source.value, wechat=sub_mchid,
    )  # fmt: skip
    return merchant, key


def refuse_pooled(
    session: Session, provider: Provider, *, sub_mchid: str = "", pid: str = ""
) -> None:
    """Money goes to merchants' own accounts, never to the provider's (invariant 9)."""
    mchid = facts_of(session, provider, "wechat").get("sp_mchid")
    own_pid = facts_of(session, provider, "alipay").get("pid")
    if (sub_mchid and sub_mchid == mchid) or (pid and pid == own_pid):
        raise AccountUseless("这是服务商自己的账号，商户的钱不能进服务商的账户")


def refuse_known(
    session: Session,
    provider_id: int,
    sub_mchid: str,
    *,
    user_id: int | None = None,
    except_merchant: int | None = None,
    except_store: int | None = None,
) -> None:
    """子商户已存在: say where it is (MCH-6): here, or at another provider of the same account.

    Raises MerchantExists.
    """
    if not sub_mchid:
        return
    own = session.scalar(
        select(Merchant).where(
            Merchant.provider_id == provider_id,
            Merchant.wechat_sub_mchid == sub_mchid,
            Merchant.deleted_at.is_(None),
            Merchant.id != (except_merchant or 0),
        )
    )
    if own is not None:
        url = f"/console/merchants/{own.out_sub_mch_id}"
        raise MerchantExists(
            f"子商户已存在：{own.name}", url=url, steps=("打开这家商户，在那里管理它。",)
        )
    store = session.execute(
        select(Store, Merchant)
        .join(
            Merchant,
            (Merchant.provider_id == Store.provider_id) & (Merchant.id == Store.merchant_id),
        )
        .where(
            Store.provider_id == provider_id,
            Store.wechat_sub_mchid == sub_mchid,
            Store.deleted_at.is_(None),
            Store.id != (except_store or 0),
        )
    ).first()
    if store is not None:
        shop, merchant = store
        raise MerchantExists(
            f"子商户已存在：是「{merchant.name}」的门店 {shop.name} 的收款账号",
            url=f"/console/merchants/{merchant.out_sub_mch_id}/stores/{shop.out_shop_id}",
            steps=("打开这家门店，在那里管理它。",),
        )
    listed = maidan.is_known(session, provider_id, sub_mchid)
    if listed is not None:
        raise MerchantExists(
            f"子商户已存在：{listed.name}，挂在微信买单服务商下", url="/console/sync",
            steps=("点「同步买单子商户」，几分钟到几小时完成，取决于子商户数量。",
                   f"同步后在商户列表搜索子商户号 {sub_mchid} 即可管理。"),
        )  # fmt: skip
    other = session.execute(
        text(
            "SELECT m.name, p.name AS provider FROM console_member c"
            " JOIN merchant m ON m.provider_id = c.provider_id AND m.wechat_sub_mchid = :s"
            " AND m.deleted_at IS NULL JOIN provider p ON p.id = m.provider_id"
            " WHERE c.user_id = :u AND c.is_active AND c.provider_id <> :p ORDER BY p.id LIMIT 1"
        ),
        {"s": sub_mchid, "u": user_id or 0, "p": provider_id},
    ).first()
    if other is not None:
        raise MerchantExists(
            f"子商户已存在：{other.name}，在你的另一个服务商「{other.provider}」下",
            url="/console/choose",
            steps=(f"切换到服务商「{other.provider}」，在那里管理它。",),
        )


def sub_providers(session: Session, provider_id: int) -> list[SubProvider]:
    return list(
        session.scalars(
            select(SubProvider)
            .where(SubProvider.provider_id == provider_id)
            .order_by(SubProvider.name)
        )
    )
