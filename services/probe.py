"""Asking each wallet a harmless question on behalf of each merchant, before a customer does."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import TradeState
from models.merchant import Merchant
from models.provider import Provider
from services.accounts import NotConfigured, ProviderAccounts, account_for
from services.deps import Deps
from services.onboarding.checks import lock_provider

CHANNELS = ("wechat", "alipay")


@dataclass(frozen=True, slots=True)
class Finding:
    """`said` is "ok", "not set up", or the wallet's own code and text."""

    merchant: str
    channel: str
    said: str

    @property
    def is_fine(self) -> bool:
        return self.said in ("ok", "not set up")


def probe(deps: Deps, out_mch_id: str) -> list[Finding]:
    """Query a number that nobody ordered: "unknown number" proves keys, grant and permission."""

    def unit(session: Session) -> tuple[Provider, list[Merchant]]:
        provider = lock_provider(session, out_mch_id)
        wanted = select(Merchant).where(Merchant.provider_id == provider.id).order_by(Merchant.id)
        return provider, list(session.scalars(wanted))

    provider, merchants = deps.transact(unit)
    accounts = deps.accounts_of(provider.id, provider.account_version)
    return [
        Finding(merchant.name, channel, _ask(deps, accounts, merchant, channel))
        for merchant in merchants
        for channel in CHANNELS
    ]


def _ask(deps: Deps, accounts: ProviderAccounts, merchant: Merchant, channel: str) -> str:
    number = f"{merchant.order_prefix}check{secrets.randbelow(10**8):08d}"
    try:
        account = account_for(accounts, channel, merchant.id, merchant.wechat_sub_mchid)
        trade = deps.gateways.pay[channel].query(account, number)
    except NotConfigured:
        return "not set up"
    except GatewayRejected as problem:
        return f"refused: {problem.upstream_code} {problem.upstream_message}".strip()
    except GatewayUnknown as problem:
        return f"no usable answer: {problem.detail}"
    return "ok" if trade.state is TradeState.NOT_EXIST else f"unexpected: {trade.raw_state}"
