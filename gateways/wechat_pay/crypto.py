"""APIv3's signatures and cipher, without HTTP. Sources: WeChat Pay docs, "签名生成", "回调解密"."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateways import rsa

SCHEME = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What is signed of a request; `target` is path and query exactly as sent."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def authorization(mchid: str, serial: str, timestamp: str, nonce: str, signature: str) -> str:
    """Write the Authorization header; `mchid` is the provider's, `serial` its certificate's."""
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}"'
        f',timestamp="{timestamp}",serial_no="{serial}"'
    )


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What WeChat signs of an answer or a notification: the raw bytes, never JSON written again."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def pay_sign(key: RSAPrivateKey, appid: str, timestamp: str, nonce: str, package: str) -> str:
    """Sign what the bridge is called with; signType is not signed (unlike APIv2)."""
    return rsa.sign(key, f"{appid}\n{timestamp}\n{nonce}\n{package}\n".encode())


def cipher(apiv3_key: str) -> AESGCM:
    """The APIv3 key is used as its 32 ASCII bytes; ValueError for another length."""
    if len(apiv3_key.encode()) != 32:
        raise ValueError("the APIv3 key has 32 characters")
    return AESGCM(apiv3_key.encode())


def decrypt(key: AESGCM, sealed: dict[str, Any]) -> bytes:
    """Open a notification's `resource` or a certificate. ValueError when it does not open."""
    if sealed.get("algorithm") != ALGORITHM:
        raise ValueError("another cipher than AEAD_AES_256_GCM")
    nonce, text = sealed.get("nonce"), sealed.get("ciphertext")
    extra = sealed.get("associated_data") or ""
    if not (isinstance(nonce, str) and isinstance(text, str) and isinstance(extra, str)):
        raise ValueError("a sealed text has a nonce and a ciphertext")
    try:
        return key.decrypt(nonce.encode(), base64.b64decode(text, validate=True), extra.encode())
    except InvalidTag:
        raise ValueError("the sealed text does not open with this key") from None
