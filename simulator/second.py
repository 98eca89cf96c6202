"""Second keys: what a party at a wallet's own platform replaces its first ones with.

Which of two serves is a switch; `both` is the overlap in which either is good.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulator.parties import WechatProvider
from simulator.world import World

FIRST, SECOND, BOTH = "first", "second", "both"
WHICH = (FIRST, SECOND, BOTH)


def _flipped(text: str) -> str:
    """Another text of the same shape: the letters back to front behind a mark."""
    return "2" + text[:0:-1]


# --- WeChat Pay -------------------------------------------------------------------------------


def merchant_serials(provider: WechatProvider) -> tuple[str, str]:
    digest = hashlib.sha1(f"wechat-merchant:{provider.sp_mchid}:second".encode()).hexdigest()
    return provider.serial, f"{int(digest, 16) >> 1:040X}"


def merchant_key(world: World, provider: WechatProvider, serial: str) -> RSAPrivateKey:
    """The key of the provider's API certificate with this serial number."""
    more = "" if serial == provider.serial else ":second"
    return world.keys.get(f"wechat-merchant:{provider.sp_mchid}{more}")


def public_ids(world: World, provider: WechatProvider) -> tuple[str, ...]:
    """The ids of 微信支付公钥 that answers may be signed with; the first signs notifications."""
    ids = (provider.public_key_id, second_public_id(provider))
    return _served(world, "wechat.public_identity", ids)


def second_public_id(provider: WechatProvider) -> str:
    return provider.public_key_id[:-1] + "2"


def public_key(world: World, provider: WechatProvider, public_id: str) -> RSAPrivateKey:
    more = "" if public_id == provider.public_key_id else ":second"
    return world.keys.get(f"wechat-public:{provider.sp_mchid}{more}")


def apiv3_key(world: World, provider: WechatProvider) -> str:
    is_second = world.switches.get("wechat.apiv3_key") == "changed"
    return _flipped(provider.apiv3_key) if is_second else provider.apiv3_key


def apiv2_key(world: World, provider: WechatProvider) -> str:
    is_second = world.switches.get("wechat.apiv2_key") == SECOND
    return _flipped(provider.apiv2_key) if is_second else provider.apiv2_key


def oa_secret(world: World, secret: str) -> str:
    """An official account's AppSecret, reset or as it was."""
    return _flipped(secret) if world.switches.get("wechat.oa_secret") == SECOND else secret


def wechat_next(provider: WechatProvider) -> dict[str, str]:
    """The texts among a provider's second credentials."""
    return {
        "apiv3_key": _flipped(provider.apiv3_key),
        "apiv2_key": _flipped(provider.apiv2_key),
        "oa_secret": _flipped(provider.oa_secret),
        "merchant_serial": merchant_serials(provider)[1],
        "public_key_id": second_public_id(provider),
    }


# --- Alipay -----------------------------------------------------------------------------------


def app_keys(world: World, app_id: str) -> tuple[RSAPrivateKey, ...]:
    """Whose public halves Alipay believes."""
    names = (f"alipay-app:{app_id}", f"alipay-app:{app_id}:second")
    return tuple(world.keys.get(name) for name in _served(world, "alipay.app_key", names))


def gateway_key(world: World, app_id: str) -> RSAPrivateKey:
    """What Alipay signs with for this app."""
    names = (f"alipay-platform:{app_id}", f"alipay-platform:{app_id}:second")
    return world.keys.get(_served(world, "alipay.gateway_key", names)[0])


def _served(world: World, switch: str, both: tuple[str, str]) -> tuple[str, ...]:
    state = world.switches.get(switch)
    return both if state == BOTH else (both[state == SECOND],)
