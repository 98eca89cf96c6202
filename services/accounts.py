"""A provider's wallet accounts, unsealed, as the dataclasses that gateways take."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import AppError
from gateways.base import AlipayAccount, ChannelAccount, WechatAccount
from models.provider import ChannelAccount as AccountRow
from models.provider import Credential
from secretbox.ring import KeyRing

CACHED = 256


class NotConfigured(AppError):
    code = "PLATFORM_NOT_ENABLED"
    status = 409
    title = "商户还没有开通这种付款方式"
    steps = ("换一个钱包扫同一个码付款。",)
    money = "没有扣款。"


@dataclass(frozen=True, slots=True)
class OfficialAccount:
    """The provider's own official account, which tells a payer's openid.

    With `component_appid` it is reached through that third-party platform, and has no secret.
    """

    app_id: str
    secret: str = field(repr=False)
    component_appid: str = ""


@dataclass(frozen=True, slots=True)
class ProviderAccounts:
    """All of one provider's accounts at one version; `previous` still open during a change."""

    provider_id: int
    version: int
    wechat: tuple[WechatAccount, ...]  # newest credentials first
    alipay: tuple[AlipayAccount, ...]
    official: OfficialAccount | None
    grants: dict[int, AlipayGrant]  # by merchant id
    # by (merchant id, PID): stores' own accounts, and those that a merchant had before
    other_grants: dict[tuple[int, str], AlipayGrant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlipayGrant:
    """A merchant's authorisation of the provider's Alipay app."""

    pid: str
    app_auth_token: str = field(repr=False)


OTHER_GRANT = "grant:"  # and the PID: the kind of a grant that is not the merchant's own of now


def seal_place(table: str, column: str, row: str) -> str:
    """The associated data of a sealed value: where it stands."""
    return f"{table}.{column}.{row}"


class AccountBook:
    """Unsealed accounts per (provider, version): a version that rises is read anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], ProviderAccounts] = OrderedDict()

    def get(
        self, provider_id: int, version: int, load: Callable[[], ProviderAccounts]
    ) -> ProviderAccounts:
        key = (provider_id, version)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = load()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > CACHED:
                self._kept.popitem(last=False)
        return made


def load_accounts(
    session: Session, ring: KeyRing, provider_id: int, version: int
) -> ProviderAccounts:
    """Read and unseal every live credential of one provider."""
    rows = session.scalars(select(AccountRow).where(AccountRow.provider_id == provider_id)).all()
    secrets = _secrets(session, ring, provider_id)
    wechat: tuple[WechatAccount, ...] = ()
    alipay: tuple[AlipayAccount, ...] = ()
    official: OfficialAccount | None = None
    grants: dict[int, AlipayGrant] = {}
    others: dict[tuple[int, str], AlipayGrant] = {}
    for row in rows:
        held = secrets.get(row.id, {})
        if (row.channel, row.kind) == ("wechat", "pay"):
            wechat = _wechat(row, held, version)
        elif (row.channel, row.kind) == ("alipay", "pay"):
            alipay = _alipay(row, held, version)
        elif (row.channel, row.kind) == ("wechat", "oa"):
            official = _official(row.facts, held)
        elif (row.channel, row.kind) == ("alipay", "grant") and row.merchant_id is not None:
            grants[row.merchant_id] = AlipayGrant(row.facts["pid"], held["app_auth_token"][0])
        elif row.kind.startswith(OTHER_GRANT) and row.merchant_id is not None and held:
            grant = AlipayGrant(row.facts["pid"], held["app_auth_token"][0])
            others[row.merchant_id, grant.pid] = grant
    return ProviderAccounts(provider_id, version, wechat, alipay, official, grants, others)


def _secrets(session: Session, ring: KeyRing, provider_id: int) -> dict[int, dict[str, list[str]]]:
    found: dict[int, dict[str, list[str]]] = {}
    live = (
        select(Credential)
        .where(Credential.provider_id == provider_id, Credential.retired_at.is_(None))
        .order_by(Credential.id.desc())
    )
    for row in session.scalars(live):
        plain = ring.open(row.sealed, seal_place("credential", "sealed", row.seal_key))
        found.setdefault(row.account_id, {}).setdefault(row.kind, []).append(plain)
    return found


def _official(facts: dict[str, Any], held: dict[str, list[str]]) -> OfficialAccount | None:
    platform = str(facts.get("component_appid") or "")
    if platform:
        return OfficialAccount(facts["app_id"], "", platform) if facts.get("app_id") else None
    if not held.get("secret"):
        return None  # it is to be authorised yet
    return OfficialAccount(facts["app_id"], held["secret"][0])


def _wechat(row: AccountRow, held: dict[str, list[str]], version: int) -> tuple[WechatAccount, ...]:
    facts: dict[str, Any] = row.facts
    newest = WechatAccount(
        version=version,
        account_key=f"{row.provider_id}:wechat",
        sp_mchid=facts["sp_mchid"],
        sp_appid=facts["sp_appid"],
        sub_mchid="",
        merchant_serial=facts["merchant_serial"],
        merchant_private_key=held["merchant_private_key"][0],
        apiv3_key=held["apiv3_key"][0],
        public_key_id=facts.get("public_key_id", ""),
        public_key=facts.get("public_key", ""),
        platform_certificates=tuple(facts.get("platform_certificates", ())),
        apiv2_key=held.get("apiv2_key", [""])[0],
        merchant_certificate=facts.get("merchant_certificate", ""),
        older_public_keys=tuple((old[0], old[1]) for old in facts.get("older_public_keys", ())),
    )
    older = [
        replace(newest, apiv3_key=key, account_key=f"{newest.account_key}:v3key{n}")
        for n, key in enumerate(held["apiv3_key"][1:], 1)
    ]
    return (newest, *older)


def _alipay(row: AccountRow, held: dict[str, list[str]], version: int) -> tuple[AlipayAccount, ...]:
    facts: dict[str, Any] = row.facts
    made = [
        AlipayAccount(
            version=version,
            account_key=f"{row.provider_id}:alipay" + (f":key{n}" if n else ""),
            app_id=facts["app_id"],
            app_private_key=held["app_private_key"][0],
            alipay_public_key=key,
            sys_service_provider_id=facts.get("pid"),
            older_public_keys=() if n else tuple(held["alipay_public_key"][1:]),
        )
        for n, key in enumerate(held["alipay_public_key"])
    ]
    return tuple(made)


def account_for(
    accounts: ProviderAccounts,
    channel: str,
    merchant_id: int,
    wechat_sub_mchid: str | None,
    alipay_pid: str | None = None,
    *,
    wechat_sub_appid: str | None = None,
) -> ChannelAccount:
    """The account to call for one merchant; raises `NotConfigured` where something is missing.

    `alipay_pid`: whose money it is, where that may be another account than the merchant's own of
    now: a store's, or the one that an earlier payment went to.
    `wechat_sub_appid`: only for a payment that is asked for by the merchant's own app, whose payer
    is known by a sub_openid (wechat.md A5); everything else goes by the provider's.
    """
    if channel == "wechat":
        if not accounts.wechat or not wechat_sub_mchid:
            raise NotConfigured(channel=channel)
        return replace(
            accounts.wechat[0], sub_mchid=wechat_sub_mchid, sub_appid=wechat_sub_appid or None
        )
    if channel != "alipay":
        raise NotConfigured(channel=channel)  # a member's card is nobody's account at a wallet
    grant = accounts.grants.get(merchant_id)
    if alipay_pid and (grant is None or grant.pid != alipay_pid):
        grant = accounts.other_grants.get((merchant_id, alipay_pid))
    if not accounts.alipay or grant is None:
        raise NotConfigured(channel=channel)
    return replace(accounts.alipay[0], app_auth_token=grant.app_auth_token, seller_id=grant.pid)


def app_of(account: ChannelAccount) -> str:
    """The app that orders: sp_appid, or Alipay's app_id."""
    return account.sp_appid if isinstance(account, WechatAccount) else account.app_id


def payee_of(account: ChannelAccount) -> str:
    """Who gets the money: the merchant's own id, never the provider's (invariant 9)."""
    payee = account.sub_mchid if isinstance(account, WechatAccount) else account.seller_id
    is_provider = isinstance(account, WechatAccount) and payee == account.sp_mchid
    if not payee or is_provider:
        raise NotConfigured(channel="wechat" if isinstance(account, WechatAccount) else "alipay")
    return payee
