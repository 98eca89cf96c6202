"""RSA signatures as both wallets use them: PKCS#1 v1.5 over SHA-256, base64 on one line.

`cryptography` releases the GIL; loading a private key costs tens of milliseconds (it is checked),
so load once and keep it.
"""

from __future__ import annotations

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

_PADDING = PKCS1v15()
_SHA256 = SHA256()


def private_key(pem: str) -> RSAPrivateKey:
    """Load a private key; ValueError, without a word of it, when it is not a usable RSA one."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise ValueError("not an RSA private key of 2048 bits or more")
    return key


def public_key(pem: str) -> RSAPublicKey:
    """Load a public key; ValueError when it is not a usable RSA one."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise ValueError("not an RSA public key of 2048 bits or more")
    return key


def certificate(pem: str | bytes) -> x509.Certificate:
    """Load an X.509 certificate; ValueError when it is none or holds no RSA key."""
    found = x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else pem)
    if not isinstance(found.public_key(), RSAPublicKey):
        raise ValueError("not a certificate of an RSA key")
    return found


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, _PADDING, _SHA256)).decode("ascii")


def verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """True only for a good signature; broken base64 is a wrong signature like any other."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, _PADDING, _SHA256)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
