"""Payments and refunds of a merchant at any moment, and the calls that tills made for them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services import totals
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.totals.helping import Paid, Shop, ask_back, give_back, make, pay, shops

NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)  # the demo's own payments lie months later
WALLETS = ("wechat", "alipay")


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def question(till: Till, since: datetime, until: datetime, **more: Any) -> dict[str, Any]:
    """The members that lists and overviews share; `until` is in it."""
    return {
        "out_sub_mch_id": till.out_sub_mch_id,
        "order_type": 3,
        "start_time": seconds(since),
        "end_time": seconds(until),
        "nonce_str": "7" * 32,
        **more,
    }


def listed(till: Till, asked: dict[str, Any], size: int = 100) -> list[dict[str, Any]]:
    """Every row, as a client reads them: pages until one is empty. Each is (what, members)."""
    found: list[dict[str, Any]] = []
    for number in range(1, 1000):
        answer = till.call("query_order_list", {**asked, "page_num": number, "page_size": size})
        assert answer["status"] == 0, answer
        page = answer["query_order_list"]["order_details"]
        if not page:
            assert answer["query_order_list"]["total_count"] == len(found)
            return found
        for line in page:
            ((what, members),) = line.items()
            found.append({"what": what, **members})
    raise AssertionError("the pages do not end")


def names(rows: list[dict[str, Any]]) -> list[str]:
    """The number that each row is known by."""
    return [row.get("out_refund_no") or row["out_trade_no"] for row in rows]


def summed(till: Till, asked: dict[str, Any]) -> dict[str, Any]:
    answer = till.call("query_order_list_overview", asked)
    assert answer["status"] == 0, answer
    return dict(answer["query_order_list_overview"])


def note_call(product: Product, shop: Shop, kind: str, number: str, **columns: Any) -> None:
    """As if a till had made that payment or refund by the API."""
    values = {"trade_type": None, "device_id": "", "staff_id": "", "asked": {}} | columns
    product.do(
        "INSERT INTO cpay_call (provider_id, merchant_id, kind, number, method, same, trade_type,"
        " device_id, staff_id, asked, lease_until, created_at) VALUES (:p, :m, :kind, :number,"
        " 'test', 'same', :trade_type, :device_id, :staff_id, CAST(:asked AS jsonb), now(), now())",
        **{**values, "asked": json.dumps(values["asked"])},
        p=shop.provider_id, m=shop.merchant_id, kind=kind, number=number,
    )  # fmt: skip


def own_shops(product: Product, till: Till) -> list[Shop]:
    """The shops of the till's merchant that have a printed code."""
    merchant = product.one(
        "SELECT id FROM merchant WHERE out_sub_mch_id = :n", n=till.out_sub_mch_id
    ).id
    return [shop for shop in shops(product.deps) if shop.merchant_id == merchant]


@dataclass
class History:
    """What a random merchant did within some days from `since`."""

    product: Product
    shops: list[Shop]
    since: datetime
    dice: random.Random
    orders: list[Paid] = field(default_factory=list)

    def step(self, days: int) -> None:
        """Somebody orders, pays, gives back, or the worker adds up."""
        at = self.since + timedelta(seconds=self.dice.randrange(days * 86400))
        deps = self.product.deps
        match self.dice.choice(["pay", "pay", "pay", "leave", "back", "ask", "fold"]):
            case "pay":
                order = self.order(at)
                pay(deps, order, at + timedelta(seconds=self.dice.randrange(7200)))
                self.orders.append(order)
            case "leave":
                order = self.order(at)
                self.product.do(
                    "UPDATE pay_attempt SET status = 'closed', due_at = NULL WHERE id = :i",
                    i=order.attempt_id,
                )
            case "fold":
                totals.fold(deps, self.dice.randrange(1, 5))
            case what:
                self.back(at, is_done=what == "back")

    def order(self, at: datetime) -> Paid:
        shop, fen = self.dice.choice(self.shops), self.dice.randrange(100, 9999)
        shop = replace(shop, staff_id=None)
        return make(self.product.deps, shop, at, fen, self.dice.choice(WALLETS))

    def back(self, at: datetime, *, is_done: bool) -> None:
        if not self.orders:
            return
        order = self.dice.choice(self.orders)
        left = self.product.one(
            "SELECT amount_fen - held_fen AS fen FROM pay_attempt WHERE id = :i", i=order.attempt_id
        ).fen
        if left:
            fen = self.dice.randrange(1, left + 1)
            refund = ask_back(self.product.deps, order, fen, at)
            if is_done:
                later = at + timedelta(seconds=self.dice.randrange(90000))
                give_back(self.product.deps, order, refund, later)
