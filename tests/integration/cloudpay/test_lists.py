"""query_order_list: rows of every origin, every filter, pages."""

from __future__ import annotations

from tests.harness.cloudpay import Till
from tests.harness.product import Product


def test_the_newest_comes_first_and_every_row_is_exactly_one_thing(product: Product) -> None:
    till = Till.of(product)
    now = int(product.deps.now().timestamp())
    asked = {
        "out_sub_mch_id": till.out_sub_mch_id, "order_type": 3, "start_time": now - 86400 * 80,
        "end_time": now, "page_num": 1, "page_size": 100,
    }  # fmt: skip
    found = till.call("query_order_list", asked)
    rows = found["query_order_list"]["order_details"]
    assert found["Internal_status"] == found["internal_status"] == 0
    assert len(rows) == min(100, found["query_order_list"]["total_count"]) > 0
    assert all(len(row) == 1 for row in rows)
    ends = [row["order"]["time_end"] for row in rows]
    assert ends == sorted(ends, reverse=True)
