"""Sealing: entries become a chain per merchant, a moment after they were written.

Each seal is a MAC over the one before and the whole entry, under a key that comes from the key
ring and is never in the database: whoever changes, removes or inserts an entry later, with
whatever rights there, cannot make the chain fit again. The paying transaction only leaves a row in
`ledger_tail`; a chain's end in it would be the hottest row of all.
"""

from __future__ import annotations

import hmac
import logging
from datetime import datetime
from functools import partial

from psycopg.sql import SQL
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.db import raw
from secretbox.ring import KeyRing
from services.deps import Deps

log = logging.getLogger(__name__)

MERCHANTS = 200  # of one round
MOVEMENTS = 1000  # of one merchant's transaction
START = bytes(32)  # stands before the first seal of a chain

# The whole entry as text, the same whoever asks: COPY writes tabs and line ends so that no two
# entries read alike, and times are numbers, so no setting of a session changes them. The order is
# for the verifier, who reads the first columns only. Never change it: old seals would not fit.
ENTRY = """
e.provider_id, e.merchant_id, e.card_id, e.account, e.key, e.delta_fen, e.balance_after_fen, e.id,
e.kind, e.order_id, e.refund_id, e.actor, e.reason,
CAST(extract(epoch FROM e.recorded_at) * 1000000 AS bigint), e.day_on - DATE '2000-01-01'
"""


def ledger_key(ring: KeyRing) -> bytes:
    return ring.derived("ledger")


def mac(key: bytes, before: bytes, entry: bytes) -> bytes:
    """The seal of an entry, given as `ENTRY` writes it, that follows the seal `before`."""
    return hmac.digest(key, before + entry, "sha256")


def seal(deps: Deps) -> int:
    """Seal what waits, merchant by merchant, oldest first; how many entries were sealed.

    Any number may run at once, and each may be killed anywhere: an entry's seal is written and its
    waiting row removed in one transaction, under the lock of the chain's end.
    """
    sealed = 0
    for row in deps.transact(lambda s: s.execute(_WAITING, {"most": MERCHANTS}).all()):
        unit = partial(_seal, deps=deps, provider_id=row.provider_id, merchant_id=row.merchant_id)
        try:
            sealed += deps.transact(unit)
        except Exception:  # one merchant's broken chain holds up no other
            log.exception("sealing failed", extra={"merchant": row.merchant_id})
    return sealed


_WAITING = text("""
SELECT provider_id, merchant_id FROM ledger_tail GROUP BY provider_id, merchant_id
ORDER BY min(id) LIMIT :most
""")


def _seal(session: Session, deps: Deps, provider_id: int, merchant_id: int) -> int:
    where = {"p": provider_id, "m": merchant_id, "at": deps.now()}
    head = session.execute(_LOCK, where).first() or session.execute(_FIRST, where).first()
    if head is None:
        return 0  # another worker has it
    # A statement of its own: it sees what was committed before the lock was held.
    tails = list(session.scalars(_TAILS, {**where, "most": MOVEMENTS}))
    if not tails:
        return 0
    seq, before, key = head.seq, bytes(head.mac) or START, ledger_key(deps.ring)
    ids, macs = [], []
    for entry_id, entry in _entries(session, provider_id, merchant_id, tails):
        before = mac(key, before, entry)
        ids.append(entry_id)
        macs.append(before)
    session.execute(_WRITE, {**where, "seq": seq, "ids": ids, "macs": macs})
    session.execute(_MOVE, {**where, "seq": seq + len(ids), "mac": before})
    session.execute(_GONE, {**where, "tails": tails})
    return len(ids)


def _entries(
    session: Session, provider_id: int, merchant_id: int, tails: list[int]
) -> list[tuple[int, bytes]]:
    """The entries of these movements, in the order of both, as the chain reads them."""
    asked = SQL(
        "COPY (SELECT e.id, {entry} FROM ledger_tail t JOIN ledger_entry e"
        " ON e.provider_id = t.provider_id AND e.key = t.key AND e.merchant_id = t.merchant_id"
        " WHERE t.provider_id = {p} AND t.merchant_id = {m} AND t.id = ANY({tails})"
        " ORDER BY t.id, e.id) TO STDOUT"
    ).format(entry=SQL(ENTRY), p=provider_id, m=merchant_id, tails=tails)
    found = []
    with raw(session).cursor().copy(asked) as rows:
        for row in rows:
            entry_id, _, entry = bytes(row).rstrip(b"\n").partition(b"\t")
            found.append((int(entry_id), entry))
    return found


_LOCK = text("""
SELECT seq, mac FROM ledger_head WHERE provider_id = :p AND merchant_id = :m
FOR UPDATE SKIP LOCKED
""")
_FIRST = text("""
INSERT INTO ledger_head (provider_id, merchant_id, seq, mac, sealed_at) VALUES (:p, :m, 0, '', :at)
ON CONFLICT (provider_id, merchant_id) DO NOTHING RETURNING seq, mac
""")
# A waiting row whose entries are gone stays: `flask ledger verify` tells of it.
_TAILS = text("""
SELECT id FROM ledger_tail t WHERE provider_id = :p AND merchant_id = :m AND EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.provider_id = t.provider_id AND e.key = t.key
    AND e.merchant_id = t.merchant_id)
ORDER BY id LIMIT :most
""")
_WRITE = text("""
INSERT INTO ledger_seal (provider_id, entry_id, merchant_id, seq, mac)
SELECT :p, made.id, :m, CAST(:seq AS bigint) + made.n, made.mac
FROM unnest(CAST(:ids AS bigint[]), CAST(:macs AS bytea[])) WITH ORDINALITY AS made(id, mac, n)
""")
_MOVE = text("""
UPDATE ledger_head SET seq = :seq, mac = :mac, sealed_at = :at
WHERE provider_id = :p AND merchant_id = :m
""")
_GONE = text("""
DELETE FROM ledger_tail WHERE provider_id = :p AND id = ANY(CAST(:tails AS bigint[]))
""")


def unsealed_since(session: Session) -> datetime | None:
    """When the oldest movement that waits for its seal was written; None if none waits."""
    found: datetime | None = session.scalar(_OLDEST)
    return found


_OLDEST = text("""
SELECT e.recorded_at FROM (
    SELECT provider_id, key FROM ledger_tail ORDER BY provider_id, id LIMIT 1
) t JOIN ledger_entry e ON e.provider_id = t.provider_id AND e.key = t.key LIMIT 1
""")
