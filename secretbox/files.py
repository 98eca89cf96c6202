"""Files at rest: each is locked by a key of its own, and only that key is sealed by the ring.

So turning the ring over rewrites a line per file and not the file.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secretbox.ring import KeyRing, SealBroken


@dataclass(frozen=True, slots=True, repr=False)
class Locked:
    key_sealed: str
    content: bytes


def lock(ring: KeyRing, plain: bytes, where: str) -> Locked:
    """`where` names table, column and row: neither key nor content opens elsewhere."""
    key, nonce = AESGCM.generate_key(256), secrets.token_bytes(12)
    sealed = ring.seal(base64.b64encode(key).decode(), where)
    return Locked(sealed, nonce + AESGCM(key).encrypt(nonce, plain, where.encode()))


def unlock(ring: KeyRing, locked: Locked, where: str) -> bytes:
    """SealBroken when it does not open."""
    key = AESGCM(base64.b64decode(ring.open(locked.key_sealed, where)))
    try:
        return key.decrypt(locked.content[:12], locked.content[12:], where.encode())
    except InvalidTag as problem:
        raise SealBroken(f"cannot open {where}") from problem
