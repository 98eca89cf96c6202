"""One play: what is to come, in order of time, and what may happen in the middle of something else.

Whoever acts does so inside `act`: it may be killed there. At every call that leaves the product no
transaction is open, so anything that is due may run right there, as if at the same time.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from errors import AppError
from tests.sim.chance import Chance, Dice
from tests.sim.kills import Killed
from tests.sim.stage import Stage
from tests.sim.trace import Trace

T = TypeVar("T")

DEEPEST = 3  # things inside of things
CALL_LASTS_S = 8.0  # connect and read time-outs together: later than this nobody listens
KILL_SHARE, MEANWHILE_SHARE = 0.06, 0.15
FIRST_DAY = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(order=True)
class Coming:
    at: float
    nth: int
    name: str = field(compare=False)
    act: Callable[[], Any] = field(compare=False)


@dataclass(frozen=True)
class Sheet:
    """A wallet's sheet that somebody has before him."""

    wallet: str
    bridge: dict[str, Any]
    person: str

    @property
    def ref(self) -> str:
        """The wallet's own name of the trade."""
        if self.wallet == "wechat":
            return str(self.bridge["package"]).removeprefix("prepay_id=")
        return str(self.bridge["tradeNO"])


# A source of things to come besides the play's own list: when the next is, and doing it.
Source = tuple[Callable[[], "float | None"], Callable[[], None]]


class Play:
    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.seed = stage, seed
        self.chance, self.trace = Chance(seed), Trace()
        self.is_noisy = True
        self.depth = 0
        self.sources: list[Source] = []
        self.sheets: list[Sheet] = []
        self.lost: set[str] = set()  # refunds that their wallet has forgotten, or can not make
        self.held_up: dict[str, float] = {}  # late calls of deposits, and their seconds
        self.withdrawn: set[str] = set()  # deposits that nobody may give back just now
        self._coming: list[Coming] = []
        self._ids = itertools.count()
        stage.empty()
        # Any second of two days, so that midnight in China and noon in London come by.
        stage.timeline.begin(FIRST_DAY + timedelta(seconds=self.chance.whole(0, 2 * 86400)))
        self.began = stage.timeline.at

    # --- words ------------------------------------------------------------------------------

    def say(self, what: str) -> None:
        self.trace.say(self.stage.timeline.at - self.began, self.depth, what)

    def reach(self, *kinds: str) -> None:
        for kind in kinds:
            self.trace.reach(kind)

    # --- time -------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.stage.timeline.at

    def after(self, seconds: float, name: str, act: Callable[[], Any]) -> None:
        heapq.heappush(self._coming, Coming(self.now + seconds, next(self._ids), name, act))

    def pass_time(self, seconds: float) -> None:
        self.stage.timeline.move_to(self.now + seconds)

    def step(self, until: float = math.inf) -> bool:
        """Do the next thing, whoever does it; False when nothing is to come before `until`."""
        best = self._coming[0].at if self._coming else math.inf
        chosen: Callable[[], None] | None = None
        for when, do in self.sources:
            at = when()
            if at is not None and at < best:
                best, chosen = at, do
        if best > until or best == math.inf:
            return False
        self.stage.timeline.move_to(best)
        if chosen is not None:
            chosen()
        else:
            one = heapq.heappop(self._coming)
            self.act(one.name, one.act)
        return True

    # --- acting -----------------------------------------------------------------------------

    def act(
        self, name: str, do: Callable[[], T], *, dies: float = KILL_SHARE, dice: Dice | None = None
    ) -> T | None:
        """Somebody does something; he may be killed at any point of it. None if he was, or if the
        product said no."""
        self.say(name)
        points, dice = None, dice or self.chance
        if self.is_noisy and dice.hits(dies):
            points = dice.whole(0, 7)
        self.depth += 1
        try:
            with self.stage.kills.armed(points):
                return do()
        except Killed as where:
            self.say(f"killed {where}")
            self.reach("fault killed", "case 25")
        except AppError as no:
            self.say(f"no: {type(no).__name__} {getattr(no, 'upstream_code', '') or no.code}")
        finally:
            self.depth -= 1
        return None

    def meanwhile(self) -> None:
        """Other things that are due about now happen here, in the middle."""
        while (
            self.is_noisy
            and not self.stage.is_down
            and self.depth < DEEPEST
            and self.chance.hits(MEANWHILE_SHARE)
        ):
            if not self.step(self.now + CALL_LASTS_S):
                return
            self.reach("fault meanwhile")

    # --- looking ----------------------------------------------------------------------------

    def rows(self, statement: str) -> list[Any]:
        """Read past the product, so that looking changes nothing of what it does."""
        return self.stage.admin.execute(statement).fetchall()

    def value(self, statement: str) -> Any:
        return self.rows(statement)[0][0]
