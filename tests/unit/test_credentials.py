"""Keys and numbers as people paste them: put right and said, or refused by the field's name."""

from __future__ import annotations

import datetime as dt
import functools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from services.credentials import (
    BadCredential,
    certificate,
    private_key,
    public_half,
    public_key,
    word,
)

FIELD = "the field"


@functools.cache
def key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(bits: int = 2048, kind: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key(bits).private_bytes(Encoding.PEM, kind, NoEncryption()).decode()


def public_pem(kind: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return key(2048).public_key().public_bytes(Encoding.PEM, kind).decode()


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


@functools.cache
def certificate_pem() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "1900000001")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key(2048).public_key(), 0x0ABC)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=1800))
        .sign(key(2048), SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("kind", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("shape", ["pem", "bare", "one line", "crlf", "bom", "full width"])
def test_a_private_key_is_taken_in_every_shape_it_comes_in(kind: PrivateFormat, shape: str) -> None:
    pem = private_pem(kind=kind)
    pasted = {
        "pem": pem,
        "bare": bare(pem),
        "one line": pem.replace("\n", " "),
        "crlf": pem.replace("\n", "\r\n"),
        "bom": "\ufeff" + pem.replace("A", "A\u200b", 3),
        "full width": bare(pem).replace("+", "＋").replace("/", "／").replace("A", "Ａ", 5),
    }[shape]
    found = private_key(FIELD, pasted)
    assert found.value == private_pem()
    said = " ".join(found.notes)
    assert ("invisible" in said) == (shape == "bom")
    assert ("full-width" in said) == (shape == "full width")
    assert ("bare base64" in said) == (shape in {"bare", "full width"})


@pytest.mark.parametrize("kind", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("is_bare", [False, True])
def test_a_public_key_is_taken_in_both_forms(kind: PublicFormat, is_bare: bool) -> None:
    pem = public_pem(kind)
    assert public_key(FIELD, bare(pem) if is_bare else pem).value == public_pem()


def test_a_private_key_knows_its_public_half() -> None:
    assert public_half(private_key(FIELD, private_pem()).value) == public_pem()


def test_a_certificate_gives_its_serial_and_key() -> None:
    found = certificate(FIELD, certificate_pem())
    assert found.serial == "0" * 37 + "ABC"
    assert found.public_pem == public_pem()


def with_password() -> str:
    wrapped = BestAvailableEncryption(b"secret")
    return key(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, wrapped).decode()


def elliptic() -> str:
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        (lambda: "", "is empty"),
        (lambda: " \ufeff\n", "is empty"),
        (lambda: "私钥", "not ASCII"),
        (lambda: private_pem(3072), "3072 bits"),
        (lambda: private_pem()[:700], "BEGIN"),
        (lambda: bare(private_pem())[:800], "not a private key"),
        (lambda: bare(private_pem())[:801], "base64"),
        (lambda: public_pem(), "a private key is wanted"),
        (lambda: certificate_pem(), "a private key is wanted"),
        (with_password, "password"),
        (elliptic, "not an RSA key"),
    ],
)
def test_what_is_not_a_private_key_is_refused_with_its_reason(pasted: object, why: str) -> None:
    assert callable(pasted)
    text = pasted()
    with pytest.raises(BadCredential) as raised:
        private_key(FIELD, text)
    assert str(raised.value).startswith("the field: ")
    assert why in str(raised.value)
    assert len(text) < 100 or bare(text)[30:60] not in str(raised.value)


@pytest.mark.parametrize(
    ("pasted", "why"),
    [(private_pem, "private key, a public key is wanted"), (certificate_pem, "certificate")],
)
def test_what_is_not_a_public_key_is_refused(pasted: object, why: str) -> None:
    assert callable(pasted)
    with pytest.raises(BadCredential, match=why):
        public_key(FIELD, pasted())


@pytest.mark.parametrize(
    ("name", "typed", "kept"),
    [
        ("apiv3_key", " SimApiV3Key0123456789abcdefghijk\n", "SimApiV3Key0123456789abcdefghijk"),
        ("merchant_serial", "3775b6a4 5acd5888 26d15e58 3a95f5dd 1ea55a01", "3775B6A45ACD588826D15"
         "E583A95F5DD1EA55A01"),
        ("sp_mchid", "１９００００００１", "190000001"),
        ("pid", "\u200b2088000000000001", "2088000000000001"),
        ("sp_appid", "wx8888888888888888", "wx8888888888888888"),
    ],
)  # fmt: skip
def test_a_word_is_cleaned(name: str, typed: str, kept: str) -> None:
    assert word(name, typed).value == kept


@pytest.mark.parametrize(
    ("name", "typed"),
    [("apiv3_key", "k" * 31), ("apiv3_key", "钥" * 32), ("pid", "1900000109"), ("sp_appid", "gh_1"),
     ("merchant_serial", "XYZ"), ("public_key_id", "PUB_KEY_1"), ("oa_secret", "x" * 31)],
)  # fmt: skip
def test_a_word_that_cannot_be_right_is_refused_without_being_shown(name: str, typed: str) -> None:
    with pytest.raises(BadCredential) as raised:
        word(name, typed)
    assert str(raised.value).startswith(f"{name}: ")
    assert typed not in str(raised.value)
