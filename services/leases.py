"""One at a time across processes: a row that runs out, with a number that refuses late writes.

Claim and commit, do the long thing with no transaction open, then write under `holds`: a holder
that was too slow finds its fencing number overtaken.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that was ours when we claimed it."""

    name: str
    fencing: int


def claim(deps: Deps, name: str, life: timedelta) -> Held | None:
    """Take the lease, or None while somebody else holds it. A dead holder's runs out by itself."""

    def unit(session: Session) -> int | None:
        now = deps.now()
        fencing: int | None = session.scalar(
            text(
                "INSERT INTO lease (name, holder, until, fencing) VALUES (:n, :h, :u, 1)"
                " ON CONFLICT (name) DO UPDATE SET holder = :h, until = :u,"
                " fencing = lease.fencing + 1 WHERE lease.until <= :now RETURNING fencing"
            ),
            {"n": name, "h": f"{socket.gethostname()}:{os.getpid()}", "u": now + life, "now": now},
        )
        return fencing

    fencing = deps.transact(unit)
    return None if fencing is None else Held(name, fencing)


def holds(session: Session, held: Held) -> bool:
    """Whether the lease is still ours, locked until this transaction ends. Ask before writing."""
    found = session.scalar(
        text("SELECT fencing FROM lease WHERE name = :n FOR UPDATE"), {"n": held.name}
    )
    return bool(found == held.fencing)


def release(deps: Deps, held: Held) -> None:
    """Let the next one in; does nothing if the lease has moved on."""
    deps.transact(
        lambda s: s.execute(
            text("UPDATE lease SET until = :now WHERE name = :n AND fencing = :f"),
            {"now": deps.now(), "n": held.name, "f": held.fencing},
        )
    )
