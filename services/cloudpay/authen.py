"""authen_code and the RSA signature: over the exact characters of the content, nothing else.

Cloud Pay, section "authen_code": UPPER(HEX(HMAC-SHA256(key, content))), the key's characters taken
as they are. A trailing line feed is part of the content. Lower-case codes are taken, capitals sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

HMAC_SHA256, MD5 = 1, 2  # AuthenType
RSA_PSS = 1  # SignType
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)


def code_of(key: str, content: str) -> str:
    return hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest().upper()


def md5_code_of(key: str, content: str) -> str:
    """The old enumeration lists MD5 and no document says how: the same construction over MD5."""
    return hmac.new(key.encode(), content.encode(), hashlib.md5).hexdigest().upper()


def matching_key(
    keys: Iterable[str], content: str, code: str, authen_type: int = HMAC_SHA256
) -> int | None:
    """Which of the live keys made the code, from 0; None: none of them."""
    made = md5_code_of if authen_type == MD5 else code_of
    given = code.upper().encode("utf-8", "replace")
    found = None
    for n, key in enumerate(keys):  # all of them: the time taken does not tell which
        if hmac.compare_digest(made(key, content).encode(), given) and found is None:
            found = n
    return found


def is_signed(public_key_pem: str, content: str, sign: str) -> bool:
    """RSASSA-PSS with SHA-256 in Base64; the salt's length is found out, clients differ in it."""
    try:
        key = load_pem_public_key(public_key_pem.encode())
        raw = base64.b64decode("".join(sign.split()), validate=True)
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(raw, content.encode(), _PSS, hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
