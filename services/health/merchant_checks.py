"""A merchant's checks and its stores': both wallets are asked in the merchant's own name."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import TradeState, WechatAccount
from gateways.looks import GrantLook, Sure
from models.merchant import GrantState, Merchant, Store
from models.provider import Provider
from services import audit
from services.accounts import AlipayGrant, ProviderAccounts
from services.deps import Deps
from services.health import evidence, words
from services.health.words import Said
from services.wallet_errors import GRANT_STATES

NEEDED: Final = ("alipay.trade.create", "alipay.trade.query", "alipay.trade.refund")
SHOWN: Final = {
    "alipay.trade.create": "下单", "alipay.trade.query": "查询", "alipay.trade.refund": "退款",
}  # fmt: skip
NO_F2F: Final = frozenset({"ACQ.ACCESS_FORBIDDEN", "aop.no-product-reg-by-partner"})
NO_RIGHT: Final = frozenset({"NO_AUTH", "NOAUTH", "RULE_LIMIT"})
OF_THE_MERCHANT: Final = NO_RIGHT | NO_F2F | GRANT_STATES.keys()
GONE: Final = frozenset(
    {"invalid", "AUTH_TOKEN_NOT_EXISTED", "AUTH_TOKEN_NOT_CONSISTENT", *GRANT_STATES}
) - {"aop.invalid-app-auth-token-no-api"}


@dataclass(frozen=True, slots=True)
class StoreFacts:
    id: int
    wechat_sub_mchid: str | None
    wechat: evidence.Trial | None
    alipay: evidence.Trial | None


@dataclass
class Ground:
    """What a merchant's checks stand on; asked when first needed, with no transaction open."""

    deps: Deps
    provider_id: int
    merchant_id: int
    name: str
    order_prefix: str
    wechat_sub_mchid: str | None
    alipay_pid: str | None
    alipay_state: GrantState
    accounts: ProviderAccounts
    now: datetime
    wechat_trial: evidence.Trial | None
    alipay_trial: evidence.Trial | None
    returned: evidence.Returned | None
    stores: list[StoreFacts] = field(default_factory=list)
    store: StoreFacts | None = None  # the one that is being looked at

    @property
    def wechat(self) -> WechatAccount | None:
        return self.accounts.wechat[0] if self.accounts.wechat else None

    @property
    def grant(self) -> AlipayGrant | None:
        return self.accounts.grants.get(self.merchant_id) if self.accounts.alipay else None

    @cached_property
    def grant_look(self) -> GrantLook:
        grant = self.grant
        assert grant is not None
        return self.deps.gateways.alipay_check.grant(self.accounts.alipay[0], grant.app_auth_token)


def grounds(deps: Deps, provider_id: int, merchant_ids: list[int]) -> list[Ground]:
    """Of those of these merchants that are there and in use, in the order of their ids."""

    def unit(session: Session) -> list[Ground]:
        provider, now = session.get_one(Provider, provider_id), deps.now()
        blank = ProviderAccounts(provider_id, provider.account_version, (), (), None, {})
        found = session.scalars(
            select(Merchant)
            .where(
                Merchant.provider_id == provider_id,
                Merchant.id.in_(merchant_ids),
                Merchant.is_active,
            )
            .order_by(Merchant.id)
        )
        return [_ground(session, deps, one, blank, now) for one in found]

    made = deps.transact(unit)
    for one in made:
        one.accounts = deps.accounts_of(provider_id, one.accounts.version)
    return made


def _ground(
    session: Session, deps: Deps, merchant: Merchant, blank: ProviderAccounts, now: datetime
) -> Ground:
    who = (merchant.provider_id, merchant.id)
    return Ground(
        deps=deps, provider_id=merchant.provider_id, merchant_id=merchant.id, name=merchant.name,
        order_prefix=merchant.order_prefix, wechat_sub_mchid=merchant.wechat_sub_mchid,
        alipay_pid=merchant.alipay_pid, alipay_state=merchant.alipay_state, accounts=blank,
        now=now, wechat_trial=evidence.trial(session, *who, "wechat", now),
        alipay_trial=evidence.trial(session, *who, "alipay", now),
        returned=evidence.returned(session, *who, now),
        stores=_stores(session, merchant, now),
    )  # fmt: skip


def _stores(session: Session, merchant: Merchant, now: datetime) -> list[StoreFacts]:
    found = session.scalars(
        select(Store)
        .where(
            Store.provider_id == merchant.provider_id,
            Store.merchant_id == merchant.id,
            Store.is_active,
        )
        .order_by(Store.id)
    )
    who = (merchant.provider_id, merchant.id)
    return [
        StoreFacts(
            one.id, one.wechat_sub_mchid,
            evidence.trial(session, *who, "wechat", now, one.id),
            evidence.trial(session, *who, "alipay", now, one.id),
        )
        for one in found
    ]  # fmt: skip


def _query(on: Ground, sub_mchid: str) -> Said:
    """A number that nobody ordered: "unknown number" proves the pair (product MCH-2)."""
    account = on.wechat
    if account is None:
        return words.unknown("服务商还没有配置微信支付")
    number = f"{on.order_prefix}check{secrets.randbelow(10**8):08d}"
    try:
        trade = on.deps.gateways.pay["wechat"].query(replace(account, sub_mchid=sub_mchid), number)
    except GatewayRejected as problem:
        return words.refused(problem, f"微信支付不认子商户号 {sub_mchid}")
    except GatewayUnknown as problem:
        return words.silent(problem, "微信支付")
    if trade.state is not TradeState.NOT_EXIST:
        return words.unknown("微信支付的回答看不懂", trade.raw_state)
    return words.fine(f"子商户号 {sub_mchid} 可用")


def _wechat(on: Ground) -> Said:
    return _query(on, on.wechat_sub_mchid or "")


def _collecting(on: Ground) -> Said:
    tried = on.wechat_trial
    if tried is None:
        return words.unknown("近 30 天没有人用微信付过：用门店码付一笔就知道")
    if tried.code in NO_RIGHT:
        return words.bad("微信支付不让这个商户收款", tried.code, tried.message)
    if tried.code:
        return words.warn(f"最近一次下单被拒：{tried.code}")
    return words.fine("最近一次下单成功")


def _refunding(on: Ground) -> Said:
    assert on.returned is not None
    if on.returned.is_done:
        return words.fine("最近一次退款成功")
    if on.returned.code in NO_RIGHT:
        return words.bad("商户没有授权服务商 API 退款", on.returned.code, on.returned.message)
    return words.warn(f"最近一次退款被拒：{on.returned.code}")


def _alipay(on: Ground) -> Said:
    look = on.grant_look
    keep_state(on)
    if look.word.sure is Sure.GOOD and look.pid != on.alipay_pid:
        return words.bad(f"授权来自 {look.pid}，登记的是 {on.alipay_pid}：钱会进另一个账户")
    said = words.of_word(look.word, "支付宝应用授权令牌已失效")
    if said.level == "ok" and look.until is not None:
        return words.until(look.until, on.now, "授权")
    return said


def keep_state(on: Ground) -> None:
    """What Alipay says of the authorisation holds at once for payers (product ALI-5)."""
    word = on.grant_look.word
    if word.sure is Sure.UNKNOWN or (word.sure is Sure.WRONG and word.code not in GONE):
        return
    state = GrantState.VALID
    if word.sure is Sure.WRONG:
        state = GrantState(GRANT_STATES.get(word.code, "revoked"))
    if state is on.alipay_state:
        return

    def unit(session: Session) -> None:
        session.execute(
            text("UPDATE merchant SET alipay_state = :s WHERE provider_id = :p AND id = :m"),
            {"s": state.value, "p": on.provider_id, "m": on.merchant_id},
        )
        audit.record(
            session, provider_id=on.provider_id, actor="upstream:alipay",
            action="alipay_grant_seen", subject=f"merchant:{on.merchant_id}", at=on.deps.now(),
            state=state.value, code=word.code,
        )  # fmt: skip

    on.deps.transact(unit)


def _alipay_scope(on: Ground) -> Said:
    methods = on.grant_look.methods
    missing = [SHOWN[one] for one in NEEDED if one not in methods]
    if missing:
        code = "aop.invalid-app-auth-token-no-api"
        return words.bad(f"授权里没有：{'、'.join(missing)}", code, "商户未授权当前接口")
    return words.fine("下单、查询、退款都在授权里")


def _face_to_face(on: Ground) -> Said:
    tried = on.alipay_trial
    if tried is None:
        return words.unknown("近 30 天没有人用支付宝付过：用门店码付一笔就知道")
    if tried.code in NO_F2F:
        return words.bad("商户没有可用的当面付", tried.code, tried.message)
    if tried.code:
        return words.warn(f"最近一次下单被拒：{tried.code}")
    return words.fine("最近一次下单成功")


def _store(on: Ground) -> Said:
    store = on.store
    assert store is not None
    own = store.wechat_sub_mchid
    if own:
        said = _query(on, own)
        if said.level != "ok":
            return said
    for tried, name in ((store.wechat, "微信"), (store.alipay, "支付宝")):
        if tried is not None and not own and tried.code in OF_THE_MERCHANT:
            return words.unknown("先解决这个商户的收款权限，才能查这一项", tried.code)
        if tried is not None and tried.code:
            return words.bad(f"最近一次{name}下单被拒", tried.code, tried.message)
    if store.wechat is None and store.alipay is None:
        return words.unknown("近 30 天没有人在这家门店付过：用收款码付一笔就知道")
    return words.fine("最近一次下单成功")


# What a check is about may not be in use: then there is no finding at all.
USED: Final[dict[str, Callable[[Ground], bool]]] = {
    "merchant_wechat": lambda on: bool(on.wechat_sub_mchid),
    "merchant_collecting": lambda on: bool(on.wechat_sub_mchid),
    "merchant_refunding": lambda on: bool(on.wechat_sub_mchid) and on.returned is not None,
    "merchant_alipay": lambda on: on.grant is not None,
    "merchant_alipay_scope": lambda on: on.grant is not None,
    "merchant_f2f": lambda on: on.grant is not None,
}
ASKERS: Final[dict[str, Callable[[Ground], Said]]] = {
    "merchant_wechat": _wechat,
    "merchant_collecting": _collecting,
    "merchant_refunding": _refunding,
    "merchant_alipay": _alipay,
    "merchant_alipay_scope": _alipay_scope,
    "merchant_f2f": _face_to_face,
    "store_paying": _store,
}
