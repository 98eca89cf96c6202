"""One key ring: `kid` in every ciphertext, AES-256-GCM, the row as associated data.

The ring is a JSON object `{"primary": kid, "keys": {kid: base64}, "index": base64}` in
`$DATA_DIR/keyring.json` (mode 0600) or in the setting KEYRING. `index` keys the blind hashes and
does not rotate. A ciphertext reads `kid.base64(nonce + ciphertext + tag)`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

RELOAD_S = 2.0


class SealBroken(Exception):
    """A ciphertext that this ring cannot open, or that stands in a row it was not made for."""


@dataclass(frozen=True, slots=True, repr=False)
class _Loaded:
    primary: str
    ciphers: dict[str, AESGCM]
    index: bytes


class KeyRing:
    """Seals and opens; reads a changed ring file again by itself, without a restart."""

    def __init__(self, *, path: Path | None = None, text: str = "") -> None:
        self._path = None if text else path  # a ring of the environment has no file
        self._lock = threading.Lock()
        self._checked = 0.0
        self._mtime = -1
        if path is not None and not text and not path.exists():
            _create(path)
        self._ring = _parse(text) if text else self._read()

    def _read(self) -> _Loaded:
        assert self._path is not None
        self._mtime = os.stat(self._path).st_mtime_ns
        return _parse(self._path.read_text())

    def _current(self) -> _Loaded:
        now = time.monotonic()
        if self._path is not None and self._mtime != -1 and now - self._checked > RELOAD_S:
            with self._lock:
                self._checked = now
                if os.stat(self._path).st_mtime_ns != self._mtime:
                    self._ring = self._read()
        return self._ring

    def seal(self, plain: str, where: str) -> str:
        """`where` names table, column and row, so that a ciphertext cannot move elsewhere."""
        ring = self._current()
        return _sealed(ring.primary, ring.ciphers[ring.primary], plain, where)

    def kids(self) -> list[str]:
        """The names of its keys."""
        return sorted(self._current().ciphers)

    def seal_under(self, kid: str, plain: str, where: str) -> str:
        """As `seal`, with a key that is named: to prove later that a ring has it."""
        return _sealed(kid, self._current().ciphers[kid], plain, where)

    def open(self, sealed: str, where: str) -> str:
        kid, _, body = sealed.partition(".")
        ring = self._current()
        if kid not in ring.ciphers and self._path is not None:
            ring = self._ring = self._read()  # another process may just have rotated
        try:
            raw = base64.b64decode(body)
            return ring.ciphers[kid].decrypt(raw[:12], raw[12:], where.encode()).decode()
        except (KeyError, InvalidTag, ValueError) as problem:
            raise SealBroken(f"cannot open {where} with key {kid!r}") from problem

    def is_primary(self, sealed: str) -> bool:
        return sealed.partition(".")[0] == self._current().primary

    def blind(self, value: str, purpose: str) -> str:
        """A keyed hash to find a row by a value that is not stored in the clear. 64 hex digits."""
        key = hmac.digest(self._current().index, purpose.encode(), "sha256")
        return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose. It comes from the index key: rotation keeps it."""
        return hmac.digest(self._current().index, f"derived:{purpose}".encode(), "sha256")

    def add_key(self) -> str:
        """Rotation, first step: a new primary key; the old ones still open."""
        path = self._own_file()
        raw = json.loads(path.read_text())
        kid = f"k{len(raw['keys']) + 1}-{secrets.token_hex(2)}"
        raw["keys"][kid] = base64.b64encode(secrets.token_bytes(32)).decode()
        raw["primary"] = kid
        _write(path, raw)
        self._ring = self._read()
        return kid

    def _own_file(self) -> Path:
        if self._path is None:
            raise SealBroken("the ring comes from the environment: change KEYRING there")
        return self._path

    def retire_others(self) -> list[str]:
        """Rotation, last step: forget every key but the primary, once all rows are rewritten."""
        path = self._own_file()
        raw = json.loads(path.read_text())
        gone = [kid for kid in raw["keys"] if kid != raw["primary"]]
        raw["keys"] = {raw["primary"]: raw["keys"][raw["primary"]]}
        _write(path, raw)
        self._ring = self._read()
        return gone


def _sealed(kid: str, cipher: AESGCM, plain: str, where: str) -> str:
    nonce = secrets.token_bytes(12)
    sealed = cipher.encrypt(nonce, plain.encode(), where.encode())
    return f"{kid}.{base64.b64encode(nonce + sealed).decode()}"


def _new_ring() -> dict[str, object]:
    return {
        "primary": "k1",
        "keys": {"k1": base64.b64encode(secrets.token_bytes(32)).decode()},
        "index": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


def _create(path: Path) -> None:
    """Make the first ring. Of several first starts at once one wins, the others take its ring."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _scratch(path, _new_ring())
    with contextlib.suppress(FileExistsError):
        os.link(scratch, path)
    os.unlink(scratch)


def _write(path: Path, raw: dict[str, object]) -> None:
    os.replace(_scratch(path, raw), path)


def _scratch(path: Path, raw: dict[str, object]) -> Path:
    """The content beside its place, safe on the disk."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        json.dump(raw, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    return scratch


def _parse(text: str) -> _Loaded:
    raw = json.loads(text)
    return _Loaded(
        primary=raw["primary"],
        ciphers={kid: AESGCM(base64.b64decode(key)) for kid, key in raw["keys"].items()},
        index=base64.b64decode(raw["index"]),
    )
