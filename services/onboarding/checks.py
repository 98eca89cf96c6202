"""What every step of onboarding shares: locks, ids that are free, audit, the account version."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, Conflict, NotFound
from models.merchant import Merchant
from models.paycode import Route
from models.provider import ChannelAccount, Provider
from services import audit
from services.credentials import BadCredential
from services.merchants import prefixes
from services.onboarding.rows import live_secrets

ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{3,31}")
CODE = re.compile(r"[0-9A-Za-z]{4,24}")
RESERVED_CODES = frozenset({"back"})
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def lock_provider(session: Session, out_mch_id: str) -> Provider:
    """By its id; an empty one means the only provider there is."""
    wanted = select(Provider).order_by(Provider.id).limit(2).with_for_update()
    if out_mch_id:
        wanted = wanted.where(Provider.out_mch_id == out_mch_id)
    found = session.scalars(wanted).all()
    if not found:
        raise NotFound(f"no provider {out_mch_id}".rstrip())
    if len(found) > 1:
        raise BadInput("there are several providers: name one")
    return found[0]


def lock_merchant(session: Session, out_sub_mch_id: str) -> tuple[Provider, Merchant]:
    merchant = session.scalar(
        select(Merchant).where(Merchant.out_sub_mch_id == out_sub_mch_id).with_for_update()
    )
    if merchant is None:
        raise NotFound(f"no merchant {out_sub_mch_id}")
    provider = session.get_one(Provider, merchant.provider_id, with_for_update=True)
    return provider, merchant


def facts_of(session: Session, provider: Provider, channel: str) -> dict[str, Any]:
    account = session.scalar(account_query(provider, channel, "pay"))
    return dict(account.facts) if account is not None else {}


def account_query(provider: Provider, channel: str, kind: str) -> Any:
    return select(ChannelAccount).where(
        ChannelAccount.provider_id == provider.id,
        ChannelAccount.channel == channel,
        ChannelAccount.kind == kind,
        ChannelAccount.merchant_id.is_(None),
    )


def demand(known: Mapping[str, Any], names: tuple[str, ...]) -> None:
    missing = [name for name in names if not known.get(name)]
    if missing:
        raise BadCredential(missing[0], "is missing: the first time everything is wanted")


def demand_secrets(
    session: Session, provider: Provider, channel: str, kind: str, names: tuple[str, ...]
) -> None:
    account = session.scalar(account_query(provider, channel, kind))
    for name in names:
        if account is None or not live_secrets(session, account, name):
            shown = "oa_secret" if (kind, name) == ("oa", "secret") else name
            raise BadCredential(shown, "is missing: the first time everything is wanted")


def raise_version(
    session: Session,
    provider: Provider,
    actor: str,
    action: str,
    changed: list[str],
    now: datetime,
    *,
    subject: str = "",
    **facts: Any,
) -> None:
    if not changed:
        return
    provider.account_version += 1
    note(
        session, provider, actor, action, subject or f"provider:{provider.out_mch_id}", now,
        changed=sorted(set(changed)), account_version=provider.account_version, **facts,
    )  # fmt: skip


def note(
    session: Session,
    provider: Provider,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    **facts: Any,
) -> None:
    session.flush()
    audit.record(
        session,
        provider_id=provider.id,
        actor=actor,
        action=action,
        subject=subject,
        at=now,
        **facts,
    )


def refuse_double(
    session: Session, provider: Provider, out_sub_mch_id: str, wechat_sub_mchid: str | None
) -> None:
    """子商户已存在: say where it is (product MCH-6)."""
    taken = session.scalar(select(Merchant).where(Merchant.out_sub_mch_id == out_sub_mch_id))
    if taken is None and wechat_sub_mchid:
        taken = session.scalar(
            select(Merchant).where(
                Merchant.provider_id == provider.id, Merchant.wechat_sub_mchid == wechat_sub_mchid
            )
        )
    if taken is not None:
        raise Conflict(f"子商户已存在: {taken.name} ({taken.out_sub_mch_id})")


def free_prefix(session: Session, wanted: str) -> str:
    """Given or made; never the beginning of another, nor the other way round (product MCH-4)."""
    if wanted and not prefixes.FORM.fullmatch(wanted):
        raise BadInput("an order prefix is 8 digits or 10 letters and digits")
    for _ in range(50):
        prefix = wanted or f"{secrets.randbelow(10**8):08d}"
        if not prefixes.is_taken(session, prefix):
            return prefix
        if wanted:
            break
    raise Conflict(f"the order prefix {wanted} clashes with another merchant's")


def free_code(session: Session, wanted: str) -> str:
    if wanted and (not CODE.fullmatch(wanted) or wanted in RESERVED_CODES):
        raise BadInput("a code is 4 to 24 letters and digits")
    for _ in range(50):
        code = wanted or letters(8)
        if session.get(Route, ("code", code)) is None:
            return code
        if wanted:
            break
    raise Conflict(f"the code {wanted} is taken")


def letters(count: int) -> str:
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(count))


def checked_id(name: str, value: str) -> str:
    if not ID.fullmatch(value):
        raise BadInput(f"{name}: 4 to 32 letters, digits, - or _")
    return value


def checked_name(value: str, longest: int) -> str:
    value = value.strip()
    if not value or len(value) > longest or not value.isprintable():
        raise BadInput(f"a name has 1 to {longest} printable characters")
    return value


def refuse_pooled(session: Session, provider: Provider) -> None:
    """Money goes to the merchants' own accounts, never to the provider's (invariant 9)."""
    session.flush()
    mchid = facts_of(session, provider, "wechat").get("sp_mchid") or ""
    pid = facts_of(session, provider, "alipay").get("pid") or ""
    pooled = session.scalar(
        select(Merchant.name).where(
            Merchant.provider_id == provider.id,
            (Merchant.wechat_sub_mchid == mchid) | (Merchant.alipay_pid == pid),
        )
    )
    if pooled is not None:
        raise BadInput(f"{pooled}: the money would go to the provider's own account")
