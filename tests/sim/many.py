"""Many seeds over several processes; the answers come in the order of the seeds."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from tests.sim.engine import keep_one_engine
from tests.sim.run import Outcome, play_seed
from tests.sim.stage import Stage, Theatre

_stage: Stage | None = None


def play_many(
    theatre: Theatre, seeds: Sequence[int], jobs: int, *, keep_traces: bool = False
) -> Iterator[Outcome]:
    """Play them all. Each process has a database of its own, dropped with the theatre's server.

    Traces of plays that went well are long and mostly nobody's: they come with `keep_traces`.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _open, (theatre,)) as pool:
        for found in pool.map(_play, seeds, chunksize=4):
            yield found if keep_traces or found.problem else replace(found, trace="")


def _open(theatre: Theatre) -> None:
    global _stage
    keep_one_engine()
    server = replace(theatre.server, prefix=f"{theatre.server.prefix}_{os.getpid()}")
    _stage = Stage(replace(theatre, server=server))


def _play(seed: int) -> Outcome:
    assert _stage is not None
    return play_seed(_stage, seed)
