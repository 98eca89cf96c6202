"""A merchant's consent to the provider's Alipay app, from the link to the token."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from gateways.alipay.oauth import Grant
from gateways.base import AlipayAccount
from models.merchant import Merchant
from models.provider import Provider
from services.accounts import NotConfigured
from services.deps import Deps
from services.merchants import consents


def grant_url(deps: Deps, out_sub_mch_id: str) -> str:
    """Where the owner consents; coming back, the consent is kept by itself (`merchants.consents`).

    Good for three days.
    """
    return consents.link(deps, _provider(deps, out_sub_mch_id).id, out_sub_mch_id)


def exchange(deps: Deps, out_sub_mch_id: str, app_auth_code: str) -> Grant:
    """The code, good once, for a token and the PID that consented."""
    account = _provider_account(deps, out_sub_mch_id)
    return deps.gateways.alipay_oauth.exchange_grant(account, app_auth_code)


def _provider(deps: Deps, out_sub_mch_id: str) -> Provider:
    def unit(session: Session) -> Provider:
        found = session.scalar(
            select(Provider)
            .join(Merchant, Merchant.provider_id == Provider.id)
            .where(Merchant.out_sub_mch_id == out_sub_mch_id)
        )
        if found is None:
            raise NotFound(f"no merchant {out_sub_mch_id}")
        return found

    return deps.transact(unit)


def _provider_account(deps: Deps, out_sub_mch_id: str) -> AlipayAccount:
    provider = _provider(deps, out_sub_mch_id)
    accounts = deps.accounts_of(provider.id, provider.account_version)
    if not accounts.alipay:
        raise NotConfigured("the provider has no Alipay app yet")
    return accounts.alipay[0]
