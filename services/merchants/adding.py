"""A merchant is added: by hand, from a file, from an application or from a sync."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import Merchant, MerchantSource, SubProvider, WechatRoute
from models.provider import Provider
from services import audit
from services.cards.programs import refuse_card_number
from services.deps import Deps
from services.merchants.checking import check_pair
from services.merchants.existing import refuse_known
from services.merchants.problems import AccountUseless
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


def sub_providers(session: Session, provider_id: int) -> list[SubProvider]:
    return list(
        session.scalars(
            select(SubProvider)
            .where(SubProvider.provider_id == provider_id)
            .order_by(SubProvider.name)
        )
    )
