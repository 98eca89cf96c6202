"""The provider's public key: who holds the private half signs refunds by API (`authen_info.s`).

The private half is never kept: a pair that is made here is shown once, and pasted keys are public.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from sqlalchemy.orm import Session

from errors import AppError
from models.provider import Provider
from services import audit
from services.configuration import keypair, words
from services.configuration.words import FieldWrong
from services.credentials import BadCredential, public_key
from services.deps import Deps


@dataclass(frozen=True, slots=True)
class Saved:
    problem: AppError | None = None
    notes: tuple[str, ...] = ()
    made: keypair.Pair | None = None  # shown once


def fingerprint(pem: str | None) -> str:
    """SHA-256 of the key as DER, as `openssl pkey -pubin -outform DER | sha256sum` prints it."""
    if pem is None:
        return ""
    der = load_pem_public_key(pem.encode()).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def read(session: Session, provider_id: int) -> str:
    """The fingerprint; "" where there is no key."""
    return fingerprint(session.get_one(Provider, provider_id).cpay_sign_public_key)


def save(deps: Deps, provider_id: int, typed: str, *, actor: str) -> Saved:
    """Keep a pasted public key in the place of the one before."""
    if not typed.strip():
        return Saved(FieldWrong("粘贴公钥"))
    try:
        found = public_key("public", typed)
    except BadCredential as problem:
        return Saved(FieldWrong(words.reason(problem.detail.partition(": ")[2])))
    _write(deps, provider_id, found.value, actor)
    return Saved(notes=tuple(words.note(one).partition("：")[2] for one in found.notes))


def make(deps: Deps, provider_id: int, *, actor: str) -> Saved:
    """A new pair: its public half is kept, its private half is in the answer alone."""
    made = keypair.make()
    _write(deps, provider_id, made.public, actor)
    return Saved(made=made)


def remove(deps: Deps, provider_id: int, *, actor: str) -> None:
    """Signatures are refused from now on; codes serve as ever."""
    _write(deps, provider_id, None, actor)


def _write(deps: Deps, provider_id: int, pem: str | None, actor: str) -> None:
    def unit(session: Session) -> None:
        row = session.get_one(Provider, provider_id, with_for_update=True)
        if row.cpay_sign_public_key == pem:
            return
        row.cpay_sign_public_key = pem
        session.flush()
        audit.record(
            session, provider_id=provider_id, actor=actor,
            action="sign_key_set" if pem else "sign_key_removed",
            subject=f"provider:{row.out_mch_id}", at=deps.now(), fingerprint=fingerprint(pem)[:16],
        )  # fmt: skip

    deps.transact(unit)
