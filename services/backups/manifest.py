"""What a backup says about itself: written last, so a torn backup has none.

It is signed with the key ring's index key, and proves each key without telling anything of it: a
backup that was edited, or that belongs to another ring, is recognised before anything is touched.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from secretbox.ring import KeyRing, SealBroken

FORMAT = 1
NAME, DUMP = "manifest.json", "database.dump"
_PROOF = "this key opens what this backup holds"
_PLACE = "backup.proof."


class BackupBroken(Exception):
    """A backup that must not be restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`snapshot_at` is UTC: what was committed before it is in the backup, nothing after it."""

    format: int
    product: str  # our version
    snapshot_at: str
    revision: str  # of the schema
    server: int  # PostgreSQL's major version
    rows: dict[str, int]  # by table
    sums: dict[str, int]  # by table.column, every column of fen
    kids: list[str]  # keys that sealed values in it name
    proofs: dict[str, str]  # by key of the ring at the time
    files: dict[str, dict[str, Any]]  # name: sha256, bytes
    seal: str = ""

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.snapshot_at)

    def signed(self, ring: KeyRing) -> Manifest:
        return Manifest(**{**asdict(self), "seal": self._digest(ring)})

    def _digest(self, ring: KeyRing) -> str:
        said = {name: value for name, value in asdict(self).items() if name != "seal"}
        return ring.blind(json.dumps(said, sort_keys=True), "backup")

    def is_signed_by(self, ring: KeyRing) -> bool:
        return hmac.compare_digest(self.seal.encode(), self._digest(ring).encode())


def proofs_of(ring: KeyRing) -> dict[str, str]:
    """A sealed sentence for each key of the ring."""
    return {kid: ring.seal_under(kid, _PROOF, _PLACE + kid) for kid in ring.kids()}


def unproved(manifest: Manifest, ring: KeyRing) -> list[str]:
    """Keys that sealed values need and this ring has not, or has another of that name."""
    return [
        kid
        for kid in manifest.kids
        if kid in manifest.proofs and not _opens(ring, kid, manifest.proofs[kid])
    ]


def _opens(ring: KeyRing, kid: str, proof: str) -> bool:
    try:
        return ring.open(proof, _PLACE + kid) == _PROOF
    except SealBroken:
        return False


def write(folder: Path, manifest: Manifest) -> None:
    """Safe on the disk before it has its name."""
    scratch = folder / f"{NAME}.new"
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        json.dump(asdict(manifest), out, indent=1, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    os.replace(scratch, folder / NAME)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(folder: Path) -> Manifest:
    """Raises BackupBroken where there is none, or none of ours."""
    try:
        raw = json.loads((folder / NAME).read_text("utf-8"))
    except FileNotFoundError:
        raise BackupBroken(
            f"{folder} has no {NAME}: it is no backup, or making it was interrupted; take another"
        ) from None
    except ValueError:
        raise BackupBroken(f"{folder / NAME} is damaged: take another backup") from None
    try:
        if raw["format"] != FORMAT:
            raise BackupBroken(f"{folder} has format {raw['format']}, this version reads {FORMAT}")
        return Manifest(**raw)
    except (TypeError, KeyError):
        raise BackupBroken(f"{folder / NAME} is not one of ours: take another backup") from None


def facts_of(file: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with file.open("rb") as inside:
        while part := inside.read(1 << 20):
            digest.update(part)
    return {"sha256": digest.hexdigest(), "bytes": file.stat().st_size}


def verify(folder: Path, ring: KeyRing) -> Manifest:
    """Read a backup and check it all; BackupBroken says what is wrong with it, or with the ring."""
    manifest = read(folder)
    missing = unproved(manifest, ring)
    if missing:
        raise BackupBroken(
            f"the key ring here cannot open what this backup holds (keys {', '.join(missing)}): put"
            " the ring that was kept apart into $DATA_DIR/keyring.json, mode 0600, and try again"
        )
    if not manifest.is_signed_by(ring):
        raise BackupBroken(
            f"{folder / NAME} was changed, or was made under another key ring: take another backup"
        )
    _check_files(folder, manifest)
    return manifest


def _check_files(folder: Path, manifest: Manifest) -> None:
    there = {path.name for path in folder.iterdir()} - {NAME}
    if "keyring.json" in there:
        raise BackupBroken(
            f"{folder} holds a key ring: whoever has this folder has every secret. Move the ring"
            " away from backups"
        )
    if stray := sorted(there - set(manifest.files)):
        raise BackupBroken(f"{folder} holds what is not of the backup: {', '.join(stray)}")
    for name, said in sorted(manifest.files.items()):
        if name not in there:
            raise BackupBroken(f"{folder / name} is missing: take another backup")
        if facts_of(folder / name) != said:
            raise BackupBroken(f"{folder / name} was changed or cut off: take another backup")
