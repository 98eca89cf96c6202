"""The bound of ordering writes what the product writes."""

from __future__ import annotations

import re

from bench.bound import INSERT, row


def test_the_bound_has_a_value_for_each_name_of_the_products_statement() -> None:
    ids = dict.fromkeys(("provider_id", "merchant_id", "store_id", "code_id"), 1)
    assert set(re.findall(r"%\((\w+)\)", INSERT.decode())) <= row(ids, 1, "n1").keys()
