"""AES-256-GCM under the APIv3 key: notifications and certificates. Source: wechat.md A4."""

from __future__ import annotations

import base64
import secrets
import string

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def seal(apiv3_key: str, plaintext: bytes, associated_data: str) -> dict[str, str]:
    """`algorithm, nonce, associated_data, ciphertext`; the nonce is 12 characters of text."""
    nonce = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), plaintext, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": associated_data,
        "ciphertext": base64.b64encode(sealed).decode(),
    }
