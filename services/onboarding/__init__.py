"""Putting a provider, its wallets, its merchants, stores and codes in place.

Every change of a credential raises the provider's `account_version`, so that every process reads
the accounts anew, and leaves an audit entry that names what changed and never what it is.
"""

from services.onboarding.callbacks import (
    CallbackSet,
    new_authen_key,
    set_callback,
    stop_callback,
)
from services.onboarding.merchants import (
    MadeCode,
    MadeMerchant,
    NewCode,
    NewMerchant,
    NewStore,
    add_code,
    add_merchant,
    add_store,
    code_url,
    find_code_url,
    set_merchant_alipay,
    set_merchant_wechat,
)
from services.onboarding.providers import (
    WechatEntry,
    add_provider,
    retire_replaced,
    set_alipay,
    set_oa_state,
    set_wechat,
)

__all__ = [
    "CallbackSet",
    "MadeCode",
    "MadeMerchant",
    "NewCode",
    "NewMerchant",
    "NewStore",
    "WechatEntry",
    "add_code",
    "add_merchant",
    "add_provider",
    "add_store",
    "code_url",
    "find_code_url",
    "new_authen_key",
    "retire_replaced",
    "set_alipay",
    "set_callback",
    "set_merchant_alipay",
    "set_merchant_wechat",
    "set_oa_state",
    "set_wechat",
    "stop_callback",
]
