"""A process that dies in the middle: nothing of it runs on, whatever it had committed stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.orm import Session

from models.db import Database

T = TypeVar("T")


class Killed(BaseException):
    """SIGKILL: not an Exception, so that no handler of the product goes on after it."""


class Kills:
    """Counts the points (commits and calls) of the innermost action; dies at the armed one."""

    def __init__(self) -> None:
        self._left: list[int | None] = []

    @contextmanager
    def armed(self, points: int | None) -> Iterator[None]:
        """`points` passed alive inside; None: lives."""
        self._left.append(points)
        try:
            yield
        finally:
            self._left.pop()

    def point(self, what: str) -> None:
        if not self._left or self._left[-1] is None:
            return
        self._left[-1] -= 1
        if self._left[-1] < 0:
            self._left[-1] = None
            raise Killed(what)


class MortalDatabase(Database):
    """The product's own, with a point before and after each commit."""

    def __init__(self, url: str, kills: Kills, *, pool_size: int) -> None:
        super().__init__(url, pool_size=pool_size)
        self._kills = kills

    def transact(self, fn: Callable[[Session], T], *, rerun_if_unknown: bool = False) -> T:
        def unit(session: Session) -> T:
            result = fn(session)
            session.flush()
            self._kills.point("before a commit")
            return result

        result = super().transact(unit, rerun_if_unknown=rerun_if_unknown)
        self._kills.point("after a commit")
        return result
