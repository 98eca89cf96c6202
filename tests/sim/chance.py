"""All chance comes from the seed, that of keys, nonces and numbers too."""

from __future__ import annotations

import random
import secrets
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
CARDS = 0.35  # of all plays
SYSTEMS = 0.25
DEPOSITS = 0.1
_WORD = string.ascii_letters + string.digits


class Dice:
    """One stream of chance: the same name gives the same draws."""

    def __init__(self, name: str) -> None:
        self._dice = random.Random(name)

    def hits(self, share: float) -> bool:
        return self._dice.random() < share

    def among(self, things: Sequence[T]) -> T:
        return self._dice.choice(things)

    def whole(self, low: int, high: int) -> int:
        return self._dice.randint(low, high)

    def seconds(self, low: float, high: float) -> float:
        return round(self._dice.uniform(low, high), 3)

    def weighted(self, shares: Mapping[T, float]) -> T:
        return self._dice.choices(list(shares), list(shares.values()))[0]

    def shuffled(self, things: Sequence[T]) -> list[T]:
        return self._dice.sample(list(things), len(things))


class Chance(Dice):
    """What a seed draws. The world's own draws never disturb those of the play."""

    def __init__(self, seed: int) -> None:
        super().__init__(f"play {seed}")
        self.world = random.Random(f"world {seed}")
        # Drawn apart: a play without cards draws what it drew before there were any.
        self.has_cards = random.Random(f"cards {seed}").random() < CARDS
        self.has_systems = random.Random(f"systems {seed}").random() < SYSTEMS
        self.deposits = Dice(f"deposits {seed}")  # what those of them draw, too
        self.has_deposits = self.deposits.hits(DEPOSITS)


@contextmanager
def seeded(dice: random.Random) -> Iterator[None]:
    """`secrets` draws from `dice`: both the product and the wallets take all their chance there."""
    drawn: dict[str, Callable[..., Any]] = {
        "token_bytes": lambda n=32: dice.randbytes(n),
        "token_hex": lambda n=32: dice.randbytes(n).hex(),
        "token_urlsafe": lambda n=32: "".join(dice.choices(_WORD, k=(4 * n + 2) // 3)),
        "randbelow": dice.randrange,
        "choice": dice.choice,
    }
    kept = {name: getattr(secrets, name) for name in drawn}
    try:
        for name, draw in drawn.items():
            setattr(secrets, name, draw)
        yield
    finally:
        for name, own in kept.items():
            setattr(secrets, name, own)
