"""Runs plays: one seed, or many, with what they reached."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass

from tests.sim import customers, deposits, members, tills
from tests.sim.bookkeepers import reconcile
from tests.sim.calm import settle_down
from tests.sim.chance import seeded
from tests.sim.checks import check
from tests.sim.clerks import Clerks
from tests.sim.play import Play
from tests.sim.stage import Stage
from tests.sim.storms import Storm, draw_clocks
from tests.sim.worker import Worker


@dataclass(frozen=True)
class Outcome:
    seed: int
    problem: str  # empty: everything held
    trace: str
    reached: Counter[str]


def play_seed(stage: Stage, seed: int) -> Outcome:
    """Play it from beginning to end. The same seed gives the same trace, byte for byte."""
    play = Play(stage, seed)
    problem = ""
    with seeded(play.chance.world):
        try:
            _play(play)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            play.say(problem)
            if not isinstance(error, AssertionError):
                problem += "\n" + traceback.format_exc()
            problem += "".join(stage.failures[:1])
    return Outcome(seed, problem, play.trace.text(), play.trace.reached)


def _play(play: Play) -> None:
    stage = play.stage
    storm, worker, clerks = Storm(play), Worker(play), Clerks(play)
    stage.wire.through = storm.call
    play.sources = [
        (stage.wallets.outbox.next_due, storm.notice),
        (stage.wallets.next_due, stage.wallets.run_due),
        (worker.next_due, worker.tick),
    ]
    stage.receiver.begin(play)
    stage.wallets.world.switches.set("wechat.mutual_tls", "off")  # no TLS here
    customers.draw(play)
    tills.draw(play)
    owner = members.draw(play) if play.chance.has_cards else None
    left = deposits.draw(play) if play.chance.has_deposits else []
    clerks.begin()
    draw_clocks(play)
    ends = play.now + 450
    while play.step(ends):
        pass
    settle_down(play, clerks, left)
    reconcile(play)
    if owner is not None:
        owner.close_books()
    check(play)
