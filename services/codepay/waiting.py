"""Waiting in the foreground, for a till that wants the end of it. Nothing depends on the waiter."""

from __future__ import annotations

import time

from services import asking
from services.codepay.state import Charged, read
from services.deps import Deps

LOOK_EVERY_S = 0.5


def wait_for(deps: Deps, provider_id: int, out_trade_no: str, seconds: float) -> Charged:
    """The state once it is final, or as it is after `seconds` of real time.

    What falls due meanwhile is met here too, so a till without a worker beside it gets to the end;
    a waiter that is killed leaves the due time behind, and the next one takes it up.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = read(deps, provider_id, out_trade_no)
        left = deadline - time.monotonic()
        if found.is_final or left <= 0:
            return found
        if not asking.ask_if_due(deps, provider_id, out_trade_no):
            time.sleep(min(LOOK_EVERY_S, left))
