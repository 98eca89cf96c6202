"""SHF-1 to SHF-4: a shift is one person's, its slip counts what was paid in it, and stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from services.people import duty
from services.refunds import sending
from services.refunds.asking import Ask, ask_for
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.people.desk import Desk, audits, staff
from tests.integration.refunds.helping import pay, refunds

MakeDesk = Callable[..., Desk]


def take(shop: Product, amount: str, wallet: str = "alipay", code: str = "8K3FQ2") -> Any:
    """A payment, each by another customer."""
    nth = shop.one("SELECT count(*) AS n FROM pay_attempt").n + 1
    phone = Phone(shop.url, shop.simulator, wallet, f"p{nth:02d}")
    phone.confirm(phone.start(code, amount))
    row = shop.sql("SELECT * FROM pay_order ORDER BY id")[-1]
    shop.wait_paid(row.out_trade_no)
    return shop.one("SELECT * FROM pay_order WHERE id = :i", i=row.id)


def make_slips(shop: Product) -> int:
    shop.do("UPDATE shift SET due_at = now() - interval '1 second' WHERE due_at IS NOT NULL")
    claims = duty.claim_due(shop.deps, 50)
    for claim in claims:
        duty.make_slip(shop.deps, claim)
    return len(claims)


def give_back(shop: Product, order: Any, fen: int) -> None:
    made = ask_for(shop.deps, Ask(order.provider_id, order.out_trade_no, fen, "x", "t", "t"))
    sending.send(shop.deps, order.provider_id, made)


def test_a_shift_begins_and_ends_and_its_slip_is_made_afterwards(
    shop: Product, desk: MakeDesk
) -> None:
    clerk = desk("chen")
    before = take(shop, "9.99")
    shop.do(
        "UPDATE pay_order SET paid_at = paid_at - interval '1 minute' WHERE id = :i", i=before.id
    )
    assert "你还没有上班" in clerk.get("/m/shift").text
    clerk.post("/m/shift/begin")
    assert "湖滨店 · 整个门店" in clerk.said
    assert "上班中" in clerk.get("/m/me").text
    first = take(shop, "12.00")
    take(shop, "30.50", "wechat")
    take(shop, "7.00", code="4M8RT6")  # another store's
    give_back(shop, before, 99)  # of a payment before the shift, but given back in it
    give_back(shop, first, 200)
    assert "¥40" not in clerk.get("/m/shift").text
    for part in ("42.50", "2.99", "39.51"):
        assert part in clerk.said, clerk.said
    assert clerk.post("/m/shift/end").status_code == 200
    assert "生成中" in clerk.said
    own = clerk.answer.url
    assert clerk.post("/m/shift/end").status_code == 409
    assert make_slips(shop) == 1
    clerk.get(own.removeprefix(shop.url))
    for part in ("42.50", "2.99", "39.51", "已交班", "微信支付", "支付宝"):
        assert part in clerk.said, clerk.said
    assert make_slips(shop) == 0
    assert [a.action for a in audits(shop, "shift_ended")] == ["shift_ended"]


def test_a_payment_told_after_the_slip_is_shown_beside_it(shop: Product, desk: MakeDesk) -> None:
    clerk = desk("chen")
    clerk.post("/m/shift/begin")
    order = take(shop, "12.00")
    clerk.post("/m/shift/end")
    address = clerk.answer.url.removeprefix(shop.url)
    make_slips(shop)
    shift = shop.one("SELECT * FROM shift")
    shop.do(
        "UPDATE pay_order SET paid_at = :t WHERE id = :i",
        i=order.id, t=shift.ended_at + timedelta(hours=1),
    )  # fmt: skip
    shop.do("UPDATE shift SET slip = NULL, state = 'summing', due_at = now()")
    make_slips(shop)
    assert "¥12.00" not in clerk.get(address).text
    shop.do(
        "UPDATE pay_order SET paid_at = :t WHERE id = :i",
        i=order.id, t=shift.ended_at - timedelta(microseconds=1),
    )  # fmt: skip
    clerk.get(address)
    assert "交班后才确认的" in clerk.said
    assert "支付宝 · 1 笔 ¥ 12.00" in clerk.said or "12.00" in clerk.said
    kept = shop.one("SELECT slip FROM shift").slip
    assert kept == {"rows": []}, "the slip itself stays as it was handed over"


def test_the_last_instant_belongs_to_the_next_shift(shop: Product, desk: MakeDesk) -> None:
    """[from, until): one payment is never on two slips, and never on none."""
    order = take(shop, "12.00")
    first, second = desk("chen"), desk("p21")
    for one in (first, second):
        one.post("/m/shift/begin")
        one.post("/m/shift/end")
    rows = shop.sql("SELECT * FROM shift ORDER BY id")
    border = order.paid_at
    for row, (since, until) in zip(
        rows,
        [(border - timedelta(seconds=1), border), (border, border + timedelta(seconds=1))],
        strict=True,
    ):
        shop.do(
            "UPDATE shift SET started_at = :a, ended_at = :b WHERE id = :i",
            a=since, b=until, i=row.id,
        )  # fmt: skip
    make_slips(shop)
    slips = [row.slip["rows"] for row in shop.sql("SELECT slip FROM shift ORDER BY id")]
    assert slips[0] == []
    assert [(r["channel"], r["paid_fen"]) for r in slips[1]] == [("alipay", 1200)]


def test_one_window_is_one_code_and_one_person(shop: Product, desk: MakeDesk) -> None:
    """COD-5: a shift at a code counts that code; nobody else clocks in on it meanwhile."""
    first, second = desk("chen"), desk("p21")
    assert first.post("/m/shift/begin", code="8K3FQ3").status_code == 200
    assert "湖滨店 · 前台" in first.said
    assert first.post("/m/shift/begin").status_code == 409
    assert second.post("/m/shift/begin", code="8K3FQ3").status_code == 409
    assert "这个收款码已有人在上班" in second.said
    assert second.post("/m/shift/begin", code="4M8RT6").status_code == 404, "another store's"
    assert second.post("/m/shift/begin", code="8K3FQ2").status_code == 200
    take(shop, "5.00", code="8K3FQ3")
    take(shop, "3.00", code="8K3FQ2")
    for one, own in ((first, "5.00"), (second, "3.00")):
        one.post("/m/shift/end")
        make_slips(shop)
        one.get(one.answer.url.removeprefix(shop.url))
        assert own in one.said
    assert first.post("/m/shift/begin", code="8K3FQ2").status_code == 200, "free again"


def test_who_sees_which_slip(shop: Product, desk: MakeDesk) -> None:
    clerk = desk("chen")
    clerk.post("/m/shift/begin")
    clerk.post("/m/shift/end")
    path = clerk.answer.url.removeprefix(shop.url)
    owner, foreign, manager, colleague = (desk(who) for who in ("p20", "p19", "zhou", "p21"))
    elsewhere = desk("p22")
    for one, status in (
        (clerk, 200), (owner, 200), (manager, 200), (colleague, 404), (elsewhere, 404),
        (foreign, 404),
    ):  # fmt: skip
        assert one.get(path).status_code == status
        assert ("陈一禾" in one.said) is (status == 200)
    assert manager.get("/m/shift/x").status_code == 404


def test_a_clerk_who_clocked_out_meanwhile_is_told_why_he_cannot_refund(
    shop: Product, desk: MakeDesk
) -> None:
    row = staff(shop, "陈一禾")
    shop.do("UPDATE pay_code SET kind = 'staff', staff_id = :i WHERE code = '8K3FQ2'", i=row.id)
    order = pay(shop, lambda wallet, who: Phone(shop.url, shop.simulator, wallet, who), "alipay")
    clerk = desk("chen")
    clerk.post("/m/shift/begin")
    path = f"/m/orders/{order.out_trade_no}/refund"
    assert clerk.get(path).status_code == 200, clerk.said
    token = clerk.token(path)
    clerk.post("/m/shift/end")
    fields = {"amount": "1.00", "reason": "其他", "key": "k1", "sure": "1"}
    assert clerk.post(path, token=token, **fields).status_code == 403
    assert "还没有上班" in clerk.said
    assert refunds(shop) == []
    assert [a.actor for a in audits(shop, "refund_denied")] == [f"staff:{row.id}"]
    clerk.post("/m/shift/begin")
    assert clerk.post(path, token=token, **fields).status_code == 200
    assert [r.asked_by for r in refunds(shop)] == [f"staff:{row.id}"]
