"""What WeChat pushes to us: its signature, its cipher, and our answer in the same. wechat.md C6.

A plain push is signed over token, time and nonce alone, its body is not: where a key is set, only
sealed pushes are believed. wechatpy does signatures and cipher.
"""

from __future__ import annotations

import binascii
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from errors import NotifyInvalid
from gateways.wechat_oa import push_xml

FRESH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PushSecrets:
    """`key` is the EncodingAESKey, "" for plain mode; `app_id` the one that ends a sealed text:
    the account's, or the platform's in component mode."""

    app_id: str
    token: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Push:
    """A push that may be believed."""

    fields: dict[str, Any] = field(repr=False)
    is_sealed: bool
    timestamp: str
    nonce: str

    def word(self, name: str, longest: int = 512) -> str:
        """A field's text; "" when it is absent or not text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and len(value) <= longest else ""


def check_url(secrets: PushSecrets, query: Mapping[str, str]) -> str:
    """WeChat asks whether the address is ours: give back its `echostr`. Raises NotifyInvalid."""
    _check(query.get("signature", ""), secrets.token, *_when(query))
    echo = query.get("echostr", "")
    if not 0 < len(echo) <= 128 or not echo.isascii() or not echo.isalnum():
        raise NotifyInvalid("no echostr")
    return echo


def open_push(secrets: PushSecrets, query: Mapping[str, str], body: bytes, now: datetime) -> Push:
    """Verify, decrypt and read. Raises NotifyInvalid for everything that may be forged or old."""
    timestamp, nonce = _when(query)
    _check_fresh(timestamp, now)
    try:
        outer = push_xml.loads(body)
    except ValueError as problem:
        raise NotifyInvalid(f"body: {problem}") from None
    sealed = outer.get("Encrypt")
    if isinstance(sealed, str) and sealed and secrets.key:
        signature = query.get("msg_signature", "")
        _check(signature, secrets.token, timestamp, nonce, sealed)
        return Push(_opened(secrets, sealed), True, timestamp, nonce)
    if secrets.key:
        raise NotifyInvalid("a plain push, and a key is set")
    _check(query.get("signature", ""), secrets.token, timestamp, nonce)
    return Push(outer, False, timestamp, nonce)


def seal_reply(secrets: PushSecrets, xml: bytes, nonce: str, now: datetime) -> bytes:
    """Our answer to a sealed push."""
    crypto: Any = import_module("wechatpy.crypto").WeChatCrypto(
        secrets.token, secrets.key, secrets.app_id
    )
    stamp = str(int(now.timestamp()))
    sealed: str = crypto.encrypt_message(xml.decode(), nonce, stamp)
    return sealed.encode()


def _opened(secrets: PushSecrets, sealed: str) -> dict[str, Any]:
    module: Any = import_module("wechatpy.crypto")
    wrong: Any = import_module("wechatpy.exceptions").InvalidAppIdException
    try:
        crypto = module.WeChatCrypto(secrets.token, secrets.key, secrets.app_id)
        text: str = module.PrpCrypto(crypto.key).decrypt(sealed, secrets.app_id)
        return push_xml.loads(text.encode())
    except wrong:
        reason = "sealed for another appid"
    except (ValueError, AssertionError, binascii.Error, struct.error, IndexError):
        reason = "the seal does not open"
    raise NotifyInvalid(reason)


def _when(query: Mapping[str, str]) -> tuple[str, str]:
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise NotifyInvalid("timestamp")
    if not (0 < len(nonce) <= 64 and nonce.isascii() and nonce.isprintable()):
        raise NotifyInvalid("nonce")
    return timestamp, nonce


def _check(given: str, *values: str) -> None:
    signer: Any = import_module("wechatpy.utils").WeChatSigner()
    signer.add_data(*values)
    if not given.isascii() or not hmac.compare_digest(signer.signature, given):
        raise NotifyInvalid("signature")


def _check_fresh(timestamp: str, now: datetime) -> None:
    if abs(now.timestamp() - int(timestamp)) > FRESH.total_seconds():
        raise NotifyInvalid("older than five minutes")
