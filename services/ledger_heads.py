"""Where each merchant's chain has come to, written day by day to a file outside of the database.

The chain alone shows no loss at its end: who removes the newest entries and their seals leaves a
chain that fits. The file still knows how far it went. A line is JSON: the heads that moved since
the line before, and a MAC over both lines; the file only grows, and a line is on the disk before
the next thing happens. A host with a worker has a file of its own.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.settings import Settings
from secretbox.ring import KeyRing
from services.backups.manifest import sync_folder
from services.deps import Deps
from services.totals import china_day

log = logging.getLogger(__name__)

Place = tuple[int, int]  # provider, merchant


@dataclass(frozen=True, slots=True)
class Head:
    """A chain went as far as `seq`, and this is its seal there."""

    seq: int
    mac: bytes
    at: datetime


@dataclass
class Known:
    """What a file says: how far each chain has been, and what is wrong with the file itself.

    `forked` are chains that had left what the file knew when a later line was written.
    """

    heads: dict[Place, Head] = field(default_factory=dict)
    forked: dict[Place, Head] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    last_at: datetime | None = None
    last_mac: str = ""
    lines: int = 0
    torn_at: int | None = None  # where a line begins that was never whole


def path_of(settings: Settings) -> Path:
    return Path(settings.ledger_heads_file or settings.data_dir / "ledger-heads.jsonl")


def read(settings: Settings, ring: KeyRing) -> Known:
    """The file as it is; an empty answer where there is none."""
    path = path_of(settings)
    if not path.exists():
        return Known()
    with path.open("rb") as file:
        return _read(file, _key(ring))


def write_if_due(deps: Deps) -> bool:
    """Write where the chains are, if today's line (or the one by the setting) is missing."""
    path, now = path_of(deps.settings), deps.now()
    last = _last_at(path)
    every = timedelta(seconds=deps.settings.ledger_heads_every_s)
    if last is not None and china_day(last) == china_day(now) and now - last < every:
        return False
    return write(deps) is not None


def write(deps: Deps, *, restored: bool = False) -> int | None:
    """Append a line with the heads that moved, safe on the disk; how many, None without a chain.

    `restored`: an older backup was put back, and what the file knew beyond it is lost. The line
    has every head, and only later ones count.
    """
    if not deps.transact(_heads) and not restored:
        return None
    path = path_of(deps.settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path) as file:
        known = _read(file, _key(deps.ring))
        heads = deps.transact(_heads)  # later than any line that another process has written
        forked = [] if restored else deps.transact(lambda s: _forked(s, known))
        for place in forked:
            log.error("ledger chain left its heads file", extra={"merchant": place[1]})
        moved = [one for one in heads if restored or _moved(known, one)]
        said: dict[str, Any] = {
            "at": deps.now().isoformat(timespec="seconds"),
            "heads": [[*place, head.seq, head.mac.hex()] for place, head in moved],
        }
        said |= {"forked": [list(place) for place in forked]} if forked else {}
        said |= {"restored": True} if restored else {}
        _append(path, file, known, said, _key(deps.ring))
    return len(moved)


def _moved(known: Known, one: tuple[Place, Head]) -> bool:
    before = known.heads.get(one[0])
    return before is None or (before.seq, before.mac) != (one[1].seq, one[1].mac)


_HEADS = text("""
SELECT provider_id, merchant_id, seq, mac, sealed_at FROM ledger_head WHERE seq > 0
ORDER BY provider_id, merchant_id
""")


def _heads(session: Session) -> list[tuple[Place, Head]]:
    return [
        ((row.provider_id, row.merchant_id), Head(row.seq, bytes(row.mac), row.sealed_at))
        for row in session.execute(_HEADS)
    ]


_KEPT = text("""
SELECT provider_id, merchant_id FROM ledger_seal s
JOIN unnest(CAST(:p AS bigint[]), CAST(:m AS bigint[]), CAST(:seq AS bigint[]),
    CAST(:mac AS bytea[])) AS known(provider_id, merchant_id, seq, mac)
    USING (provider_id, merchant_id, seq) WHERE s.mac = known.mac
""")


def _forked(session: Session, known: Known) -> list[Place]:
    """Chains that no longer go through the newest head that the file has of them."""
    heads = known.heads
    rows = session.execute(
        _KEPT,
        {
            "p": [place[0] for place in heads],
            "m": [place[1] for place in heads],
            "seq": [head.seq for head in heads.values()],
            "mac": [head.mac for head in heads.values()],
        },
    )
    return sorted(set(heads) - {(row.provider_id, row.merchant_id) for row in rows})


# --- the file -------------------------------------------------------------------------------------


def _key(ring: KeyRing) -> bytes:
    return ring.derived("ledger-heads")


def _mac(key: bytes, before: str, said: dict[str, Any]) -> str:
    words = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, f"{before}\n{words}".encode(), "sha256").hex()


@contextmanager
def _locked(path: Path) -> Iterator[Any]:
    """The file, held against other processes of this host."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _append(path: Path, file: Any, known: Known, said: dict[str, Any], key: bytes) -> None:
    if known.torn_at is not None:  # a writer was killed in the middle: it never counted
        file.truncate(known.torn_at)
    line = json.dumps({**said, "mac": _mac(key, known.last_mac, said)}) + "\n"
    file.seek(0, os.SEEK_END)
    file.write(line.encode())
    file.flush()
    os.fsync(file.fileno())
    if known.lines == 0:
        sync_folder(path.parent)


def _read(file: Any, key: bytes) -> Known:
    known, at = Known(), 0
    for line in file:
        if not line.endswith(b"\n"):
            known.torn_at = at
            break
        at += len(line)
        known.lines += 1
        try:
            _take(known, json.loads(line), key)
        except (ValueError, KeyError, TypeError):
            known.problems.append(f"line {known.lines} cannot be read: the file was changed")
    return known


def _take(known: Known, line: dict[str, Any], key: bytes) -> None:
    said = {name: value for name, value in line.items() if name != "mac"}
    fits = hmac.compare_digest(_mac(key, known.last_mac, said), line["mac"])
    known.last_mac, known.last_at = line["mac"], datetime.fromisoformat(line["at"])
    if not fits:
        known.problems.append(
            f"line {known.lines} does not fit the one before: changed, lines removed, or written"
            " under another key ring"
        )
        return
    if line.get("restored"):
        known.heads.clear()
        known.forked.clear()
    for provider_id, merchant_id in line.get("forked", ()):
        place = (provider_id, merchant_id)
        known.forked.setdefault(place, known.heads[place])
    for provider_id, merchant_id, seq, mac in line["heads"]:
        known.heads[provider_id, merchant_id] = Head(seq, bytes.fromhex(mac), known.last_at)


def _last_at(path: Path) -> datetime | None:
    """When the newest whole line was written, without reading the others."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            step = 1 << 16
            while True:
                start = max(0, end - step)
                file.seek(start)
                lines = file.read(end - start).split(b"\n")[:-1]
                if len(lines) > 1 or (lines and start == 0):
                    return datetime.fromisoformat(json.loads(lines[-1])["at"])
                if start == 0:
                    return None
                step *= 8
    except (FileNotFoundError, ValueError, KeyError):
        return None
