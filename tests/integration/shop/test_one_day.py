"""One day, told five times: home, statistics, the shift's slip, the file and the wallets' bills."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from dataclasses import dataclass
from typing import Any

import pytest

from services import totals
from services.bills.days import ends, starts
from services.people import duty
from services.people.acting import Acting, Role
from services.totals import china_day
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator
from tests.integration.bills.helping import Days, MakePhone
from tests.integration.looking import orders
from tests.integration.mailbox import Mailbox
from tests.integration.refunds.helping import refund
from tests.integration.shop.helping import DONGPO, HUBIN, Till, says

STAFF_CODE = "8K3FQ3"


@dataclass(frozen=True)
class Told:
    """What one teller says of a day: count and fen of payments and of refunds."""

    paid: tuple[int, int]
    back: tuple[int, int]


@dataclass
class World:
    product: Product
    simulator: Simulator
    days: Days
    till: Till
    phone: MakePhone

    def sell(self, wallet: str, yuan: str, person: str, code: str = "8K3FQ2") -> Any:
        buyer = self.phone(wallet, person)
        buyer.confirm(buyer.start(code, amount=yuan))
        number = orders(self.product)[-1].out_trade_no
        self.product.wait_paid(number)
        return orders(self.product)[-1]

    def give_back(self, order: Any, fen: int) -> None:
        refund(self.product, order, fen)
        self.simulator.advance(65)
        self.product.sweep()


@pytest.fixture
def world(product: Product, simulator: Simulator, phone: MakePhone) -> World:
    """Two days on: the demo's own history is older."""
    days = Days.begin(product, simulator)
    days.on += dt.timedelta(days=1)
    days.go_to(starts(days.on) + dt.timedelta(hours=12))
    return World(product, simulator, days, Till(product), phone)


def fen(said: str) -> int:
    return round(float(re.sub(r"[^0-9.]", "", said)) * 100)


def sums(page: str) -> Told:
    """Of the head of home or statistics."""
    page = says(page).replace("¥ ", "¥")
    money, count = re.search(r"(¥[0-9,.]+) (\d+) 笔", page).groups()  # type: ignore[union-attr]
    back = re.search(r"退款 (\d+) 笔 (¥[0-9,.]+)", page.split("净收")[0])
    return Told((int(count), fen(money)), (int(back[1]), fen(back[2])) if back else (0, 0))


def table(page: str) -> tuple[Told, Told]:
    """The sum of the table's rows, and its foot."""
    body, foot = (
        re.search(rf"<{part}>(.*?)</{part}>", page, re.S)[1]  # type: ignore[index]
        for part in ("tbody", "tfoot")
    )
    rows = [_row(row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)]
    whole = Told(
        (sum(r.paid[0] for r in rows), sum(r.paid[1] for r in rows)),
        (sum(r.back[0] for r in rows), sum(r.back[1] for r in rows)),
    )
    return whole, _row(foot)


def _row(row: str) -> Told:
    head, cell = row.split("</th>")
    count = re.search(r"(\d+) 笔", head)
    back = re.search(r"退款 (\d+) 笔 (¥[0-9,.]+)", head)
    assert count
    money = says(cell.split("<small>")[0])
    return Told((int(count[1]), fen(money)), (int(back[1]), fen(back[2])) if back else (0, 0))


def file(text: str) -> Told:
    """Added up from the day's file, line by line."""
    lines = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    paid = [fen(line["金额"]) for line in lines if line["类型"] == "收款"]
    back = [fen(line["金额"]) for line in lines if line["类型"] == "退款"]
    assert all(line["导出人"] and line["导出时间"] for line in lines)
    return Told((len(paid), sum(paid)), (len(back), sum(back)))


def bills(world: World, day: dt.date) -> Told:
    """What the two wallets' bills of that day come to, and agree with our books."""
    both = []
    for wallet in ("wechat", "alipay"):
        found = world.days.match(wallet, day)
        assert found.is_clean, world.days.told()
        both.append((found.trades, found.refunds, world.days.bill(wallet, day)))
    return Told(
        (sum(b[0] for b in both), sum(b[2].trade_fen or 0 for b in both)),
        (sum(b[1] for b in both), sum(b[2].refund_fen or 0 for b in both)),
    )


def begin_shift(world: World, shop: str) -> Acting:
    """Somebody of this store comes to work."""
    made = Till(world.product, "manager", shop=shop)
    row = world.product.one("SELECT * FROM staff WHERE id = :i", i=made.id)
    who = Acting(
        row.provider_id, row.merchant_id, row.store_id, row.id, None, row.public_id, row.name,
        Role.MANAGER,
    )  # fmt: skip
    duty.clock_in(world.product.deps, who, None)
    return who


def slips(world: World, people: list[Acting]) -> Told:
    """Everybody goes home; what their slips come to together."""
    deps = world.product.deps
    shifts = [duty.clock_out(deps, who) for who in people]
    world.simulator.advance(6)
    for claim in duty.claim_due(deps, 10):
        duty.make_slip(deps, claim)
    rows = [
        row
        for shift_id in shifts
        for row in world.product.one("SELECT slip FROM shift WHERE id = :i", i=shift_id).slip[
            "rows"
        ]
    ]
    return Told(
        (sum(r["paid_count"] for r in rows), sum(r["paid_fen"] for r in rows)),
        (sum(r["refund_count"] for r in rows), sum(r["refund_fen"] for r in rows)),
    )


def statistics(world: World, day: dt.date) -> set[Told]:
    """Every way of grouping, its rows and its foot; the month's chart that ends on the day, too."""
    told = set()
    for by in ("day", "store", "staff", "code"):
        page = world.till.get("/m/statistics", day=day.isoformat(), by=by)
        told |= {sums(page), *table(page)}
    return told


def test_five_tellers_say_the_same_of_a_day(world: World, simulator: Simulator, door: Door) -> None:
    """Refunds of yesterday's orders, midnight in China, paid at 23:59:59 and told at 00:00:05."""
    product, days, till = world.product, world.days, world.till
    first, second = days.on, days.on + dt.timedelta(days=1)
    clerk = Till(product, "clerk", name="周周")
    product.do("UPDATE pay_code SET staff_id = :i WHERE code = :c", i=clerk.id, c=STAFF_CODE)
    early = world.sell("wechat", "100", "lin")
    world.sell("alipay", "20.01", "zhou", "4M8RT6")
    assert sums(till.get("/m/")) == Told((2, 12_001), (0, 0))

    box = Mailbox.before(product, door)
    late = world.phone("wechat", "chen")
    days.go_to(ends(first) - dt.timedelta(minutes=1))
    bridge = late.start(STAFF_CODE, amount="38.50")
    days.go_to(ends(first) - dt.timedelta(seconds=1))
    late.confirm(bridge)
    notice = box.wait()
    days.go_to(starts(second))
    people = [begin_shift(world, shop) for shop in (HUBIN, DONGPO)]
    days.go_to(starts(second) + dt.timedelta(seconds=5))
    till.sign_in()
    assert sums(till.get("/m/")) == Told((0, 0), (0, 0)), "a new day, and nothing told yet"
    assert box.deliver(notice).status_code < 300
    door.app = product.app
    paid_at = orders(product)[-1].paid_at
    assert china_day(paid_at) == first
    assert china_day(product.deps.now()) == second

    world.sell("wechat", "60", "p01", STAFF_CODE)
    other = world.sell("alipay", "7.77", "p02")
    world.give_back(early, 3_000)  # yesterday's
    world.give_back(other, 777)  # today's, whole
    first_day = Told((3, 12_001 + 3_850), (0, 0))
    second_day = Told((2, 6_777), (2, 3_777))

    assert sums(till.get("/m/")) == second_day
    assert statistics(world, first) == {first_day}
    assert statistics(world, second) == {second_day}
    for day, brought in ((first, "38.50"), (second, "60.00")):
        page = till.get("/m/statistics", day=day.isoformat(), by="staff")
        (own,) = re.findall(r"<tr><th[^>]*>周周<small>.*?</tr>", page)
        assert brought in own, "the payee's own code, told late or not"
        page = till.get("/m/statistics", day=day.isoformat(), by="code")
        assert "没有收款码" not in page, "nothing is left over"
    while totals.fold(product.deps):
        pass
    assert sums(till.get("/m/")) == second_day, "added up, it is the same"
    assert statistics(world, second) == {second_day}
    for day, told in ((first, first_day), (second, second_day)):
        assert file(till.get("/m/orders.csv", day=day.isoformat())) == told
    week = sums(till.get("/m/statistics", day=second.isoformat(), span="week"))
    assert (week.paid[1] >= 22_628, week.back) == (True, (2, 3_777))

    assert slips(world, people) == second_day
    days.morning_after(second)
    assert bills(world, first) == first_day
    assert bills(world, second) == second_day
