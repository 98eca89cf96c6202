"""Every kind of long job, and the sweep that works them off."""

from __future__ import annotations

from services import audit_rounds, longjobs
from services.blank_codes import making as blank_codes
from services.deps import Deps
from services.gold_plan import bulk as gold_plan
from services.health import rounds as health
from services.maidan import syncing
from services.merchants import importing, sub_providers

# A module that declares a kind with `longjobs.handles` is imported here, or no worker knows it.
KINDS: tuple[object, ...] = (
    blank_codes, gold_plan, importing, sub_providers, syncing, health, audit_rounds,
)  # fmt: skip


def run_due(deps: Deps) -> bool:
    """True when there may be more to do at once."""
    return longjobs.run_due(deps) > 0
