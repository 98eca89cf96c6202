"""Whether WeChat knows a sub-merchant below this provider (product MCH-2)."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from models.provider import Provider
from services.accounts import NotConfigured, account_for
from services.deps import Deps
from services.merchants.problems import ProviderWrong, SubMerchantWrong, WechatSilent

# What WeChat says of the sub-merchant; every other refusal is about the provider (wechat.md A5).
OF_THE_MERCHANT: Final = frozenset({"MCH_NOT_EXISTS", "NO_AUTH", "PARAM_ERROR"})


def check_pair(deps: Deps, provider_id: int, sub_mchid: str) -> None:
    """Ask WeChat for a number that nobody ordered: "unknown number" proves the pair.

    Raises SubMerchantWrong, ProviderWrong, WechatSilent.
    """

    def unit(session: Session) -> int:
        return session.get_one(Provider, provider_id).account_version

    accounts = deps.accounts_of(provider_id, deps.transact(unit))
    number = f"yimacheck{secrets.randbelow(10**8):08d}"
    try:
        account = account_for(accounts, "wechat", 0, sub_mchid)
        deps.gateways.pay["wechat"].query(account, number)
    except NotConfigured as problem:
        raise ProviderWrong("服务商还没有配置微信支付") from problem
    except GatewayRejected as problem:
        said = f"微信支付说：{problem.upstream_message}（{problem.upstream_code}）"
        if problem.upstream_code in OF_THE_MERCHANT:
            raise SubMerchantWrong(f"微信子商户号有误。{said}") from problem
        raise ProviderWrong(f"服务商的微信支付配置有误。{said}") from problem
    except GatewayUnknown as problem:
        raise WechatSilent from problem
