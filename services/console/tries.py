"""Counted tries at the console's door, exact however many come at once, from however many places.

A try takes its place in the count before anything is looked at, and a good one gives it back: under
the row's lock no more than the limit are ever looked at in one window. One account is guarded by
its own row (`signing_in`); here are one address, all addresses together, and names of nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.console.problems import TooManyTries
from services.deps import Deps

WINDOW: Final = timedelta(minutes=15)
MOST_OF_ADDRESS: Final = 30
MOST_OF_ALL: Final = 300
KNOWN_FOR: Final = timedelta(days=30)
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a try comes from: a keyed hash, never the address itself."""

    hashed: str

    @property
    def tries(self) -> str:
        return f"from:{self.hashed[:48]}"

    @property
    def known(self) -> str:
        return f"known:{self.hashed[:48]}"


def place_of(deps: Deps, address: str) -> Place:
    """IPv6 counts by /64: a whole one belongs to one customer."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return Place(deps.ring.blind(address, "console-place"))
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or ip_network((parsed, 64), strict=False).network_address
    return Place(deps.ring.blind(str(parsed), "console-place"))


def take(session: Session, place: Place, now: datetime) -> TooManyTries | None:
    """Count a try; what stands against looking at it, if anything does.

    When tries from everywhere are too many, places that signed in lately still may.
    """
    own = count(session, place.tries, now)
    everybody = count(session, ALL, now)
    if own.count > MOST_OF_ADDRESS:
        return TooManyTries(_words("这个地址", own.until - now))
    if everybody.count > MOST_OF_ALL and not _is_known(session, place, now):
        return TooManyTries(_words("各处", everybody.until - now))
    return None


def give_back(session: Session, place: Place, now: datetime) -> None:
    """The try was a good one: it does not count, and its place is known."""
    for subject in (place.tries, ALL):  # in the order in which they were taken
        session.execute(
            text("UPDATE console_try SET count = count - 1 WHERE subject = :s AND count > 0"),
            {"s": subject},
        )
    session.execute(
        text(
            "INSERT INTO console_try (subject, count, began_at) VALUES (:s, 1, :now)"
            " ON CONFLICT (subject) DO UPDATE SET began_at = :now"
        ),
        {"s": place.known, "now": now},
    )


@dataclass(frozen=True, slots=True)
class Counted:
    count: int
    until: datetime


def count(session: Session, subject: str, now: datetime) -> Counted:
    """One more of `subject` in its window of fifteen minutes, which begins with the first."""
    row = session.execute(
        text(
            "INSERT INTO console_try AS t (subject, count, began_at) VALUES (:s, 1, :now)"
            " ON CONFLICT (subject) DO UPDATE SET"
            " count = CASE WHEN t.began_at <= :before THEN 1 ELSE t.count + 1 END,"
            " began_at = CASE WHEN t.began_at <= :before THEN :now ELSE t.began_at END"
            " RETURNING count AS tries, began_at"
        ),
        {"s": subject, "now": now, "before": now - WINDOW},
    ).one()
    return Counted(row.tries, row.began_at + WINDOW)


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in a row, the newest at `began_at`."""

    count: int
    began_at: datetime
    is_locked: bool


def fail(
    session: Session, subject: str, now: datetime, most: int, locked_for: timedelta
) -> Failures:
    """One more failure of `subject`, unless it is locked; the lock begins with the last of them."""
    row = session.execute(
        text(
            "INSERT INTO console_try AS t (subject, count, began_at) VALUES (:s, 1, :now)"
            " ON CONFLICT (subject) DO UPDATE SET"
            " count = CASE WHEN t.count < :most THEN t.count + 1"
            " WHEN t.began_at > :before THEN t.count ELSE 1 END,"
            " began_at = CASE WHEN t.count >= :most AND t.began_at > :before THEN t.began_at"
            " ELSE :now END RETURNING count AS tries, began_at"
        ),
        {"s": subject, "now": now, "most": most, "before": now - locked_for},
    ).one()
    return Failures(row.tries, row.began_at, row.tries >= most)


def _is_known(session: Session, place: Place, now: datetime) -> bool:
    return bool(
        session.scalar(
            text("SELECT began_at > :since FROM console_try WHERE subject = :s"),
            {"s": place.known, "since": now - KNOWN_FOR},
        )
    )


def minutes(left: timedelta) -> int:
    """Whole minutes to wait, never 0."""
    return max(1, -(-int(left.total_seconds()) // 60))


def _words(whence: str, left: timedelta) -> str:
    return f"{whence}登录失败的次数太多，请 {minutes(left)} 分钟后再试"
