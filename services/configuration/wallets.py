"""The forms of the provider's WeChat Pay and Alipay keys: every field read, all problems at once.

A field left empty stays as it is. What is right is written by `services/onboarding`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import AppError
from models.provider import ChannelAccount, Credential, Provider
from services import onboarding
from services.configuration import p12, words
from services.configuration.words import FieldWrong
from services.credentials import (
    BadCredential,
    Cleaned,
    certificate,
    private_key,
    public_half,
    public_key,
    word,
)
from services.deps import Deps
from services.onboarding import WechatEntry

WECHAT_FIELDS: Final = (
    *("sp_mchid", "sp_appid", "merchant_certificate", "merchant_private_key", "apiv3_key"),
    *("apiv2_key", "public_key_id", "public_key", "platform_certificate", "oa_secret"),
)
ALIPAY_FIELDS: Final = ("app_id", "pid", "app_private_key", "alipay_public_key")
# Written under another name than the field that a person fills in.
SHOWN_AS: Final = {"merchant_serial": "merchant_certificate", "alipay_app_id": "app_id"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`problems` by field, "" for all of it: nothing was written then. `asks` is a change that
    wants a yes first, old and new."""

    problems: dict[str, AppError] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    asks: tuple[str, str] | None = None


@dataclass
class _Reader:
    """Reads one form; keeps each field's problem and what was put right."""

    typed: Mapping[str, str]
    problems: dict[str, AppError] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, name: str, clean: Callable[[str, str], Cleaned], rule: str = "") -> str:
        """The cleaned value, "" where nothing was typed or it cannot be right."""
        raw = self.typed.get(name, "")
        if not raw.strip():
            return ""
        try:
            found = clean(rule or name, raw)
        except BadCredential as problem:
            self.problems[name] = words.said(problem)
            return ""
        self.notes += [words.note(one) for one in found.notes]
        return found.value

    def wrong(self, name: str, why: str) -> None:
        self.problems.setdefault(name, FieldWrong(f"{words.LABELS[name]}：{why}", field=name))


# --- WeChat Pay -------------------------------------------------------------------------------


def save_wechat(
    deps: Deps, provider_id: int, typed: Mapping[str, str], *, file: bytes = b"", actor: str
) -> Outcome:
    """`file`: apiclient_cert.p12 in place of its two texts; `p12_password` goes with it."""
    held = deps.transact(lambda s: facts(s, provider_id, "wechat"))
    reader = _Reader(typed)
    entry = _wechat_entry(reader, held, file, deps.now())
    if not reader.problems:
        _look_at_public_key(deps, provider_id, reader, entry)
    if reader.problems:
        return Outcome(reader.problems)
    if not (entry.facts or entry.secret or entry.oa_secret or entry.add_certificates):
        return Outcome()
    name = deps.transact(lambda s: s.get_one(Provider, provider_id).out_mch_id)
    try:
        changed = onboarding.set_wechat(deps, name, entry, actor=actor)
    except AppError as problem:
        return Outcome({_field_of(problem, WECHAT_FIELDS): words.said(problem)})
    return Outcome(notes=tuple(reader.notes), changed=_labels(changed))


def _wechat_entry(
    reader: _Reader, held: Mapping[str, Any], file: bytes, now: datetime
) -> WechatEntry:
    given: dict[str, Any] = {
        name: found
        for name in ("sp_mchid", "sp_appid", "public_key_id")
        if (found := reader.take(name, word))
    }
    if found := reader.take("public_key", public_key):
        given["public_key"] = found
    secret = {
        name: found for name in ("apiv3_key", "apiv2_key") if (found := reader.take(name, word))
    }
    own = reader.take("merchant_private_key", private_key)
    mchid = str(given.get("sp_mchid") or held.get("sp_mchid") or "")
    if file:
        pair, own = _from_file(reader, file, mchid, now)
        given |= pair
    else:
        given |= _own_certificate(reader, mchid, own, now)
    if own:
        secret["merchant_private_key"] = own
    platform = _platform_certificate(reader)
    return WechatEntry(given, secret, reader.take("oa_secret", word), platform)


def _from_file(
    reader: _Reader, file: bytes, mchid: str, now: datetime
) -> tuple[dict[str, str], str]:
    """As `_own_certificate`, and the private key, out of apiclient_cert.p12."""
    pasted = ("merchant_certificate", "merchant_private_key")
    if any(reader.typed.get(name, "").strip() for name in pasted):
        reader.wrong(p12.FIELD, "已经粘贴了证书或私钥：文件和粘贴只用一种")
        return {}, ""
    try:
        made, own = p12.opened(file, reader.typed.get("p12_password", "").strip(), mchid)
    except FieldWrong as problem:
        reader.problems[p12.FIELD] = problem
        return {}, ""
    owner = _common_name(made.pem)
    if mchid and owner != mchid:
        reader.wrong(p12.FIELD, f"这是商户号 {owner} 的证书，不是 {mchid} 的")
    elif public_half(own) != made.public_pem:
        reader.wrong(p12.FIELD, "文件里的证书和私钥不是一对，请上传下载时的原文件")
    elif why := p12.validity(made, now):
        reader.wrong(p12.FIELD, why)
    return {"merchant_serial": made.serial, "merchant_certificate": made.pem}, own


def _own_certificate(reader: _Reader, mchid: str, own: str, now: datetime) -> dict[str, str]:
    """The API certificate with its serial number: it must be this merchant's and the key's."""
    raw = reader.typed.get("merchant_certificate", "")
    if not raw.strip():
        if own:
            reader.wrong("merchant_certificate", "换私钥要同时粘贴与它配套的证书")
        return {}
    try:
        made = certificate("merchant_certificate", raw)
    except BadCredential as problem:
        reader.problems["merchant_certificate"] = words.said(problem)
        return {}
    reader.notes += [words.note(one) for one in made.notes]
    owner = _common_name(made.pem)
    if not owner.isdigit():
        reader.wrong("merchant_certificate", "这是微信支付平台证书，请填到「平台证书」")
    elif mchid and owner != mchid:
        reader.wrong("merchant_certificate", f"这是商户号 {owner} 的证书，不是 {mchid} 的")
    elif own and public_half(own) != made.public_pem:
        reader.wrong("merchant_private_key", "与这张证书不是一对，请用同一次下载的两个文件")
    elif not own:
        reader.wrong("merchant_private_key", "换证书要同时粘贴与它配套的私钥")
    elif why := p12.validity(made, now):
        reader.wrong("merchant_certificate", why)
    return {"merchant_serial": made.serial, "merchant_certificate": made.pem}


def _platform_certificate(reader: _Reader) -> tuple[str, ...]:
    raw = reader.typed.get("platform_certificate", "")
    if not raw.strip():
        return ()
    try:
        made = certificate("platform_certificate", raw)
    except BadCredential as problem:
        reader.problems["platform_certificate"] = words.said(problem)
        return ()
    reader.notes += [words.note(one) for one in made.notes]
    if _common_name(made.pem).isdigit():
        reader.wrong("platform_certificate", "这是商户自己的 API 证书，请填到「API 证书」")
    return (made.pem,)


def _look_at_public_key(deps: Deps, provider_id: int, reader: _Reader, entry: WechatEntry) -> None:
    """WeChat's public key, not the public half of our own."""
    theirs = entry.facts.get("public_key")
    own = entry.secret.get("merchant_private_key") or _held_key(deps, provider_id, "wechat")
    if theirs and own and public_half(own) == theirs:
        reader.wrong("public_key", "这是商户自己的公钥，要填微信支付的公钥")


def _common_name(pem: str) -> str:
    found = x509.load_pem_x509_certificate(pem.encode()).subject
    names = found.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


# --- Alipay -----------------------------------------------------------------------------------


def save_alipay(
    deps: Deps, provider_id: int, typed: Mapping[str, str], *, sure: str, actor: str
) -> Outcome:
    """`sure` is the PID that a person said yes to: it decides who gets the rebate, and Alipay
    hears no appeal (product PRV-13)."""
    held = deps.transact(lambda s: facts(s, provider_id, "alipay"))
    reader = _Reader(typed)
    given: dict[str, Any] = {}
    if found := reader.take("app_id", word, "alipay_app_id"):
        given["app_id"] = found
    if found := reader.take("pid", word):
        given["pid"] = found
    secret: dict[str, str] = {}
    if found := reader.take("app_private_key", private_key):
        secret["app_private_key"] = found
    if found := reader.take("alipay_public_key", public_key):
        secret["alipay_public_key"] = found
    _refuse_own_half(deps, provider_id, reader, secret)
    if reader.problems:
        return Outcome(reader.problems)
    if not given and not secret:
        return Outcome()
    before, after = str(held.get("pid") or ""), str(given.get("pid") or "")
    if after and after != before and sure != after:
        return Outcome(asks=(before, after))
    name = deps.transact(lambda s: s.get_one(Provider, provider_id).out_mch_id)
    try:
        changed = onboarding.set_alipay(deps, name, facts=given, secret=secret, actor=actor)
    except AppError as problem:
        return Outcome({_field_of(problem, ALIPAY_FIELDS): words.said(problem)})
    return Outcome(notes=tuple(reader.notes), changed=_labels(changed))


def _refuse_own_half(
    deps: Deps, provider_id: int, reader: _Reader, secret: Mapping[str, str]
) -> None:
    theirs = secret.get("alipay_public_key")
    own = secret.get("app_private_key") or _held_key(deps, provider_id, "alipay")
    if theirs and own and public_half(own) == theirs:
        reader.wrong("alipay_public_key", "这是应用公钥，要填「支付宝公钥」")


# --- what is held -----------------------------------------------------------------------------


def facts(session: Session, provider_id: int, channel: str, kind: str = "pay") -> dict[str, Any]:
    """What is no secret; {} where nothing is set."""
    row = _account(session, provider_id, channel, kind)
    return dict(row.facts) if row is not None else {}


def secrets_since(
    session: Session, provider_id: int, channel: str, kind: str = "pay"
) -> dict[str, list[datetime]]:
    """Since when each live secret is held, newest first: a value is never shown again."""
    row = _account(session, provider_id, channel, kind)
    if row is None:
        return {}
    live = session.execute(
        select(Credential.kind, Credential.created_at)
        .where(
            Credential.provider_id == provider_id,
            Credential.account_id == row.id,
            Credential.retired_at.is_(None),
        )
        .order_by(Credential.id.desc())
    )
    found: dict[str, list[datetime]] = {}
    for name, at in live:
        found.setdefault(name, []).append(at)
    return found


def _account(session: Session, provider_id: int, channel: str, kind: str) -> ChannelAccount | None:
    return session.scalar(
        select(ChannelAccount).where(
            ChannelAccount.provider_id == provider_id,
            ChannelAccount.channel == channel,
            ChannelAccount.kind == kind,
            ChannelAccount.merchant_id.is_(None),
        )
    )


def _held_key(deps: Deps, provider_id: int, channel: str) -> str:
    version = deps.transact(lambda s: s.get_one(Provider, provider_id).account_version)
    accounts = deps.accounts_of(provider_id, version)
    if channel == "wechat":
        return accounts.wechat[0].merchant_private_key if accounts.wechat else ""
    return accounts.alipay[0].app_private_key if accounts.alipay else ""


def _field_of(problem: AppError, names: tuple[str, ...]) -> str:
    name = str(problem.facts.get("field", ""))
    name = SHOWN_AS.get(name, name)
    return name if name in names else ""


def _labels(changed: list[str]) -> tuple[str, ...]:
    """What changed as people call it; names that mean nothing to them are left out."""
    names = {"secret": "oa_secret"}
    shown = [words.LABELS.get(names.get(one, one)) for one in changed]
    return tuple(dict.fromkeys(one for one in shown if one))
