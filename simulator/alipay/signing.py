"""RSA2 both ways. Source: alipay.md 1.3 (requests), 1.4 (answers), 2.1 (notices)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


def content(params: Mapping[str, str], *left_out: str, keeps_empty: bool = False) -> str:
    """`name=value` joined with `&`, sorted by name, values raw."""
    kept = sorted((k, v) for k, v in params.items() if k not in left_out and (keeps_empty or v))
    return "&".join(f"{k}={v}" for k, v in kept)


def sign(key: RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def verifies(key: RSAPublicKey, text: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def spoiled(signature: str) -> str:
    """Still base64 of the right length, but not this text's."""
    return ("B" if signature[0] == "A" else "A") + signature[1:]
