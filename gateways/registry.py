"""All gateways in one frozen holder, built once per process from plain settings values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from gateways.alipay.bills import AlipayBills
from gateways.alipay.checking import AlipayChecking
from gateways.alipay.codepay import AlipayCodePay
from gateways.alipay.gateway import AlipayClients, AlipayGateway
from gateways.alipay.oauth import AlipayOAuth
from gateways.alipay.preauth import AlipayDeposits
from gateways.alipay.shops import AlipayShops
from gateways.base import BillSource, CodePay, PayGateway
from gateways.bill_download import Limits
from gateways.deposits import Deposits
from gateways.http import Downloader, HttpTransport, Transport
from gateways.maidan import MaidanDirectory
from gateways.outgoing.sender import CallbackSender
from gateways.sms import Sms, SmsLog, SmsRelay
from gateways.tls import presenting
from gateways.wechat_oa.account import WechatMenus
from gateways.wechat_oa.cards import WechatCards
from gateways.wechat_oa.messages import WechatNotices
from gateways.wechat_oa.oauth import WechatOAuth
from gateways.wechat_oa.tokens import WechatTokens
from gateways.wechat_pay.applyment import WechatApplyments
from gateways.wechat_pay.bills import WechatBills
from gateways.wechat_pay.checking import WechatChecking
from gateways.wechat_pay.codepay import WechatCodePay
from gateways.wechat_pay.deposits import WechatDeposits
from gateways.wechat_pay.gateway import WechatPayGateway
from gateways.wechat_pay.goldplan import WechatGoldPlan

TOKEN_READ_S = 10.0  # seconds to wait for a token: `services.oa.renewing.LEASE` is longer


@dataclass(frozen=True, slots=True)
class Gateways:
    """What services call. `pay` is by channel; the OAuth helpers say who pays."""

    pay: Mapping[str, PayGateway]
    wechat_oauth: WechatOAuth
    alipay_oauth: AlipayOAuth
    alipay: AlipayGateway  # pay["alipay"] with what only Alipay has: wap_pay
    sms: Sms
    wechat_cards: WechatCards  # a card in WeChat's own wallet
    wechat_tokens: WechatTokens  # of official accounts and of the third-party platform
    wechat_menus: WechatMenus  # and parametric codes
    alipay_shops: AlipayShops  # 口碑门店, to be picked from
    wechat_notices: WechatNotices  # template messages
    wechat_applyments: WechatApplyments  # 特约商户进件
    maidan: MaidanDirectory  # 买单's list of sub-merchants
    wechat_check: WechatChecking  # whether an account's keys are right
    alipay_check: AlipayChecking
    wechat_gold_plan: WechatGoldPlan
    codes: Mapping[str, CodePay] = field(default_factory=dict)  # payment codes, by channel
    deposits: Mapping[str, Deposits] = field(default_factory=dict)  # holds, by channel
    callbacks: CallbackSender = field(default_factory=CallbackSender)  # to providers' own systems
    bills: Mapping[str, BillSource] = field(default_factory=dict)  # by channel


def build_gateways(
    *,
    wechat_pay_base: str,
    alipay_base: str,
    alipay_auth_base: str,
    wechat_oa_api_base: str,
    wechat_oa_open_base: str,
    connect_timeout: float,
    read_timeout: float,
    pool_size: int,
    now: Callable[[], datetime],
    make_transport: Callable[[], Downloader] | None = None,
    callbacks: CallbackSender | None = None,
    bill_limits: Limits | None = None,
    sms_relay: str = "",
    maidan_base: str = "",
) -> Gateways:
    """Build them; no connection is opened and no SDK imported before the first call.

    Timeouts are seconds; `pool_size` is connections kept per upstream (a process's threads).
    `now` gives aware time and is the product's clock: signatures and windows follow it.
    `make_transport` puts another network in the place of HTTP's sessions.
    """

    def transport() -> Transport:
        if make_transport is not None:
            return make_transport()
        return HttpTransport(
            connect_timeout=connect_timeout, read_timeout=read_timeout, pool_size=pool_size
        )

    def patient() -> Transport:
        if make_transport is not None:
            return make_transport()
        return HttpTransport(connect_timeout=2.0, read_timeout=TOKEN_READ_S, pool_size=pool_size)

    clients = AlipayClients(base=alipay_base, transport=transport(), now=now)
    alipay = AlipayGateway(clients)
    wechat = WechatPayGateway(base=wechat_pay_base, transport=transport(), now=now)
    secure = presenting(
        connect_timeout=connect_timeout, read_timeout=read_timeout, pool_size=pool_size
    )
    if make_transport is not None:
        secure = lambda *_: transport()  # noqa: E731 - the other network asks for no certificate
    by_code: Mapping[str, CodePay] = {
        "wechat": WechatCodePay(base=wechat_pay_base, transport=transport(), presenting=secure),
        "alipay": AlipayCodePay(clients),
    }
    holds: Mapping[str, Deposits] = {
        "wechat": WechatDeposits(base=wechat_pay_base, transport=transport(), presenting=secure),
        "alipay": AlipayDeposits(clients, alipay),
    }
    downloads: Downloader = (
        make_transport()
        if make_transport is not None
        else HttpTransport(connect_timeout=connect_timeout, read_timeout=read_timeout, pool_size=1)
    )
    limits = bill_limits or Limits()
    wechat_bills = WechatBills(base=wechat_pay_base, transport=downloads, now=now, limits=limits)
    alipay_bills = AlipayBills(clients, transport=downloads, now=now, limits=limits)
    return Gateways(
        pay=MappingProxyType({"wechat": wechat, "alipay": alipay}),
        wechat_oauth=WechatOAuth(
            api_base=wechat_oa_api_base, open_base=wechat_oa_open_base, transport=transport()
        ),
        alipay_oauth=AlipayOAuth(clients, auth_base=alipay_auth_base),
        alipay=alipay,
        alipay_shops=AlipayShops(clients),
        codes=MappingProxyType(by_code),
        deposits=MappingProxyType(holds),
        callbacks=callbacks or CallbackSender(),
        bills=MappingProxyType({"wechat": wechat_bills, "alipay": alipay_bills}),
        sms=SmsRelay(url=sms_relay, transport=transport()) if sms_relay else SmsLog(),
        wechat_tokens=WechatTokens(api_base=wechat_oa_api_base, transport=patient()),
        wechat_notices=WechatNotices(api_base=wechat_oa_api_base, transport=transport()),
        wechat_applyments=WechatApplyments(base=wechat_pay_base, transport=patient(), now=now),
        maidan=MaidanDirectory(base=maidan_base, transport=patient()),
        wechat_gold_plan=WechatGoldPlan(base=wechat_pay_base, transport=transport(), now=now),
        wechat_menus=WechatMenus(api_base=wechat_oa_api_base, transport=transport()),
        wechat_check=WechatChecking(
            base=wechat_pay_base, transport=transport(), presenting=secure, now=now
        ),
        alipay_check=AlipayChecking(clients),
        wechat_cards=WechatCards(api_base=wechat_oa_api_base, transport=transport(), now=now),
    )
