"""Test keys, accounts and a fake wire. The keys are the published test vectors': worthless."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateways import rsa
from gateways.base import AlipayAccount, PrepayRequest, WechatAccount
from gateways.http import Answer
from gateways.wechat_pay import crypto

_DATA = Path(__file__).parents[2] / "data"
WECHAT: dict[str, Any] = json.loads((_DATA / "wechat-vectors.json").read_text("utf-8"))
ALIPAY: dict[str, Any] = json.loads((_DATA / "alipay-vectors.json").read_text("utf-8"))
WKEYS: dict[str, str] = WECHAT["keys"]
AKEYS: dict[str, dict[str, str]] = ALIPAY["keys"]

NOW = datetime.fromtimestamp(1795341601, UTC)  # the vectors' clock
NUMBER = "T20261122000000000001"

PUBLIC_KEY_ID = WKEYS["wechatpay_public_key_id"]
CERT_SERIAL = WKEYS["platform_cert_serial_no"]
WECHAT_KEY = rsa.private_key(WKEYS["wechatpay_private_key_pem_pkcs8"])
PLATFORM_KEY = rsa.private_key(WKEYS["platform_private_key_pem_pkcs8"])
ALIPAY_KEY = rsa.private_key(AKEYS["alipay"]["private_pkcs8"])

WECHAT_ACCOUNT = WechatAccount(
    version=1,
    account_key="1:wechat",
    sp_mchid=WKEYS["merchant_mchid"],
    sp_appid=WKEYS["sp_appid"],
    sub_mchid=WKEYS["sub_mchid"],
    merchant_serial=WKEYS["merchant_serial_no"],
    merchant_private_key=WKEYS["merchant_private_key_pem_pkcs8"],
    apiv3_key=WKEYS["apiv3_key"],
    public_key_id=PUBLIC_KEY_ID,
    public_key=WKEYS["wechatpay_public_key_pem"],
    platform_certificates=(WKEYS["platform_certificate_pem"],),
)
ALIPAY_ACCOUNT = AlipayAccount(
    version=1,
    account_key="1:alipay",
    app_id="2021000000000001",
    app_private_key=AKEYS["app"]["private_pkcs8"],
    alipay_public_key=AKEYS["alipay"]["public_spki"],
    app_auth_token="202611BBtesttesttesttesttesttesttestX01",
    seller_id="2088000000000002",
    sys_service_provider_id="2088000000000001",
)
REQUEST = PrepayRequest(
    out_trade_no=NUMBER,
    amount_fen=1230,
    description="一码付-测试门店",
    notify_url="https://pay.example.com/notify/wechat/1",
    expires_at=NOW + timedelta(minutes=10),
    payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
)


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


class Wire:
    """Stands at the transport's seam: records what is sent, answers what the test says."""

    def __init__(self, answer: Callable[[str, str, bytes], Answer] | Answer | None = None) -> None:
        self.answer = answer
        self.sent: list[tuple[str, str, dict[str, str], bytes]] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        self.sent.append((method, url, dict(headers), body))
        assert self.answer is not None, "nothing should have been sent"
        return self.answer if isinstance(self.answer, Answer) else self.answer(method, url, body)


def wechat_headers(
    body: bytes, *, at: datetime = NOW, serial: str = PUBLIC_KEY_ID, nonce: str = "n1"
) -> dict[str, str]:
    """Sign as WeChat does, with the key that `serial` names (any other: the public key's)."""
    key, timestamp = PLATFORM_KEY if serial == CERT_SERIAL else WECHAT_KEY, str(int(at.timestamp()))
    return {
        "wechatpay-timestamp": timestamp,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": serial,
        "wechatpay-signature": rsa.sign(key, crypto.answer_message(timestamp, nonce, body)),
    }


def wechat_answer(found: Any = None, status: int = 200, **how: Any) -> Answer:
    body = b"" if found is None else json.dumps(found, ensure_ascii=False).encode()
    return Answer(status, wechat_headers(body, **how), body)


def wechat_refusal(status: int, code: str, message: str = "", number: int | None = None) -> Answer:
    body = json.dumps({"code": code, "message": message}).encode()
    return Answer(status, {"request-id": f"08A2-{number}"} if number else {}, body)


def sealed(plain: bytes, associated: str = "transaction") -> dict[str, str]:
    text = AESGCM(WKEYS["apiv3_key"].encode()).encrypt(b"123456789012", plain, associated.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": "123456789012",
        "associated_data": associated,
        "ciphertext": base64.b64encode(text).decode(),
    }


def wechat_order(**changes: Any) -> dict[str, Any]:
    """What WeChat says of a paid order; None takes a field out."""
    order = {
        "sp_mchid": WECHAT_ACCOUNT.sp_mchid,
        "sp_appid": WECHAT_ACCOUNT.sp_appid,
        "sub_mchid": WECHAT_ACCOUNT.sub_mchid,
        "out_trade_no": NUMBER,
        "transaction_id": "4200002345202611221234567890",
        "trade_state": "SUCCESS",
        "success_time": "2026-11-22T18:00:00+08:00",
        "payer": {"sp_openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": 1230, "payer_total": 1200, "currency": "CNY"},
        **changes,
    }
    return {name: value for name, value in order.items() if value is not None}


def wechat_notice(plain: bytes, event: str = "TRANSACTION.SUCCESS", **resource: Any) -> bytes:
    kind = "refund" if event.startswith("REFUND") else "transaction"
    inner = {"original_type": kind, **sealed(plain, kind), **resource}
    return json.dumps({"id": "EV-1", "event_type": event, "resource": inner}).encode()


def alipay_answer(method: str, node: Mapping[str, Any], *, signed: bool = True) -> Answer:
    text = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    name = method if method == "error_response" else f"{method.replace('.', '_')}_response"
    sign = f',"sign":"{rsa.sign(ALIPAY_KEY, text.encode())}"' if signed else ""
    return Answer(200, {}, f'{{"{name}":{text}{sign}}}'.encode())


def at_version(account: WechatAccount, version: int) -> WechatAccount:
    return replace(account, version=version)
