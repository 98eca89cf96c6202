"""Test keys, made at the first start and kept beside the journal. Never use them elsewhere."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def load_private(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def certificate(key: rsa.RSAPrivateKey, name: str, serial: int) -> str:
    """A self-signed certificate, five years long, that starts a day ago."""
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=365 * 5))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


class KeyStore:
    """Named RSA keys in one file: `get(name)` makes a key the first time it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._pems: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        self._loaded: dict[str, rsa.RSAPrivateKey] = {}

    def get(self, name: str) -> rsa.RSAPrivateKey:
        if name not in self._loaded:
            with self._lock:
                self._loaded[name] = load_private(self.made(name, lambda: private_pem(new_key())))
        return self._loaded[name]

    def text(self, name: str, made: str) -> str:
        """A text that stays as it was first made, e.g. a certificate."""
        return self.made(name, lambda: made)

    def made(self, name: str, make: Callable[[], str]) -> str:
        """As `text`, but made only when it is not there yet."""
        with self._lock:
            if name not in self._pems:
                self._pems[name] = make()
                self._save()
            return self._pems[name]

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_suffix(".new")
        scratch.touch(0o600)
        scratch.write_text(json.dumps(self._pems, indent=1))
        scratch.replace(self._path)
