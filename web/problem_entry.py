"""One row of the table of problems: what happened and what to do, in both languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """One language of one problem, before its facts are filled in."""

    title: str
    steps: tuple[str, ...]
    staff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table. `not_charged` is a promise about money; `refresh_s` retries by itself.

    It is False where an earlier visit may have paid (a used link), and where money is beside the
    point (an amount being typed).
    """

    zh: Wording
    en: Wording
    not_charged: bool = True
    refresh_s: int | None = None
    see_result: bool = False
    tell_provider: bool = False
