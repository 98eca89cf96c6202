"""Orders of a merchant's own system: each road to its end, against the simulator's wallets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cloudpay.helping import calls, query, refusal, state
from tests.integration.cloudpay.ordering import (
    ROADS,
    Road,
    number_of,
    order,
    order_row,
    ordered,
    pay,
)

EACH = pytest.mark.parametrize("road", ROADS, ids=lambda road: road.name)
UNPAID = {"wechat": 6, "alipay": 4}
PAID = {"wechat": 3, "alipay": 2}


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


@EACH
def test_an_order_is_paid_and_queried(product: Product, till: Till, road: Road) -> None:
    content = order(till, road, 1234, remark="少糖", client_flow_id="F-7")
    number = number_of(content)
    result = ordered(till, road, content)
    assert len(result["nonce_str"]) == 32
    found = query(till, number)
    assert state(found) == UNPAID[road.wallet]
    pay(product, road, result)
    product.wait_paid(number)
    found = query(till, number)
    said = found["order_content"]
    assert state(found) == PAID[road.wallet]
    assert (said["trade_type"], said["source_type"]) == (road.trade_type, 0)
    assert (said["total_fee"], said["body"], said["remark"]) == (1234, "咖啡", "少糖")
    assert said["time_expire"] == said["create_time"] + 120
    row = order_row(product, number)
    assert (row.intent_key, row.status) == (f"api:{number}", "paid")
    trade = product.simulator.trade(number)
    assert trade is not None
    assert said["transaction_id"] == trade["transaction_id"]
