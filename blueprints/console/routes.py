"""Every page below `/console/` with what it needs: the only place where pages are declared.

`tests/integration/console/test_routes.py` walks this table by every role and a foreign provider.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple

from blueprints.console import confirming, entry, jobs, overview
from services.console.rights import Right


class Open(Enum):
    """Pages that ask for no right at a provider."""

    ANYONE = "anyone"  # also who is not signed in
    SIGNED_IN = "signed_in"  # for whichever provider, or none yet


class Route(NamedTuple):
    """`confirms`: a change that wants a fresh code of the second factor, one code per change.

    `most_bytes`: the largest request it takes.
    """

    method: str
    rule: str  # below /console
    endpoint: str
    needs: Right | Open
    view: Callable[..., Any]
    confirms: bool = False
    most_bytes: int = 256 * 1024


ROUTES: Final = (
    Route("GET", "/sign-in", "sign_in", Open.ANYONE, entry.form),
    Route("POST", "/sign-in", "sign_in_send", Open.ANYONE, entry.send),
    Route("POST", "/sign-out", "sign_out", Open.SIGNED_IN, entry.sign_out),
    Route("GET", "/choose", "choose", Open.SIGNED_IN, entry.choose),
    Route("POST", "/choose", "choose_take", Open.SIGNED_IN, entry.take),
    Route("GET", "/confirm", "confirm", Open.SIGNED_IN, confirming.form),
    Route("POST", "/confirm", "confirm_send", Open.SIGNED_IN, confirming.send),
    Route("GET", "/", "overview", Right.SEE, overview.show),
    Route("GET", "/jobs", "jobs", Right.SEE, jobs.index),
    Route("GET", "/jobs/<int:number>", "job", Right.SEE, jobs.show),
    Route("GET", "/jobs/<int:number>/part", "job_part", Right.SEE, jobs.part),
    Route("GET", "/jobs/<int:number>/report.csv", "job_report", Right.EXPORT, jobs.csv),
    Route("POST", "/jobs/<int:number>/stop", "job_stop", Right.MERCHANTS, jobs.stop),
)
BY_ENDPOINT: Final = {route.endpoint: route for route in ROUTES}
