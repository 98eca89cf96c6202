"""GET /v3/certificates: the platform certificate, encrypted. Source: wechat.md A3."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from simulator.clock import rfc3339
from simulator.parties import WechatProvider
from simulator.second import apiv3_key
from simulator.wechat.cipher import seal
from simulator.wechat.errors import Refusal
from simulator.wechat.sign import platform_serial
from simulator.world import World


def download(world: World, provider: WechatProvider, _params: dict[str, Any]) -> dict[str, Any]:
    if world.switches.get("wechat.platform_certificate") == "off":
        text = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。"
        raise Refusal("RESOURCE_NOT_EXISTS", text)
    pem = world.platform_certificate(provider.sp_mchid)
    built = x509.load_pem_x509_certificate(pem.encode())
    row = {
        "serial_no": platform_serial(world, provider),
        "effective_time": rfc3339(built.not_valid_before_utc),
        "expire_time": rfc3339(built.not_valid_after_utc),
        "encrypt_certificate": seal(apiv3_key(world, provider), pem.encode(), "certificate"),
    }
    return {"data": [row]}
