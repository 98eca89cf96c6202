"""Generated requests never find more than the protocol's own words."""

from __future__ import annotations

import dataclasses
import os

import pytest

from tests.fuzz.run import Fuzz, Tally
from tests.harness.product import Product
from web.runtime import Runtime

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "800"))


def unlimited(product: Product) -> Product:
    """What is asked here is what calls find, not how many of them are taken."""
    limits = ("cpay_merchant_per_minute", "cpay_address_per_minute", "cpay_wrong_per_minute")
    settings = product.deps.settings.model_copy(update=dict.fromkeys(limits, 0))
    deps = dataclasses.replace(product.deps, settings=settings)
    product.app.extensions["yima"] = Runtime.over(deps)
    return dataclasses.replace(product, deps=deps)


@pytest.mark.timeout(7200)
def test_generated_requests_are_answered_by_the_protocol(product: Product) -> None:
    product = unlimited(product)
    tally = Fuzz(product).run(REQUESTS)
    product.sweep()
    print(tally.line())  # shown by `make fuzz`
    assert not tally.failure()


def test_a_run_without_signatures_or_answers_fails() -> None:
    assert "signed" in Tally(sent=100, signed=39).failure()
    assert "answered" in Tally(sent=100, signed=90).failure()
    assert "boom" in Tally(sent=1, signed=1, wrong={"ping": "boom"}).failure()
