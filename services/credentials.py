"""Credentials as people paste them: cleaned, checked, and refused with the name of the field.

Copying from a web page, a chat or a text editor changes characters (product PRV-14). What can be
put right is put right and said; nothing of a value ever stands in a message.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from errors import AppError

KEY_BITS = 2048
_INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2064\u00ad]")
_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.S)
_PKCS1_HEADER = bytes.fromhex("300d06092a864886f70d0101010500")  # rsaEncryption, NULL

WORDS = {  # what each plain field looks like
    "sp_mchid": (r"[0-9]{8,10}", "8 to 10 digits"),
    "sub_mchid": (r"[0-9]{8,10}", "8 to 10 digits"),
    "sub_appid": (r"wx[0-9a-z]{16}", "wx and 16 characters of 0-9a-z"),
    "sp_appid": (r"wx[0-9a-f]{16}", "wx and 16 characters of 0-9a-f"),
    "merchant_serial": (r"[0-9A-F]{40}", "40 characters of 0-9A-F"),
    "public_key_id": (r"PUB_KEY_ID_[0-9]{10,60}", "PUB_KEY_ID_ and digits"),
    "apiv3_key": (r"[!-~]{32}", "32 visible ASCII characters"),
    "apiv2_key": (r"[!-~]{32}", "32 visible ASCII characters"),
    "oa_secret": (r"[0-9A-Za-z]{32}", "32 letters and digits"),
    "alipay_app_id": (r"[0-9]{16}", "16 digits"),
    "pid": (r"2088[0-9]{12}", "16 digits that begin with 2088"),
    "app_auth_token": (r"[!-~]{10,40}", "10 to 40 visible ASCII characters"),
    "auth_code": (r"[!-~]{10,64}", "10 to 64 visible ASCII characters"),
}


class BadCredential(AppError):
    """A field that cannot be right. The message names the field and the rule, never the value."""

    code = "CREDENTIAL_INVALID"
    status = 400
    title = "密钥或编号填写有误"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}", field=field)


@dataclass(frozen=True, slots=True, repr=False)
class Cleaned:
    """A value that may be kept, and what had to be put right to get it."""

    value: str
    notes: tuple[str, ...] = ()


def word(field: str, raw: str) -> Cleaned:
    """A field on one line: an id, a serial number, a symmetric key, a token."""
    text, notes = _plain(field, raw)
    bare = re.sub(r"\s+", "", text)
    if bare != text.strip():
        notes.append(f"{field}: blanks or line breaks inside were removed")
    if field == "merchant_serial":
        bare = bare.upper()
    pattern, rule = WORDS[field]
    if not re.fullmatch(pattern, bare):
        raise BadCredential(field, f"must be {rule}, found {len(bare)} characters")
    return Cleaned(bare, tuple(notes))


def private_key(field: str, raw: str) -> Cleaned:
    """An RSA key of 2048 bits, PKCS#1 or PKCS#8, PEM or bare base64; kept as PKCS#8 PEM."""
    label, der, notes = _der(field, raw)
    if "ENCRYPTED" in label or "Proc-Type" in raw:
        raise BadCredential(field, "the key has a password: save it without one")
    if "PUBLIC" in label or "CERTIFICATE" in label:
        raise BadCredential(field, f"this is a {label.lower()}, a private key is wanted")
    try:
        key = load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadCredential(field, "not a private key: was all of it copied?") from None
    if not isinstance(key, RSAPrivateKey):
        raise BadCredential(field, "not an RSA key")
    _check_size(field, key.key_size)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Cleaned(pem, notes)


def public_key(field: str, raw: str) -> Cleaned:
    """An RSA public key of 2048 bits, PEM or bare base64; kept as SubjectPublicKeyInfo PEM."""
    label, der, notes = _der(field, raw)
    if "PRIVATE" in label:
        raise BadCredential(field, "this is a private key, a public key is wanted")
    if "CERTIFICATE" in label:
        raise BadCredential(field, "this is a certificate, a public key is wanted")
    key = _load_public(der)
    if not isinstance(key, RSAPublicKey):
        raise BadCredential(field, "not an RSA public key: was all of it copied?")
    _check_size(field, key.key_size)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return Cleaned(pem, notes)


def _load_public(der: bytes) -> object:
    wrapped = _as_spki(der)
    for candidate in (der, wrapped):
        try:
            return load_der_public_key(candidate)
        except (ValueError, UnsupportedAlgorithm):
            continue
    return None


def _as_spki(pkcs1: bytes) -> bytes:
    """PKCS#1's two numbers inside the envelope that names the algorithm."""

    def item(tag: int, body: bytes) -> bytes:
        size = len(body)
        if size < 0x80:
            return bytes([tag, size]) + body
        count = (size.bit_length() + 7) // 8
        return bytes([tag, 0x80 | count]) + size.to_bytes(count, "big") + body

    return item(0x30, _PKCS1_HEADER + item(0x03, b"\x00" + pkcs1))


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate as the merchant platform gives it; nothing in it is secret."""

    pem: str
    serial: str
    notes: tuple[str, ...]
    public_pem: str
    begins_at: datetime
    ends_at: datetime


def certificate(field: str, raw: str) -> Certificate:
    """A certificate of an RSA key of 2048 bits."""
    label, der, notes = _der(field, raw)
    if label not in ("", "CERTIFICATE"):
        raise BadCredential(field, f"this is a {label.lower()}, a certificate is wanted")
    try:
        found = x509.load_der_x509_certificate(der)
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise BadCredential(field, "not a certificate: was all of it copied?") from None
    if not isinstance(key, RSAPublicKey):
        raise BadCredential(field, "not a certificate of an RSA key")
    _check_size(field, key.key_size)
    return Certificate(
        pem=found.public_bytes(Encoding.PEM).decode(),
        serial=f"{found.serial_number:040X}",
        notes=notes,
        public_pem=key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        begins_at=found.not_valid_before_utc,
        ends_at=found.not_valid_after_utc,
    )


def public_half(private_pem: str) -> str:
    """The public key of a private key that `private_key` gave back."""
    _, der, _ = _der("private key", private_pem)
    key = load_der_private_key(der, password=None)
    assert isinstance(key, RSAPrivateKey)
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _check_size(field: str, bits: int) -> None:
    if bits != KEY_BITS:
        raise BadCredential(field, f"the key has {bits} bits, {KEY_BITS} are wanted")


def _plain(field: str, raw: str) -> tuple[str, list[str]]:
    """Without invisible characters, with full-width ones made half-width; and what was done."""
    notes: list[str] = []
    text = _INVISIBLE.sub("", raw)
    if text != raw:
        notes.append(f"{field}: invisible characters (BOM, zero width) were removed")
    if _FULL_WIDTH.search(text):
        notes.append(f"{field}: full-width characters were made half-width")
        text = _FULL_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = text.replace("\u00a0", " ").replace("\u3000", " ")
    if not text.strip():
        raise BadCredential(field, "is empty")
    if not text.isascii():
        raise BadCredential(field, "holds characters that are not ASCII")
    return text, notes


def _der(field: str, raw: str) -> tuple[str, bytes, tuple[str, ...]]:
    """The PEM label ("" for bare base64) and the bytes inside."""
    text, notes = _plain(field, raw)
    found = _PEM.search(text)
    if found is None and "-----" in text:
        raise BadCredential(field, "the line -----BEGIN … or -----END … is missing or broken")
    if found is None:
        notes.append(f"{field}: bare base64 was given PEM lines")
    label, body = (found[1], found[2]) if found else ("", text)
    body = re.sub(r"\s+", "", re.sub(r"(?m)^[A-Za-z-]+:.*$", "", body))
    try:
        return label, base64.b64decode(body, validate=True), tuple(notes)
    except (binascii.Error, ValueError):
        raise BadCredential(field, "is not base64: a character was lost or changed") from None
