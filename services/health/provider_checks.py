"""The provider's own checks: who is asked, and what the answer means."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import AppError, CallbackAddress, GatewayRejected, GatewayUnknown
from gateways import rsa
from gateways.base import AlipayAccount, WechatAccount
from gateways.looks import AlipayLook, Sure, WechatLook
from models.official import OaMode, OfficialAccount
from models.provider import Provider
from services.accounts import ProviderAccounts
from services.deps import Deps
from services.health import evidence, words
from services.health.words import Said
from services.oa import grants, rows, tokens
from services.oa import health as oa_words

NOT_SET: Final = "还没有填写微信支付配置"
WEB, SERVICE_ACCOUNT = 4, 2  # wechat.md D
NO_RIGHT: Final = frozenset({"48001", "61007"})


@dataclass
class Ground:
    """What a provider's checks stand on. Upstreams are asked when a check first needs them, with
    no transaction open; the rows were read before."""

    deps: Deps
    provider_id: int
    out_mch_id: str
    accounts: ProviderAccounts
    now: datetime
    sub_mchid: str  # of a merchant, for questions that name one; "" where there is none
    known: tuple[str, str]  # a number that was ordered over WeChat and whose it is
    heard_at: datetime | None  # the newest notification that the newest APIv3 key may have opened
    callback: CallbackFacts
    pages: evidence.Pages
    oa_row: OfficialAccount | None = field(default=None)

    @property
    def wechat(self) -> WechatAccount | None:
        return self.accounts.wechat[0] if self.accounts.wechat else None

    @property
    def alipay(self) -> AlipayAccount | None:
        return self.accounts.alipay[0] if self.accounts.alipay else None

    @cached_property
    def wechat_look(self) -> WechatLook:
        account = self.wechat
        assert account is not None
        number, payee = self.known
        return self.deps.gateways.wechat_check.look(replace(account, sub_mchid=payee), number)

    @cached_property
    def alipay_look(self) -> AlipayLook:
        account = self.alipay
        assert account is not None
        return self.deps.gateways.alipay_check.look(account)


@dataclass(frozen=True, slots=True)
class CallbackFacts:
    url: str = field(default="", repr=False)
    is_active: bool = False
    state: str = ""  # of the newest that was tried
    code: str = ""
    tried_at: datetime | None = None
    tested: Said | None = None  # what a person's test found, where it is newer
    tested_at: datetime | None = None


def ground(deps: Deps, provider_id: int) -> Ground:
    def unit(session: Session) -> Ground:
        provider, now = session.get_one(Provider, provider_id), deps.now()
        row = session.scalar(rows.of_provider(provider_id))
        if row is not None:
            session.expunge(row)
        return Ground(
            deps=deps, provider_id=provider_id, out_mch_id=provider.out_mch_id, now=now,
            accounts=ProviderAccounts(provider_id, provider.account_version, (), (), None, {}),
            sub_mchid=str(session.scalar(_A_MERCHANT, {"p": provider_id}) or ""),
            known=_known(session, provider_id),
            heard_at=session.scalar(_HEARD, {"p": provider_id}),
            callback=_callback(session, provider), oa_row=row,
            pages=evidence.pages(session, provider_id, now),
        )  # fmt: skip

    found = deps.transact(unit)
    found.accounts = deps.accounts_of(provider_id, found.accounts.version)
    return found


_A_MERCHANT: Final = text(
    "SELECT wechat_sub_mchid FROM merchant WHERE provider_id = :p AND wechat_sub_mchid IS NOT NULL"
    " AND is_active ORDER BY id LIMIT 1"
)
_KNOWN: Final = text(
    "SELECT out_trade_no, payee FROM pay_attempt WHERE provider_id = :p AND channel = 'wechat'"
    " AND prepay_id IS NOT NULL ORDER BY id DESC LIMIT 1"
)
_HEARD: Final = text("""
SELECT max(e.received_at) FROM upstream_event e WHERE e.provider_id = :p AND e.channel = 'wechat'
    AND e.received_at > (SELECT max(c.created_at) FROM credential c
        WHERE c.provider_id = :p AND c.kind = 'apiv3_key' AND c.retired_at IS NULL)
""")


def _known(session: Session, provider_id: int) -> tuple[str, str]:
    row = session.execute(_KNOWN, {"p": provider_id}).first()
    return (row.out_trade_no, row.payee) if row is not None else ("", "")


def _callback(session: Session, provider: Provider) -> CallbackFacts:
    newest = session.execute(
        text(
            "SELECT status, last_code, COALESCE(delivered_at, dead_at, due_at) AS at FROM callback"
            " WHERE provider_id = :p AND tries > 0 ORDER BY id DESC LIMIT 1"
        ),
        {"p": provider.id},
    ).first()
    tested = session.execute(
        text(
            "SELECT level, said, upstream_code, upstream_text, since_at FROM health_finding"
            " WHERE provider_id = :p AND check_name = 'callback' AND level IN ('ok', 'bad')"
            " AND merchant_id IS NULL"
        ),
        {"p": provider.id},
    ).first()
    return CallbackFacts(
        url=provider.callback_url or "", is_active=provider.callback_is_active,
        state=newest.status if newest else "", code=(newest.last_code or "") if newest else "",
        tried_at=newest.at if newest else None,
        tested=None if tested is None else Said(
            tested.level, tested.said, tested.upstream_code, tested.upstream_text
        ),
        tested_at=tested.since_at if tested else None,
    )  # fmt: skip


# --- WeChat Pay -------------------------------------------------------------------------------


def _certificate(on: Ground) -> Said:
    account = on.wechat
    if account is None:
        return words.unknown(NOT_SET)
    said = words.of_word(on.wechat_look.certificate, "商户 API 证书已不能使用")
    if said.level != "ok":
        return said
    if not account.merchant_certificate:
        return words.warn("证书有效，但没有保存证书文件，到期前不能提醒你")
    return words.until(rsa.certificate(account.merchant_certificate).not_valid_after_utc, on.now)


def _keys(on: Ground) -> Said:
    if on.wechat is None:
        return words.unknown(NOT_SET)
    return words.of_word(on.wechat_look.signed, "私钥、证书序列号与商户平台上的不一致")


def _apiv3(on: Ground) -> Said:
    if on.wechat is None:
        return words.unknown(NOT_SET)
    word = on.wechat_look.sealed
    if word.sure is Sure.UNKNOWN and on.heard_at is not None:
        return words.fine(f"{on.heard_at.astimezone(words.SHANGHAI):%F %H:%M} 的通知能解开")
    return words.of_word(word, "APIv3 密钥与商户平台上的不一致")


def _public_key(on: Ground) -> Said:
    account = on.wechat
    if account is None:
        return words.unknown(NOT_SET)
    look = on.wechat_look
    said = words.of_word(look.answered, "公钥或公钥 ID 与商户平台上的不一致")
    if said.level == "ok" and not account.public_key_id and look.platform_until is not None:
        return words.until(look.platform_until, on.now, "平台证书")
    return said


def _apiv2(on: Ground) -> Said:
    account = on.wechat
    assert account is not None
    if not on.sub_mchid:
        return words.unknown("还没有商户，无法询问")
    number = f"yimacheck{secrets.randbelow(10**8):08d}"
    word = on.deps.gateways.wechat_check.code_pay(replace(account, sub_mchid=on.sub_mchid), number)
    return words.of_word(word, "APIv2 密钥与商户平台上的不一致")


# --- the official account ---------------------------------------------------------------------


def _oa_access(on: Ground) -> Said:
    official = on.accounts.official
    if official is None:
        return words.bad("还没有设置公众号", "PROVIDER_OA_NOT_AUTHORIZED")
    try:
        if official.component_appid:
            grants.look(on.deps, on.provider_id)
            on.oa_row = on.deps.transact(lambda s: s.scalar(_fresh(on.provider_id)))
            is_there = on.oa_row is not None and on.oa_row.is_authorised
            return words.fine("已授权") if is_there else words.bad("公众号已取消授权", "61003")
        on.deps.gateways.wechat_tokens.stable(official.app_id, official.secret)
    except GatewayRejected as problem:
        why = oa_words.explain(problem.upstream_code) or "微信拒绝了这个公众号"
        return words.refused(problem, why[:200])
    except GatewayUnknown as problem:
        return words.silent(problem, "微信")
    except AppError as problem:
        return words.bad(problem.title, problem.code)
    return words.fine("AppSecret 正确")


def _fresh(provider_id: int):  # type: ignore[no-untyped-def]  # a typed select of one row
    return (
        select(OfficialAccount)
        .where(OfficialAccount.provider_id == provider_id)
        .execution_options(populate_existing=True)
    )


def _oa_verified(on: Ground) -> Said:
    """No call tells the day; that a call for verified accounts is answered tells today."""
    row = on.oa_row
    if row is not None and row.verify_type == -1:
        return words.bad("公众号未认证，或认证已过期")
    try:
        tokens.call(on.deps, on.provider_id, on.deps.gateways.wechat_notices.templates)
    except GatewayRejected as problem:
        if problem.upstream_code == "48001":
            return words.refused(problem, "公众号未认证，或认证已过期")
        if problem.upstream_code not in NO_RIGHT:
            return words.unknown("微信没有说清", problem.upstream_code, problem.upstream_message)
    except GatewayUnknown as problem:
        return words.silent(problem, "微信")
    if row is not None and row.verify_until is not None:
        return words.until(row.verify_until, on.now, "认证")
    return words.fine("今天有效；填上到期日，到期前会提醒你")


def _oa_web(on: Ground) -> Said:
    row = on.oa_row
    if on.pages.lost_in_a_row >= evidence.IN_A_ROW:
        return words.bad(
            f"最近 {on.pages.lost_in_a_row} 位顾客去微信授权后都没有回来，多为 10005", "10005"
        )
    if row is not None and row.mode is OaMode.COMPONENT:
        if row.service_type is not None and row.service_type != SERVICE_ACCOUNT:
            return words.bad("只有已认证的服务号能识别顾客，这是订阅号", "10005")
        if WEB not in row.granted:
            return words.bad("没有授权「网页服务」", "10005", "此公众号并没有这些 scope 的权限")
        return words.fine("已授权「网页服务」")
    if on.pages.began_at is None:
        return words.unknown("还没有顾客经过网页授权：用门店码付一笔就知道")
    return words.fine("顾客能完成网页授权")


def _pay_page(on: Ground) -> Said:
    found = on.pages
    if found.failed_in_a_row >= evidence.IN_A_ROW:
        return words.bad(f"最近 {found.failed_in_a_row} 位顾客到了微信收银台都没有付成")
    if found.paid_at is None:
        return words.unknown("近 30 天没有人在付款页用微信付成：用门店码付 ¥0.01 试一次")
    return words.fine(f"最近一笔 {found.paid_at.astimezone(words.SHANGHAI):%F %H:%M}")


# --- the provider's own system, Alipay --------------------------------------------------------


def _callback_heard(on: Ground) -> Said:
    facts = on.callback
    try:
        on.deps.gateways.callbacks.check(facts.url)
    except CallbackAddress as problem:
        return words.bad("回调地址不可用", problem.code, problem.detail)
    newest, tested = facts.tried_at, facts.tested_at
    if facts.tested is not None and tested is not None and (newest is None or tested >= newest):
        return facts.tested
    if facts.state == "delivered":
        return words.fine("最近一次通知已送达")
    if facts.state:
        return words.bad("最近一次通知没有人应答 200", facts.code)
    return words.unknown("还没有发过通知：点「发送测试」")


def _alipay_keys(on: Ground) -> Said:
    return words.of_word(on.alipay_look.signed, "应用私钥与上传到支付宝的应用公钥不配套")


def _alipay_public_key(on: Ground) -> Said:
    return words.of_word(on.alipay_look.answered, "支付宝公钥不对")


def _alipay_app(on: Ground) -> Said:
    return words.of_word(on.alipay_look.app, "支付宝不认这个应用，或它还没有上线")


# What a check is about may not be in use: then there is no finding at all.
USED: Final[dict[str, Callable[[Ground], bool]]] = {
    "wechat_apiv2_key": lambda on: on.wechat is not None and bool(on.wechat.apiv2_key),
    "callback": lambda on: on.callback.is_active,
    "alipay_keys": lambda on: on.alipay is not None,
    "alipay_public_key": lambda on: on.alipay is not None,
    "alipay_app": lambda on: on.alipay is not None,
}
ASKERS: Final[dict[str, Callable[[Ground], Said]]] = {
    "wechat_certificate": _certificate,
    "wechat_keys": _keys,
    "wechat_apiv3_key": _apiv3,
    "wechat_public_key": _public_key,
    "wechat_apiv2_key": _apiv2,
    "oa_access": _oa_access,
    "oa_verified": _oa_verified,
    "oa_web": _oa_web,
    "pay_page": _pay_page,
    "callback": _callback_heard,
    "alipay_keys": _alipay_keys,
    "alipay_public_key": _alipay_public_key,
    "alipay_app": _alipay_app,
}
