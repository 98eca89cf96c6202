"""Every kind of long job, and the sweep that works them off."""

from __future__ import annotations

from services import longjobs
from services.deps import Deps
from services.gold_plan import bulk as gold_plan

# A module that declares a kind with `longjobs.handles` is imported here, or no worker knows it.
KINDS: tuple[object, ...] = (gold_plan,)


def run_due(deps: Deps) -> bool:
    """True when there may be more to do at once."""
    return longjobs.run_due(deps) > 0
