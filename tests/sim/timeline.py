"""The one clock of a play, as the product and as the wallets see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simulator.clock import Clock


class Timeline:
    """Seconds since the epoch; only ever moved forward, by whoever runs the play."""

    def __init__(self) -> None:
        self.at = 0.0

    def begin(self, at: datetime) -> None:
        self.at = at.timestamp()

    def move_to(self, at: float) -> None:
        self.at = max(self.at, round(at, 3))


class ProductClock:
    """What the product's machines believe: `off_s` is how far they are off."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.off_s = 0.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._timeline.at, UTC) + timedelta(seconds=self.off_s)


class WalletClock(Clock):
    """The wallets' own time."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__(None)
        self._timeline = timeline

    def time(self) -> float:
        return self._timeline.at

    def reset(self) -> None:
        """The play moves it."""
