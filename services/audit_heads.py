"""Where each provider's audit log has come to, kept in a file beside the ledger's heads.

A chain that lost its end still fits. The file knows how far each went; it only grows, and each line
has a MAC over the one before. A host with a worker has a file of its own.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from secretbox.ring import KeyRing
from services import ledger_heads
from services.deps import Deps

log = logging.getLogger(__name__)

EVERY: Final = timedelta(hours=24)
Heads = dict[int, tuple[int, bytes]]


def path_of(deps: Deps) -> Path:
    return ledger_heads.path_of(deps.settings).with_name("audit-heads.jsonl")


def read(deps: Deps) -> Heads:
    """The newest head of each provider that the file knows; {} where there is no file."""
    path = path_of(deps)
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return _read(file, deps.ring)[0]


def write_if_due(deps: Deps) -> bool:
    """Append the heads that moved, if the newest line is older than a day."""
    path = path_of(deps)
    if path.exists():
        with path.open("rb") as file:
            at = _read(file, deps.ring)[2]
        if at is not None and deps.now() - at < EVERY:
            return False
    return write(deps) > 0


def write(deps: Deps, *, restored: bool = False) -> int:
    """Append where the chains are now, safe on the disk; how many.

    `restored`: an older backup was put back. What the file knew beyond it no longer counts.
    """
    path = path_of(deps)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _drop_torn(file)
        known, last_mac, _ = _read(file, deps.ring)
        now = deps.transact(_heads)
        moved = {
            p: head for p, head in now.items() if restored or known.get(p, (0, b""))[0] < head[0]
        }
        if not moved and not restored:
            return 0
        said: dict[str, Any] = {
            "at": deps.now().isoformat(timespec="seconds"),
            "heads": {str(p): [seq, seal.hex()] for p, (seq, seal) in sorted(moved.items())},
        } | ({"restored": True} if restored else {})
        line = json.dumps({**said, "mac": _mac(deps.ring, last_mac, said)}) + "\n"
        file.seek(0, os.SEEK_END)
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    return len(moved)


def _drop_torn(file: IO[bytes]) -> None:
    """A writer was killed in the middle of a line: it never counted."""
    file.seek(0)
    whole = file.read()
    if whole and not whole.endswith(b"\n"):
        file.truncate(whole.rfind(b"\n") + 1)
    file.seek(0)


def _heads(session: Session) -> Heads:
    rows = session.execute(
        text("SELECT provider_id, seq, mac FROM audit_head WHERE seq > 0 ORDER BY provider_id")
    )
    return {row.provider_id: (row.seq, bytes(row.mac)) for row in rows}


def _read(file: IO[bytes], ring: KeyRing) -> tuple[Heads, str, datetime | None]:
    """Heads, the last line's MAC and time. A line that does not fit is told and does not count."""
    heads: Heads = {}
    last_mac, last_at = "", None
    for number, line in enumerate(file, 1):
        try:
            said = json.loads(line)
            mac = said.pop("mac")
            if not hmac.compare_digest(_mac(ring, last_mac, said), mac):
                raise ValueError("its MAC does not fit")
            found = {int(p): (seq, bytes.fromhex(seal)) for p, (seq, seal) in said["heads"].items()}
            heads = found if said.get("restored") else heads | found
            last_mac, last_at = mac, datetime.fromisoformat(said["at"])
        except (ValueError, KeyError, TypeError) as problem:
            extra = {"line": number, "problem": str(problem)[:80]}
            log.error("the file of audit heads was changed", extra=extra)
    return heads, last_mac, last_at


def _mac(ring: KeyRing, before: str, said: dict[str, Any]) -> str:
    words = json.dumps(said, sort_keys=True, separators=(",", ":"))
    key = ring.derived("audit-heads")
    return hmac.digest(key, f"{before}\n{words}".encode(), "sha256").hex()
