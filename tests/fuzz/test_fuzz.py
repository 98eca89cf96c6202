"""Generated requests never find more than the protocol's own words."""

from __future__ import annotations

import os

from tests.fuzz.run import Fuzz, Tally
from tests.harness.product import Product

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "2000"))


def test_generated_requests_are_answered_by_the_protocol(product: Product) -> None:
    tally = Fuzz(product).run(REQUESTS)
    print(tally.line())  # shown by `make fuzz`
    assert not tally.failure()


def test_a_run_without_signatures_or_answers_fails() -> None:
    assert "signed" in Tally(sent=100, signed=39).failure()
    assert "answered" in Tally(sent=100, signed=90).failure()
    assert "boom" in Tally(sent=1, signed=1, wrong={"ping": "boom"}).failure()
