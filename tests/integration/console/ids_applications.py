"""Ids of long jobs and of applications."""

from __future__ import annotations

from services import longjobs
from tests.harness.console import Console
from tests.integration.applications import forms
from tests.integration.console.ids import supplies


@supplies("jobs.number")
def job(desk: Console) -> str:
    """A sync that waits for its worker."""
    deps = desk.product.deps
    return str(
        deps.transact(
            lambda s: longjobs.start(
                s, provider_id=1, kind="maidan_sync", facts={"source": "file", "is_dry": True},
                asked_by="console:1", now=deps.now(), only_one="walked",
            )
        )
    )  # fmt: skip


@supplies("applications.number")
def application(desk: Console) -> str:
    return str(forms.begin(desk))


@supplies("applications.step")
def step(desk: Console) -> str:
    return "contact"


@supplies("applications.name")
def paper(desk: Console) -> str:
    return "card_copy"
