"""A provider and its wallets' accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import Conflict
from models.official import WechatComponent
from models.provider import ChannelAccount, OaState, Provider
from services.credentials import BadCredential
from services.deps import Deps
from services.onboarding.checks import (
    checked_id,
    checked_name,
    demand,
    demand_secrets,
    facts_of,
    letters,
    lock_provider,
    note,
    raise_version,
    refuse_pooled,
)
from services.onboarding.rows import OVERLAPPING, add_account, live_secrets


@dataclass(frozen=True, slots=True)
class WechatEntry:
    """What is to change of a provider's WeChat side; values are cleaned and checked already."""

    facts: dict[str, Any] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict, repr=False)
    oa_secret: str = field(default="", repr=False)
    add_certificates: tuple[str, ...] = ()


NEEDED_WECHAT = ("sp_mchid", "sp_appid", "merchant_serial")
NEEDED_ALIPAY = ("app_id",)


def add_provider(deps: Deps, *, name: str, out_mch_id: str, actor: str) -> str:
    """A provider without wallets; gives its `out_mch_id`, which stands in every printed code."""
    chosen = checked_id("out_mch_id", out_mch_id or "sz" + letters(18))

    def unit(session: Session) -> None:
        make_provider(session, deps, name=name, out_mch_id=chosen, actor=actor)

    deps.transact(unit)
    return chosen


def make_provider(
    session: Session, deps: Deps, *, name: str, out_mch_id: str, actor: str
) -> Provider:
    """Raises Conflict where there is one with this id."""
    now = deps.now()
    if session.scalar(select(Provider.id).where(Provider.out_mch_id == out_mch_id)) is not None:
        raise Conflict(f"provider {out_mch_id} exists already")
    provider = Provider(out_mch_id=out_mch_id, name=checked_name(name, 64), created_at=now)
    session.add(provider)
    session.flush()
    note(session, provider, actor, "provider_added", f"provider:{out_mch_id}", now)
    return provider


def set_wechat(deps: Deps, out_mch_id: str, entry: WechatEntry, *, actor: str) -> list[str]:
    """Change what is given; the first time everything that WeChat Pay needs must be there."""

    def unit(session: Session) -> list[str]:
        now = deps.now()
        provider = lock_provider(session, out_mch_id)
        facts = dict(entry.facts) | _replaced_public_key(session, provider, entry.facts)
        if entry.add_certificates:
            kept = facts_of(session, provider, "wechat").get("platform_certificates", [])
            facts["platform_certificates"] = list(dict.fromkeys([*kept, *entry.add_certificates]))
        changed = add_account(
            session, deps, provider.id,
            channel="wechat", kind="pay", facts=facts, secret=entry.secret, now=now,
        )  # fmt: skip
        known = facts_of(session, provider, "wechat")
        demand(known, NEEDED_WECHAT)
        demand_secrets(session, provider, "wechat", "pay", ("merchant_private_key", "apiv3_key"))
        if not (known.get("public_key") or known.get("platform_certificates")):
            raise BadCredential("public_key", "the public key or a platform certificate is wanted")
        if bool(known.get("public_key")) != bool(known.get("public_key_id")):
            raise BadCredential("public_key_id", "the public key and its id go together")
        if entry.oa_secret or entry.facts.get("sp_appid"):
            secret = {"secret": entry.oa_secret} if entry.oa_secret else {}
            changed += add_account(
                session, deps, provider.id,
                channel="wechat", kind="oa", facts={"app_id": known["sp_appid"]}, secret=secret,
                now=now,
            )  # fmt: skip
        if not session.scalar(select(WechatComponent.id).limit(1)):  # else it is authorised
            demand_secrets(session, provider, "wechat", "oa", ("secret",))
        refuse_pooled(session, provider)
        raise_version(session, provider, actor, "wechat_account_set", changed, now)
        return changed

    return deps.transact(unit)


def _replaced_public_key(
    session: Session, provider: Provider, given: Mapping[str, Any]
) -> dict[str, Any]:
    """WeChat's public key of before stays good for what is signed with it already."""
    known = facts_of(session, provider, "wechat")
    name, pem = known.get("public_key_id"), known.get("public_key")
    if not (name and pem) or given.get("public_key_id") in (None, name):
        return {}
    older = [one for one in known.get("older_public_keys", []) if one[0] != name]
    return {"older_public_keys": [*older, [name, pem]]}


def set_alipay(
    deps: Deps, out_mch_id: str, *, facts: dict[str, Any], secret: dict[str, str], actor: str
) -> list[str]:
    """The provider's Alipay app; Alipay's public key may be replaced while the old one is live."""

    def unit(session: Session) -> list[str]:
        now = deps.now()
        provider = lock_provider(session, out_mch_id)
        changed = add_account(
            session, deps, provider.id,
            channel="alipay", kind="pay", facts=facts, secret=secret, now=now,
        )  # fmt: skip
        demand(facts_of(session, provider, "alipay"), NEEDED_ALIPAY)
        kinds = ("app_private_key", "alipay_public_key")
        demand_secrets(session, provider, "alipay", "pay", kinds)
        refuse_pooled(session, provider)
        raise_version(session, provider, actor, "alipay_account_set", changed, now)
        return changed

    return deps.transact(unit)


def retire_replaced(deps: Deps, out_mch_id: str, *, actor: str) -> list[str]:
    """End the overlap: of every kind only the newest stays live."""

    def unit(session: Session) -> list[str]:
        now = deps.now()
        provider = lock_provider(session, out_mch_id)
        gone: list[str] = []
        accounts = session.scalars(
            select(ChannelAccount).where(ChannelAccount.provider_id == provider.id)
        ).all()
        for account in accounts:
            for kind in OVERLAPPING:
                for older in live_secrets(session, account, kind)[1:]:
                    older.retired_at = now
                    gone.append(kind)
            if account.facts.get("older_public_keys"):
                account.facts = {**account.facts, "older_public_keys": []}
                gone.append("public_key")
        raise_version(session, provider, actor, "credentials_retired", gone, now)
        return gone

    return deps.transact(unit)


def set_oa_state(deps: Deps, out_mch_id: str, state: OaState, *, actor: str) -> None:
    """Whether payers are sent to WeChat's OAuth page, or told on ours why they cannot pay."""

    def unit(session: Session) -> None:
        provider = lock_provider(session, out_mch_id)
        provider.oa_state = state
        subject = f"provider:{out_mch_id}"
        note(session, provider, actor, "oa_state_set", subject, deps.now(), state=state.value)

    deps.transact(unit)
