"""Sealing the audit log: entries become a chain per provider, a moment after they were written.

As `services/ledger_chain` does with money (ADR 022, 031): each seal is a MAC over the one before
and the whole entry, under a key that comes from the key ring and is never in the database.
"""

from __future__ import annotations

import hmac
import logging
from functools import partial
from typing import Final

from psycopg.sql import SQL
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.db import raw
from secretbox.ring import KeyRing
from services.deps import Deps

log = logging.getLogger(__name__)

PROVIDERS: Final = 100  # of one round
ENTRIES: Final = 2000  # of one provider's transaction
START: Final = bytes(32)  # stands before the first seal of a chain

# The whole entry as text, the same whoever asks: COPY writes tabs and line ends so that no two
# entries read alike, and times are numbers. Never change it: old seals would not fit.
ENTRY: Final = """
e.provider_id, e.id, e.actor, e.action, e.subject, e.facts,
CAST(extract(epoch FROM e.created_at) * 1000000 AS bigint)
"""


def audit_key(ring: KeyRing) -> bytes:
    return ring.derived("audit")


def mac(key: bytes, before: bytes, entry: bytes) -> bytes:
    """The seal of an entry, given as `ENTRY` writes it, that follows the seal `before`."""
    return hmac.digest(key, before + entry, "sha256")


def seal(deps: Deps) -> int:
    """Seal what waits, provider by provider; how many entries were sealed.

    Any number may run at once, and each may be killed anywhere: seals are written and the waiting
    rows removed in one transaction, under the lock of the chain's end.
    """
    sealed = 0
    for provider_id in deps.transact(lambda s: s.scalars(_WAITING, {"most": PROVIDERS}).all()):
        try:
            sealed += deps.transact(partial(_seal, deps=deps, provider_id=provider_id))
        except Exception:  # one provider's broken chain holds up no other
            log.exception("sealing the audit log failed", extra={"provider": provider_id})
    return sealed


_WAITING = text("SELECT DISTINCT provider_id FROM audit_tail ORDER BY provider_id LIMIT :most")


def _seal(session: Session, deps: Deps, provider_id: int) -> int:
    where = {"p": provider_id, "at": deps.now()}
    head = session.execute(_LOCK, where).first() or session.execute(_FIRST, where).first()
    if head is None:
        return 0  # another worker has it
    # A statement of its own: it sees what was committed before the lock was held.
    seq, before, key = head.seq, bytes(head.mac) or START, audit_key(deps.ring)
    ids, macs = [], []
    for entry_id, entry in _entries(session, provider_id):
        before = mac(key, before, entry)
        ids.append(entry_id)
        macs.append(before)
    if not ids:
        return 0
    session.execute(_WRITE, {**where, "seq": seq, "ids": ids, "macs": macs})
    session.execute(_MOVE, {**where, "seq": seq + len(ids), "mac": before})
    session.execute(_GONE, {**where, "ids": ids})
    return len(ids)


def _entries(session: Session, provider_id: int) -> list[tuple[int, bytes]]:
    """What waits, oldest first, as the chain reads it. A row whose entry is gone waits for ever:
    the check tells of it."""
    asked = SQL(
        "COPY (SELECT e.id, {entry} FROM audit_tail t JOIN audit_entry e"
        " ON e.provider_id = t.provider_id AND e.id = t.entry_id"
        " WHERE t.provider_id = {p} ORDER BY e.id LIMIT {most}) TO STDOUT"
    ).format(entry=SQL(ENTRY), p=provider_id, most=ENTRIES)
    found = []
    with raw(session).cursor().copy(asked) as rows:
        for row in rows:
            entry_id, _, entry = bytes(row).rstrip(b"\n").partition(b"\t")
            found.append((int(entry_id), entry))
    return found


_LOCK = text("SELECT seq, mac FROM audit_head WHERE provider_id = :p FOR UPDATE SKIP LOCKED")
_FIRST = text("""
INSERT INTO audit_head (provider_id, seq, mac, sealed_at) VALUES (:p, 0, '', :at)
ON CONFLICT (provider_id) DO NOTHING RETURNING seq, mac
""")
_WRITE = text("""
INSERT INTO audit_seal (provider_id, entry_id, seq, mac)
SELECT :p, made.id, CAST(:seq AS bigint) + made.n, made.mac
FROM unnest(CAST(:ids AS bigint[]), CAST(:macs AS bytea[])) WITH ORDINALITY AS made(id, mac, n)
""")
_MOVE = text("UPDATE audit_head SET seq = :seq, mac = :mac, sealed_at = :at WHERE provider_id = :p")
_GONE = text(
    "DELETE FROM audit_tail WHERE provider_id = :p AND entry_id = ANY(CAST(:ids AS bigint[]))"
)
