"""ROL-1 to ROL-6: who may give, take and end what; and what ending somebody ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from services.people import contact
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.people.desk import Desk, audits, staff
from tests.integration.refunds.helping import pay, refunds

MakeDesk = Callable[..., Desk]


@pytest.fixture
def owner(desk: MakeDesk) -> Desk:
    made = desk("lin")
    made.act_as("商户管理员")
    return made


def fields(row: Any, **more: str) -> dict[str, str]:
    """What the form of this person sends when nothing is changed."""
    kept = {"name": row.name, "store": str(row.store_id or ""), "number": row.number or ""}
    ticked = {
        "can_refund": row.can_refund,
        "can_manage_admins": row.can_manage_admins,
        "wants_notices": row.wants_notices,
        "manager": row.role == "manager",
    }
    kept |= {name: "1" for name, on in ticked.items() if on}
    return {name: value for name, value in (kept | more).items() if value != "-"}


def save(one: Desk, row: Any, **more: str) -> int:
    return one.post(f"/m/staff/{row.public_id}/edit", **fields(row, **more)).status_code


def remove(one: Desk, row: Any) -> int:
    return one.post(f"/m/staff/{row.public_id}/remove", sure="1").status_code


def test_somebody_is_added_with_a_code_and_changed(shop: Product, owner: Desk) -> None:
    store = staff(shop, "陈一禾").store_id
    answer = owner.post(
        "/m/staff/new", name="新来的", store=str(store), phone="138 0013 8000", wants_notices="1",
        remark="周末",
    )  # fmt: skip
    assert answer.status_code == 200
    assert "激活码 · 新来的" in owner.said
    assert "138****8000" in owner.said
    row = staff(shop, "新来的")
    assert (row.role, row.store_id, row.number, row.can_refund) == ("clerk", store, "008", False)
    assert "13800138000" not in str(row)
    owner.get(f"/m/staff/{row.public_id}?phone=1")
    assert "13800138000" not in owner.said  # by a press alone
    owner.post(f"/m/staff/{row.public_id}/phone")
    assert "+8613800138000" in owner.said
    assert [a.subject for a in audits(shop, "personal_looked_at")] == [f"staff:{row.id}"]
    assert save(owner, row, manager="1", can_refund="1") == 200
    row = staff(shop, "新来的")
    assert (row.role, row.can_refund) == ("manager", True)
    assert [(a.subject, a.facts) for a in audits(shop, "right_granted")] == [
        (f"staff:{row.id}", {"right": "can_refund"})
    ]
    assert save(owner, row, can_refund="-", drop_phone="1") == 200
    row = staff(shop, "新来的")
    assert (row.can_refund, row.phone_sealed) == (False, None)
    assert len(audits(shop, "right_revoked")) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "姓名要 1 到 32 个字"),
        ({"name": "x" * 33}, "姓名要 1 到 32 个字"),
        ({"name": "=1+1"}, "姓名要 1 到 32 个字"),
        ({"store": ""}, "选一家门店"),
        ({"store": "x"}, "选一家门店"),
        ({"number": "003"}, "这个店员编号已有人用"),
        ({"phone": "12345"}, "手机号不对"),
        ({"remark": "x" * 81}, "备注要 0 到 80 个字"),
    ],
)
def test_a_form_filled_in_wrong_says_what_and_keeps_what_was_typed(
    shop: Product, owner: Desk, wrong: dict[str, str], said: str
) -> None:
    good = {"name": "新来的", "store": str(staff(shop, "陈一禾").store_id), "remark": "记号"}
    count = shop.one("SELECT count(*) AS n FROM staff").n
    assert owner.post("/m/staff/new", **(good | wrong)).status_code in (400, 409)
    assert said in owner.said
    assert "记号" in owner.answer.text or "remark" in wrong
    assert shop.one("SELECT count(*) AS n FROM staff").n == count


def test_nobody_gives_or_takes_what_he_has_not(shop: Product, desk: MakeDesk) -> None:
    """ROL-1, ROL-4: 何知秋 manages admins and cannot refund."""
    weak = desk("p20")
    chen, other = staff(shop, "陈一禾"), staff(shop, "顾星遥")
    assert save(weak, chen, can_refund="-") == 403
    assert save(weak, other, can_refund="1") == 403
    assert "你没有这项权限" in weak.said
    assert save(weak, chen, remark="勤快") == 200, "a form that leaves the right alone"
    assert save(weak, staff(shop, "林小满"), can_refund="-") == 403
    assert staff(shop, "陈一禾").can_refund
    shop.do("UPDATE staff SET can_manage_admins = false WHERE id = :i", i=staff(shop, "何知秋").id)
    assert save(weak, staff(shop, "林小满"), remark="x") == 403
    assert remove(weak, staff(shop, "林小满")) == 403
    assert weak.post("/m/staff/new", admin="1", name="又一位").status_code == 403
    assert audits(shop, "right_revoked") == audits(shop, "right_granted") == []


def test_nobody_removes_himself_nor_the_last_who_can(
    shop: Product, desk: MakeDesk, owner: Desk
) -> None:
    """ROL-2, ROL-3."""
    lin, weak = staff(shop, "林小满"), staff(shop, "何知秋")
    assert remove(owner, lin) == 409
    assert "不能停用自己" in owner.said
    assert save(owner, lin, can_refund="-") == 409
    assert "最后一位能退款的管理员" in owner.said
    second = desk("p20")
    assert remove(second, lin) == 409, "the last who can refund"
    assert save(owner, weak, can_refund="1") == 200
    assert remove(owner, weak) == 200
    assert save(owner, staff(shop, "林小满"), can_manage_admins="-") == 409
    assert "最后一位管理员" in owner.said
    assert staff(shop, "林小满").is_active


def test_one_who_never_came_in_is_no_admin_to_leave_the_shop_to(
    shop: Product, owner: Desk, desk: MakeDesk
) -> None:
    answer = owner.post("/m/staff/new", admin="1", name="没来过", can_refund="1")
    assert answer.status_code == 200
    row = staff(shop, "没来过")
    assert (row.role, row.store_id, row.can_refund) == ("owner", None, True)
    assert remove(desk("p20"), staff(shop, "林小满")) == 409


def test_two_admins_who_remove_each_other_at_once_leave_one(
    shop: Product, desk: MakeDesk, owner: Desk
) -> None:
    assert save(owner, staff(shop, "何知秋"), can_refund="1") == 200
    second = desk("p20")
    lin, weak = staff(shop, "林小满"), staff(shop, "何知秋")
    tokens = owner.token(), second.token()
    ready = threading.Barrier(2)

    def press(one: Desk, token: str, other: Any) -> None:
        ready.wait()
        one.post(f"/m/staff/{other.public_id}/remove", token=token, sure="1")

    pair = [(owner, tokens[0], weak), (second, tokens[1], lin)]
    threads = [threading.Thread(target=press, args=each) for each in pair]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    left = [staff(shop, name).is_active for name in ("林小满", "何知秋")]
    assert sorted(left) == [False, True]


def test_a_manager_manages_his_own_store_alone(shop: Product, desk: MakeDesk) -> None:
    manager = desk("zhou")
    page = manager.get("/m/staff").text
    for seen, name in ((True, "陈一禾"), (False, "许照临"), (False, "林小满"), (False, "何知秋")):
        assert (f">{name}<" in page) is seen, name
    elsewhere, above = staff(shop, "许照临"), staff(shop, "林小满")
    for row in (elsewhere, above, staff(shop, "江南风", "南窗面馆")):
        assert manager.get(f"/m/staff/{row.public_id}").status_code == 404
        assert save(manager, row) == 404
        assert remove(manager, row) == 404
        assert manager.post(f"/m/staff/{row.public_id}/code").status_code == 404
        password = manager.post(f"/m/staff/{row.public_id}/password", password="secret1")
        assert password.status_code == 404
    chen = staff(shop, "陈一禾")
    assert save(manager, chen, store=str(elsewhere.store_id)) == 400, "off to another store"
    assert manager.post("/m/staff/new", admin="1", name="x").status_code == 403
    assert save(manager, chen, manager="1") == 200, "he may make a manager"
    assert staff(shop, "陈一禾").role == "manager"


def test_a_dismissed_clerk_s_open_refund_form_does_nothing_and_is_remembered(
    shop: Product, desk: MakeDesk, owner: Desk
) -> None:
    """The refund form is open, the clerk is dismissed, he submits: refused, audited."""
    order = pay(shop, lambda wallet, who: Phone(shop.url, shop.simulator, wallet, who), "alipay")
    clerk = desk("chen")
    assert clerk.post("/m/shift/begin").status_code == 200
    path = f"/m/orders/{order.out_trade_no}/refund"
    opened = clerk.get(path)
    assert opened.status_code == 200, clerk.said
    token = clerk.token(path)
    row = staff(shop, "陈一禾")
    assert remove(owner, row) == 200
    sent = clerk.post(path, token=token, amount="1.00", reason="其他", key="k1", sure="1")
    assert sent.status_code == 403
    assert "店员身份已停用" in clerk.said
    assert refunds(shop) == []
    (entry,) = audits(shop, "page_denied")
    assert (entry.actor, entry.facts) == (
        f"staff:{row.id}", {"page": "refund", "is_stopped": True},
    )  # fmt: skip
    assert clerk.get("/m/orders").status_code == 403
    assert clerk.get("/m/choose").status_code == 200
    shift = shop.one("SELECT * FROM shift")
    assert (shift.state, shift.ended_by) == ("summing", f"staff:{staff(shop, '林小满').id}")


def test_a_right_that_is_taken_is_gone_with_the_next_press(
    shop: Product, desk: MakeDesk, owner: Desk
) -> None:
    order = pay(shop, lambda wallet, who: Phone(shop.url, shop.simulator, wallet, who), "alipay")
    manager = desk("zhou")
    path = f"/m/orders/{order.out_trade_no}/refund"
    token = manager.token(path)
    assert token
    assert save(owner, staff(shop, "周予安"), can_refund="-") == 200
    sent = manager.post(path, token=token, amount="1.00", reason="其他", key="k1", sure="1")
    assert sent.status_code == 403
    assert refunds(shop) == []
    assert [a.actor for a in audits(shop, "refund_denied")] == [f"staff:{staff(shop, '周予安').id}"]


def test_a_role_that_changes_changes_what_an_open_page_can_do(
    shop: Product, desk: MakeDesk, owner: Desk
) -> None:
    manager, chen = desk("zhou"), staff(shop, "陈一禾")
    token = manager.token(f"/m/staff/{chen.public_id}")
    assert save(owner, staff(shop, "周予安"), manager="-") == 200
    sent = manager.post(f"/m/staff/{chen.public_id}/remove", token=token, sure="1")
    assert sent.status_code == 403
    assert staff(shop, "陈一禾").is_active
    assert [a.facts["page"] for a in audits(shop, "page_denied")] == ["staff_remove"]


def test_ending_somebody_ends_his_codes_and_keeps_his_past(shop: Product, owner: Desk) -> None:
    """ROL-5: the paper is blank again, for this merchant."""
    row = staff(shop, "陈一禾")
    shop.do("UPDATE pay_code SET kind = 'staff', staff_id = :i WHERE code = '8K3FQ3'", i=row.id)
    assert remove(owner, row) == 200
    code = shop.one("SELECT * FROM pay_code WHERE code = '8K3FQ3'")
    assert (code.kind, code.store_id, code.staff_id) == ("blank", None, None)
    assert code.merchant_id == row.merchant_id
    gone = staff(shop, "陈一禾")
    assert (gone.is_active, gone.person_id) == (False, row.person_id)
    assert gone.removed_at is not None
    assert remove(owner, row) == 404, "once"
    assert len(audits(shop, "staff_removed")) == 1


def test_a_form_without_its_token_changes_nothing(shop: Product, owner: Desk) -> None:
    row = staff(shop, "陈一禾")
    for token in ("", "x", "0" * 32):
        answer = owner.post(f"/m/staff/{row.public_id}/remove", token=token, sure="1")
        assert answer.status_code == 400
    assert staff(shop, "陈一禾").is_active


def test_a_password_is_kept_as_a_hash_and_must_be_long(
    shop: Product, desk: MakeDesk, owner: Desk
) -> None:
    clerk, row = desk("chen"), staff(shop, "陈一禾")
    assert clerk.post("/m/me/password", password="12345").status_code == 400
    assert clerk.post("/m/me/password", password="Kassa-42").status_code == 200
    kept = staff(shop, "陈一禾").password_hash
    assert "Kassa-42" not in kept
    assert contact.is_password("Kassa-42", kept)
    assert not contact.is_password("Kassa-43", kept)
    assert not contact.is_password("Kassa-42", None)
    assert owner.post(f"/m/staff/{row.public_id}/password", password="Other-77").status_code == 200
    assert contact.is_password("Other-77", staff(shop, "陈一禾").password_hash)
    assert len(audits(shop, "staff_password_set")) == 2
