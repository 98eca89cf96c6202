"""How many calls are taken in a minute: by one address, by one merchant, and with wrong codes.

Large limits are not taken at once: six thousand calls that were saved up for a minute would be the
whole machine's for ten seconds, so a burst is a sixth of a minute's, or 60. What calls take while
they last is shared in `threads.py`.

Counted in the process's memory: a process takes its share, the limit over the number of web
processes. One device's connection stays with one process, so alone it gets that share. Nothing of
this protects a secret: a code has 256 bits, and nobody guesses one. It keeps one caller, whose till
polls in a loop or who sends rubbish, from taking the threads of all others.

A stranger cannot lock a merchant out. Over the limit of wrong codes from an address, a merchant
that proved itself to this process lately is still looked at, from that address too: a shop's tills
share theirs with its guests. Over the limit of wrong codes for a merchant, a right one passes as
ever; only what a wrong one costs ends: the row that counts it, and the answer yes or no.

Flask-Limiter, which the architecture names, refuses by address before a view and with HTTP 429;
here the merchant is known only behind the code, and every answer is the protocol's, HTTP 200. Its
store in memory also starts a thread at every call to expire counters.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from config.settings import Settings

_MOST: Final = 20_000
_PROVEN_S: Final = 600.0
_WINDOW_S: Final = 60.0
_BURST: Final = 60  # so many may always come at once, if a minute has so many


@dataclass
class Bucket:
    """At most so many over a minute, in bursts of `at_once` (GCRA: one time per key)."""

    clock: Callable[[], float] = time.monotonic
    _ends: dict[Hashable, float] = field(default_factory=dict, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, key: Hashable, per_minute: float) -> bool:
        """Whether one more is within the limit; it counts if so. 0: there is no limit."""
        if per_minute <= 0:
            return True
        now, each = self.clock(), _WINDOW_S / per_minute
        with self._turn:
            ends = max(now, self._ends.get(key, now)) + each
            if ends - now > (at_once(per_minute) + 0.5) * each:
                return False
            if key not in self._ends and len(self._ends) >= _MOST:
                self._forget(now)
            self._ends[key] = ends
        return True

    def is_over(self, key: Hashable, per_minute: float) -> bool:
        """Whether the next one would be refused; counts nothing."""
        if per_minute <= 0:
            return False
        now, each = self.clock(), _WINDOW_S / per_minute
        return max(now, self._ends.get(key, now)) + each - now > (at_once(per_minute) + 0.5) * each

    def _forget(self, now: float) -> None:
        """Those that have all they had; if nobody has, everybody."""
        self._ends = {key: ends for key, ends in self._ends.items() if ends > now}
        if len(self._ends) >= _MOST:
            self._ends = {}


class Limits:
    """Of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls, self._failures = Bucket(clock), Bucket(clock)
        self._proven: dict[Hashable, float] = {}

    def takes_address(self, settings: Settings, ip: str) -> bool:
        return self._calls.take(
            ("ip", network(ip)), _share(settings, settings.cpay_address_per_minute)
        )

    def takes_merchant(self, settings: Settings, provider_id: int, merchant_id: int) -> bool:
        return self._calls.take(
            (provider_id, merchant_id), _share(settings, settings.cpay_merchant_per_minute)
        )

    def looks_at(self, settings: Settings, ip: str, route: Hashable) -> bool:
        """Whether an unproven call is looked at; `route` is whose it claims to be."""
        most = _share(settings, settings.cpay_wrong_per_minute)
        if not self._failures.is_over(("ip", network(ip)), most):
            return True
        return self._clock() < self._proven.get(route, 0.0)

    def failed(self, settings: Settings, ip: str, merchant: Hashable | None) -> bool:
        """One more wrong code; whether it is within the limit of `merchant` (None: nobody's)."""
        most = _share(settings, settings.cpay_wrong_per_minute)
        self._failures.take(("ip", network(ip)), most)
        return merchant is None or self._failures.take(merchant, most)

    def proven(self, route: Hashable) -> None:
        if len(self._proven) >= _MOST:
            self._proven.clear()
        self._proven[route] = self._clock() + _PROVEN_S


def _share(settings: Settings, per_minute: int) -> float:
    return max(1.0, per_minute / settings.web_workers) if per_minute > 0 else 0.0


def at_once(per_minute: float) -> float:
    """How many of a minute's calls may come in one moment."""
    return max(per_minute / 6, min(per_minute, _BURST))


def network(ip: str) -> str:
    """What counts as one address: of IPv6 a /64, which belongs to one customer."""
    try:
        parsed = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
