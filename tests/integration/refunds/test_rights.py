"""failures.md 33: who may refund what; whoever may not gets nothing, and it is remembered."""

from __future__ import annotations

from typing import Any

import pytest

from errors import NotFound
from services.people.acting import Acting, Role
from services.refunds import asking, sending
from services.refunds.refusals import RefundAmount, RefundNoRight, RefundOffDuty
from services.refunds.rights import StaffAsk, ask_as, ask_as_staff
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import calls
from tests.integration.refunds.helping import SENT, MakePhone, pay, refunds, room, the_order

# name: role, whose merchant, which store, still there
PEOPLE = {
    "owner": ("owner", "own", None, True),
    "manager": ("manager", "own", "own", True),
    "clerk": ("clerk", "own", "own", True),
    "manager of no store": ("manager", "own", None, True),
    "clerk of no store": ("clerk", "own", None, True),
    "other store's manager": ("manager", "own", "other", True),
    "other store's clerk": ("clerk", "own", "other", True),
    "other merchant's owner": ("owner", "foreign", None, True),
    "other merchant's manager": ("manager", "foreign", "foreign", True),
    "other merchant's clerk": ("clerk", "foreign", "foreign", True),
    "owner without the right": ("owner", "own", None, True),
    "manager without the right": ("manager", "own", "own", True),
    "clerk with the right": ("clerk", "own", "own", True),
    "clerk with the right, at work": ("clerk", "own", "own", True),
    "clerk at work": ("clerk", "own", "own", True),
    "other store's clerk with the right, at work": ("clerk", "own", "other", True),
    "dismissed clerk with the right, at work": ("clerk", "own", "own", False),
    "dismissed owner": ("owner", "own", None, False),
    "dismissed manager": ("manager", "own", "own", False),
    "dismissed clerk": ("clerk", "own", "own", False),
}
MAY_ASK = {
    "owner", "manager", "clerk", "owner without the right", "manager without the right",
    "clerk with the right", "clerk with the right, at work", "clerk at work",
}  # fmt: skip
HAVE_THE_RIGHT = {"owner", "manager", "clerk with the right, at work"}
CAN_REFUND = {name for name in PEOPLE if "with the right" in name}
ON_DUTY = {name for name in PEOPLE if "at work" in name}


@pytest.fixture
def order(product: Product, phone: MakePhone) -> Any:
    return pay(product, phone, "alipay")


@pytest.fixture
def people(product: Product, order: Any) -> dict[str, int]:
    """Everybody of PEOPLE, by name; the row's id. The public id is `person<id>`."""
    places = _places(product, order)
    made = {}
    for name, (role, whose, where, active) in PEOPLE.items():
        merchant, stores = places[whose if whose == "foreign" else "own"]
        made[name] = product.one(
            "INSERT INTO staff (provider_id, merchant_id, store_id, public_id, name, role,"
            " is_active, can_refund, created_at)"
            " VALUES (:p, :m, :s, 'new', :n, :r, :a, :c, now()) RETURNING id",
            p=order.provider_id, m=merchant, s=stores.get(where), n=name[:32], r=role, a=active,
            c=name in CAN_REFUND or ("clerk" not in name and "without" not in name),
        ).id  # fmt: skip
        if name in ON_DUTY:
            clock_in(product, order.provider_id, merchant, stores, made[name])
    product.do("UPDATE staff SET public_id = 'person' || id WHERE public_id = 'new'")
    return made


def clock_in(
    product: Product, provider_id: int, merchant: int, stores: dict[str | None, int], staff: int
) -> None:
    product.do(
        "INSERT INTO shift (provider_id, merchant_id, store_id, staff_id, state, started_at)"
        " VALUES (:p, :m, :s, :w, 'on', now())",
        p=provider_id, m=merchant, s=next(iter(stores.values())), w=staff,
    )  # fmt: skip


def _places(product: Product, order: Any) -> dict[str, tuple[int, dict[str | None, int]]]:
    wanted = "SELECT id, merchant_id FROM store WHERE provider_id = :p ORDER BY id"
    rows = product.sql(wanted, p=order.provider_id)
    other = next(
        r.id for r in rows if r.merchant_id == order.merchant_id and r.id != order.store_id
    )
    foreign = next(r for r in rows if r.merchant_id != order.merchant_id)
    return {
        "own": (order.merchant_id, {"own": order.store_id, "other": other}),
        "foreign": (foreign.merchant_id, {"foreign": foreign.id}),
    }


def denials(product: Product) -> list[Any]:
    return product.sql("SELECT * FROM audit_entry WHERE action = 'refund_denied' ORDER BY id")


def try_it(product: Product, order: Any, staff: int, allowed: str | None) -> int | None:
    """The refund's id, None if there is no right to it."""
    wanted = StaffAsk(order.out_trade_no, 100, "少一份")
    try:
        return ask_as_staff(product.deps, order.provider_id, f"person{staff}", wanted, allowed)
    except RefundNoRight:
        return None


def test_the_refusal_is_a_403_with_a_way_out() -> None:
    refused = RefundNoRight()
    assert (refused.status, refused.code) == (403, "REFUND_NO_RIGHT")
    assert (refused.title, *refused.steps) == ("没有退款权限", "请有权限者授权。")


@pytest.mark.parametrize("name", PEOPLE)
def test_a_refund_is_taken_from_whoever_has_the_right_and_from_nobody_else(
    product: Product, simulator: Simulator, order: Any, people: dict[str, int], name: str
) -> None:
    """Every role, store and merchant, alone and with everybody's permission; no half refund."""
    for allowed in (None, *PEOPLE, "nobody known"):
        kept, told, held = len(refunds(product)), len(denials(product)), room(product, order)
        public = None if allowed is None else f"person{people.get(allowed, 0)}"
        made = try_it(product, order, people[name], public)
        if name in MAY_ASK and (allowed or name) in HAVE_THE_RIGHT:
            row = refunds(product)[-1]
            allower = people[allowed or name]
            assert (made, len(refunds(product)), len(denials(product))) == (row.id, kept + 1, told)
            assert (row.asked_by, row.allowed_by) == (f"staff:{people[name]}", f"staff:{allower}")
            assert room(product, order) == (held[0] + 100, 0)
            continue
        assert made is None, f"{name} was allowed by {allowed}"
        assert (len(refunds(product)), room(product, order)) == (kept, held)
        (entry,) = denials(product)[told:]
        assert (entry.actor, entry.subject) == (
            f"staff:{people[name]}", f"order:{order.out_trade_no}",
        )  # fmt: skip
        named = "nobody" if allowed is None else "unknown"
        if allowed in people:
            named = f"staff:{people[allowed]}"
        assert entry.facts == {"amount_fen": 100, "allowed_by": named, "reason": "少一份"}
    assert calls(simulator, SENT["alipay"]) == 0


def test_a_clerk_who_has_the_right_is_told_to_clock_in_first(
    product: Product, order: Any, people: dict[str, int]
) -> None:
    off_duty = people["clerk with the right"]
    wanted = StaffAsk(order.out_trade_no, 100, "x")
    with pytest.raises(RefundOffDuty):
        ask_as_staff(product.deps, order.provider_id, f"person{off_duty}", wanted)
    stores: dict[str | None, int] = {None: order.store_id}
    clock_in(product, order.provider_id, order.merchant_id, stores, off_duty)
    assert try_it(product, order, off_duty, None) is not None
    product.do(
        "UPDATE shift SET ended_at = now(), state = 'summing', due_at = now() WHERE staff_id = :i",
        i=off_duty,
    )
    assert try_it(product, order, off_duty, None) is None


@pytest.mark.parametrize("sub", [None, 5, 6])
def test_the_provider_s_people_refund_where_they_have_merchants_and_the_right(
    product: Product, order: Any, sub: int | None
) -> None:
    product.do(
        "INSERT INTO sub_provider (provider_id, id, name, created_at) VALUES (:p, 5, 'x', now())",
        p=order.provider_id,
    )
    product.do("UPDATE merchant SET sub_provider_id = 5 WHERE id = :m", m=order.merchant_id)
    for can_refund in (True, False):
        row = product.one(
            "INSERT INTO provider_admin (provider_id, sub_provider_id, public_id, name, can_refund,"
            " can_manage_admins, is_active, created_at)"
            " VALUES (:p, :s, :u, 'x', :c, false, true, now()) RETURNING id",
            p=order.provider_id, s=sub, u=f"adm{can_refund}", c=can_refund,
        )  # fmt: skip
        role = Role.PROVIDER if sub is None else Role.SUB_PROVIDER
        who = Acting(order.provider_id, order.merchant_id, None, row.id, None, "x", "x", role)
        wanted = StaffAsk(order.out_trade_no, 100, "x")
        if can_refund and sub in (None, 5):
            ask_as(product.deps, who, wanted)
            assert refunds(product)[-1].asked_by == f"admin:{row.id}"
            continue
        with pytest.raises(RefundNoRight):
            ask_as(product.deps, who, wanted)


def test_another_providers_order_or_person_is_unknown_and_nothing_is_written(
    product: Product, order: Any, people: dict[str, int]
) -> None:
    stranger = product.one(
        "SELECT provider_id, public_id FROM staff WHERE provider_id <> :p", p=order.provider_id
    )
    wanted = StaffAsk(order.out_trade_no, 100, "x")
    unknown = StaffAsk(order.out_trade_no + "0", 100, "x")
    owner = f"person{people['owner']}"
    for provider, person, what in (
        (stranger.provider_id, stranger.public_id, wanted),
        (order.provider_id, stranger.public_id, wanted),
        (order.provider_id, "nosuch", wanted),
        (order.provider_id, owner, unknown),
    ):
        with pytest.raises(NotFound) as refused:
            ask_as_staff(product.deps, provider, person, what)
        assert type(refused.value) is NotFound
    clerk = f"person{people['clerk']}"
    with pytest.raises(RefundNoRight):
        ask_as_staff(product.deps, order.provider_id, clerk, wanted, stranger.public_id)
    assert refunds(product) == []
    assert [entry.facts["allowed_by"] for entry in denials(product)] == ["unknown"]


def test_a_right_is_no_leave_to_give_back_too_much_or_twice(
    product: Product, order: Any, people: dict[str, int]
) -> None:
    owner = f"person{people['owner']}"
    wanted = StaffAsk(order.out_trade_no, 10001, "x")
    with pytest.raises(RefundAmount):
        ask_as_staff(product.deps, order.provider_id, owner, wanted)
    wanted = StaffAsk(order.out_trade_no, 6000, "x", out_refund_no="sz01_desk_7")
    first = ask_as_staff(product.deps, order.provider_id, owner, wanted)
    assert ask_as_staff(product.deps, order.provider_id, owner, wanted) == first
    clerk = f"person{people['clerk']}"
    with pytest.raises(RefundNoRight):  # not told either that the number is there
        ask_as_staff(product.deps, order.provider_id, clerk, wanted)
    sending.send(product.deps, order.provider_id, first)
    assert the_order(product, order).refunded_fen == 6000
    assert room(product, order) == (6000, 6000)


def test_a_person_dismissed_while_the_order_is_held_has_no_right_any_more(
    product: Product, order: Any, people: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is read after the order's lock, not before."""
    from services.refunds import rights

    def locked(session: Any, ask: asking.Ask) -> Any:
        found = asking.locked_order(session, ask)
        product.do("UPDATE staff SET is_active = false WHERE id = :i", i=people["manager"])
        return found

    monkeypatch.setattr(rights, "locked_order", locked)
    assert try_it(product, order, people["manager"], None) is None
    assert len(denials(product)) == 1


def run(product: Product, *words: str) -> Any:
    return product.app.test_cli_runner().invoke(args=["refunds", "ask", *words])


def test_the_command_asks_as_a_person(product: Product, order: Any, people: dict[str, int]) -> None:
    clerk, manager = (f"person{people[who]}" for who in ("clerk", "manager"))
    words = (order.out_trade_no, "30", "--reason", "缺货")
    alone = run(product, *words, "--as", clerk)
    assert (alone.exit_code, alone.output) == (1, "Error: 没有退款权限，请有权限者授权\n")
    assert refunds(product) == []
    nobody = run(product, *words, "--allowed-by", manager)
    assert nobody.exit_code == 2
    assert "--allowed-by goes with --as" in nobody.output
    done = run(product, *words, "--as", clerk, "--allowed-by", manager)
    assert done.exit_code == 0, done.output
    assert f"{order.out_trade_no}R1  success  已退款  ¥30.00" in done.stdout
    story = product.app.test_cli_runner().invoke(args=["orders", "show", order.out_trade_no])
    assert f"staff {people['clerk']}: refund denied: no right to it" in story.stdout
    assert f"allowed by staff {people['manager']}" in story.stdout
    page = product.merchant_page(f"/m/orders/{order.out_trade_no}")
    assert "申请退款 ¥30.00，没有权限，未退" in page
