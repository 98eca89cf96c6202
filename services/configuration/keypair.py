"""A key pair for Alipay's app: made here and shown once, or two halves compared."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from errors import AppError
from services.configuration import words
from services.configuration.words import FieldWrong
from services.credentials import KEY_BITS, BadCredential, private_key, public_half, public_key


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM, PKCS#8; `bare` is the public key on one line, as Alipay's form takes it."""

    private: str = field(repr=False)
    public: str
    bare: str


@dataclass(frozen=True, slots=True)
class Compared:
    problems: dict[str, AppError]
    is_pair: bool | None = None  # None where only one was given
    public: str = ""  # of the private key
    notes: tuple[str, ...] = ()


def make() -> Pair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return Pair(private, pem, bare(pem))


def compare(private: str, public: str) -> Compared:
    """Whether the two are halves of one key; what is wrong with either stands at its field."""
    problems: dict[str, AppError] = {}
    notes: list[str] = []
    halves: dict[str, str] = {}
    for name, raw, clean in (("private", private, private_key), ("public", public, public_key)):
        if not raw.strip():
            continue
        try:
            found = clean("app_private_key" if name == "private" else "public", raw)
        except BadCredential as problem:
            why = words.reason(problem.detail.partition(": ")[2])
            problems[name] = FieldWrong(why)
            continue
        notes += [words.note(one).partition("：")[2] for one in found.notes]
        halves[name] = public_half(found.value) if name == "private" else found.value
    if not halves and not problems:
        problems["private"] = FieldWrong("粘贴私钥，或同时粘贴私钥和公钥")
    both = len(halves) == 2
    return Compared(
        problems=problems,
        is_pair=halves["private"] == halves["public"] if both else None,
        public=bare(halves["private"]) if "private" in halves else "",
        notes=tuple(dict.fromkeys(notes)),
    )


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)
