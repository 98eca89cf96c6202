"""WeChat Pay APIv3 in partner mode, and official-account OAuth. Source: shared spec wechat.md."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask

from simulator import oa_control, second
from simulator.keys import certificate, private_pem, public_pem
from simulator.official import OFFICIAL, PLATFORM, Template
from simulator.parties import PEOPLE, WechatProvider
from simulator.wallets import register_operations, register_wallet
from simulator.wechat import (
    applyment,
    base_token,
    bills,
    cards,
    certificates,
    component,
    component_oauth,
    component_page,
    deposit_refunds,
    deposit_rules,
    deposits,
    gate,
    goldplan,
    media,
    menus,
    micropay,
    notices,
    oa_door,
    oauth,
    orders,
    push,
    rates,
    refunds,
    scenes,
    sign,
    v2_gate,
    v2_refunds,
    wallet,
)
from simulator.world import World

BASE = "/v3/pay/partner/transactions"
REFUNDS = "/v3/refund/domestic/refunds"
BILLS = bills.Desk()
OPERATIONS = (
    *(
        gate.Operation(f"wechat.{product}", "POST", f"{BASE}/{product}", orders.place(product))
        for product in ("jsapi", "native", "h5", "app")
    ),
    gate.Operation("wechat.query", "GET", f"{BASE}/out-trade-no/<out_trade_no>", orders.query),
    gate.Operation(
        "wechat.query_by_id",
        "GET",
        f"{BASE}/id/<transaction_id>",
        orders.query,
        alias="wechat.query",
    ),
    gate.Operation(
        "wechat.close", "POST", f"{BASE}/out-trade-no/<out_trade_no>/close", orders.close
    ),
    gate.Operation("wechat.refund", "POST", REFUNDS, refunds.ask),
    gate.Operation("wechat.refund_query", "GET", f"{REFUNDS}/<out_refund_no>", refunds.query),
    gate.Operation("wechat.tradebill", "GET", "/v3/bill/tradebill", bills.tradebill(BILLS)),
    gate.Operation("wechat.certificates", "GET", "/v3/certificates", certificates.download),
    *goldplan.OPERATIONS,
    *applyment.OPERATIONS,
)
V2_OPERATIONS = (
    *micropay.OPERATIONS,
    *v2_refunds.OPERATIONS,
    *deposits.OPERATIONS,
    *deposit_refunds.OPERATIONS,
)
ON_OFF = ("on", "off")
SWITCHES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "notify_identity": (
        "public_key",
        ("public_key", "certificate", "both"),
        "what signs notifications; both: in turn",
    ),
    "notify_public_key_percent": (
        "",
        ("", "0", "0.1", "1", "5", "10", "20", "50", "100"),
        "share of notifications signed with the public key, the steps of the 7-day ramp",
    ),
    "probe": (
        "off",
        ("off", "notify", "answers", "both"),
        "WECHATPAY/SIGNTEST/ signatures: before each notification, on each answer",
    ),
    "platform_certificate": ("on", ON_OFF, "off: only the public key exists"),
    "merchant_certificate": (
        "valid",
        ("valid", "expired", "revoked", "replaced"),
        "the provider's first one; its second is always good",
    ),
    "apiv3_key": (
        "set",
        ("set", "unset", "changed"),
        "unset: 401, and no notifications; changed: the second key seals",
    ),
    "oa_page_error": (
        "",
        ("", *oauth.PAGE_ERRORS),
        "the OAuth page answers this error; 10005: verification lapsed",
    ),
    "refund_outcome": (
        "success",
        ("success", "closed", "abnormal", "processing"),
        "how refunds asked for from now on end; processing: not at all",
    ),
    "refund_delay_s": ("2", (), "seconds until a refund is final"),
    "refund_spacing_s": ("60", (), "seconds between two partial refunds of one order"),
    "merchant_funds": (
        "enough",
        ("enough", "short", "unsettled_short"),
        "short: refunds answer 403 NOT_ENOUGH; unsettled_short: those of UNSETTLED funds do",
    ),
    "bill_lies": ("", (), "how bills differ from the books, see simulator/bill_lies.py"),
    "micropay_result": ("SUCCESS", micropay.RESULTS, "what paying by payment code answers"),
    "reverse_recall": ("N", ("N", "Y"), "Y: a reversal does nothing and says: call again"),
    "mutual_tls": ("on", ON_OFF, "off: /secapi/ and /deposit/ ask for no client certificate"),
    **deposits.SWITCHES,
    **rates.SWITCHES,
    **component.SWITCHES,
    **notices.SWITCHES,
    **goldplan.SWITCHES,
    **applyment.SWITCHES,
    "snapshotuser": ("off", ON_OFF, "on: OAuth gives a throw-away identity"),
}


def register(app: Flask, world: World) -> None:
    def oa_page_error(value: str) -> None:
        for provider in world.wechat.values():
            provider.oa_page_error = value

    applied: dict[str, Callable[[str], None]] = {
        "oa_page_error": oa_page_error,
        "component_push": partial(component.switched, world),
    }
    for word, (default, allowed, about) in SWITCHES.items():
        apply = applied.get(word)
        world.switches.declare(f"wechat.{word}", default, allowed, about, apply)
    deposit_rules.declare(world)
    for operation in OPERATIONS:
        gate.mount(app, world, operation)
    for asked in V2_OPERATIONS:
        v2_gate.mount(app, world, asked)
    micropay.add_pay_codes(app, world)
    deposits.add_face_codes(app, world)
    oauth.mount(app, world)
    base_token.mount(app, world)
    cards.mount(app, world)
    goldplan.mount_control(app, world)
    media.mount(app, world)
    applyment.admit_all(world)
    _mount_official(app, world)
    refunds.rearm(world)
    deposits.rearm(world)
    bills.mount_download(app, world, BILLS)
    register_wallet(app, "wechat", partial(wallet.pay, world))
    names = [operation.name for operation in OPERATIONS]
    names += [operation.name for operation in V2_OPERATIONS]
    names.append(media.NAME)
    register_operations(
        app, *names, "wechat.notify", "wechat.refund_notify", "wechat.oauth", "wechat.oauth_page"
    )


def _mount_official(app: Flask, world: World) -> None:
    component.mount(app, world)
    component.resume(world)
    component_oauth.mount(app, world)
    component_page.mount(app, world)
    oa_door.mount(app, world, (*menus.CALLS, *scenes.CALLS))
    scenes.mount_image(app, world)
    notices.mount(app, world)
    oa_control.register(app, world)
    register_operations(app, push.OA, push.COMPONENT)


def platform_credentials() -> dict[str, str]:
    """What the platform's operator holds."""
    return {
        "component_appid": PLATFORM.appid,
        "component_appsecret": PLATFORM.secret,
        "token": PLATFORM.token,
        "encoding_aes_key": PLATFORM.encoding_aes_key,
    }


def _account(appid: str) -> dict[str, Any]:
    """What an official account's administrator finds in its backend."""
    known = OFFICIAL[appid]
    return {
        "appid": appid,
        "name": known.name,
        "secret": known.secret,
        "user_name": known.user_name,
        "token": known.token,
        "encoding_aes_key": known.encoding_aes_key,
        "templates": [_template(t) for t in known.templates],
        "subscribe_templates": [_template(t) for t in known.subscribe_templates],
    }


def _template(one: Template) -> dict[str, Any]:
    return {"template_id": one.template_id, "title": one.title, "keys": dict(one.keys)}


def _owned(provider: WechatProvider) -> list[str]:
    """The provider's accounts, then its merchants' own."""
    own = [m.sub_appids[0] for m in provider.merchants.values() if m.oa_secret]
    return [*provider.appids, *own]


def credentials(world: World, provider: WechatProvider) -> dict[str, Any]:
    """What an integrator of this provider would hold. Test keys only."""
    return {
        "sp_mchid": provider.sp_mchid,
        "sp_appid": provider.appids[0],
        "sub_mchid": next(iter(provider.merchants)),
        "merchant_private_key": private_pem(sign.merchant_key(world, provider)),
        "merchant_serial": provider.serial,
        "merchant_certificate": _merchant_certificate(world, provider, provider.serial),
        "apiv3_key": provider.apiv3_key,
        "apiv2_key": provider.apiv2_key,
        "public_key_id": provider.public_key_id,
        "public_key": public_pem(sign.public_identity_key(world, provider)),
        "platform_certificate": world.platform_certificate(provider.sp_mchid),
        "platform_serial": sign.platform_serial(world, provider),
        "oa_secret": provider.oa_secret,
        "people": {key: world.openid(provider.appids[0], key) for key in PEOPLE},
        "accounts": [_account(appid) for appid in _owned(provider)],
        "sub_mchids": list(provider.merchants),
        "merchants": [
            {
                "sub_mchid": m.sub_mchid,
                "name": m.name,
                "sub_appids": list(m.sub_appids),
                "oa_secret": m.oa_secret,
                "products": sorted(m.products),
            }
            for m in provider.merchants.values()
        ],
    }


def next_credentials(world: World, provider: WechatProvider) -> dict[str, str]:
    """What each key is replaced with at the platform; which serves is a switch."""
    told = second.wechat_next(provider)
    serial = told["merchant_serial"]
    return {
        **told,
        "merchant_private_key": private_pem(sign.merchant_key(world, provider, serial)),
        "merchant_certificate": _merchant_certificate(world, provider, serial),
        "public_key": public_pem(second.public_key(world, provider, told["public_key_id"])),
    }


def _merchant_certificate(world: World, provider: WechatProvider, serial: str) -> str:
    """The provider's API certificate, which mutual TLS shows."""
    name = f"wechat-merchant:{provider.sp_mchid}"
    more = "" if serial == provider.serial else ":second"
    key = sign.merchant_key(world, provider, serial)
    return world.keys.made(
        f"{name}{more}:cert", lambda: certificate(key, provider.sp_mchid, int(serial, 16))
    )
