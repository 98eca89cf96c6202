"""Signature and AES of the message push. Source: wechat.md C6.

Written from the published algorithm; the vectors of tests/data judge it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32  # padding counts in 32, not in AES's 16


def signature(*parts: str) -> str:
    """SHA-1 over the parts in order of their text: token, timestamp, nonce and what is sent."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def seal(encoding_aes_key: str, appid: str, text: str, random16: bytes = b"") -> str:
    """16 random bytes, length, text and appid, padded, in AES-256-CBC, as base64."""
    body = text.encode()
    start = random16 or secrets.token_bytes(16)
    plain = start + struct.pack(">I", len(body)) + body + appid.encode()
    fill = BLOCK - len(plain) % BLOCK
    lock = _cipher(encoding_aes_key).encryptor()
    done = lock.update(plain + bytes([fill]) * fill) + lock.finalize()
    return base64.b64encode(done).decode()


def unseal(encoding_aes_key: str, sealed: str) -> tuple[str, str]:
    """The text and the appid that trails it. ValueError: not made with this key."""
    key = _cipher(encoding_aes_key).decryptor()
    plain = key.update(base64.b64decode(sealed, validate=True)) + key.finalize()
    fill = plain[-1] if plain else 0
    if not 1 <= fill <= BLOCK or len(plain) < 20 + fill:
        raise ValueError("the padding is wrong")
    inside = plain[16:-fill]
    length = struct.unpack(">I", inside[:4])[0]
    return inside[4 : 4 + length].decode(), inside[4 + length :].decode()


def _cipher(encoding_aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(encoding_aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))
