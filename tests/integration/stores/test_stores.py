"""Stores as the merchant's people change them: what payers see follows with the next scan."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.stores.helping import OTHER_SHOP, SHOP, audited, said, store, work

MakePhone = Callable[..., Phone]
TYPED = {
    "name": "青禾茶事", "branch_name": "湖滨二店", "province": "浙江省", "city": "杭州市",
    "district": "上城区", "address": "湖滨路 18 号", "phone": "0571-8888 0000",
    "longitude": "120.155070", "latitude": "30.274085", "opens_at": "", "closes_at": "",
    "page_mode": "default", "max_fen": "50.00", "goods_tag": "",
}  # fmt: skip
BAD = {
    "name": ["", "一" * 33, "坏\u0000字"],
    "address": ["路" * 129],
    "phone": ["<script>", "1" * 65],
    "opens_at": ["25:00", "9 点"],
    "closes_at": ["21:00"],  # without the other
    "page_mode": ["free"],
    "max_fen": ["0", "1.234", "-5", "1e3", "99999999999"],
    "latitude": ["91", "north", ""],
    "goods_tag": ["签" * 33],
}


def test_a_new_store_has_a_code_that_takes_money_and_a_manager_to_come(
    product: Product, phone: MakePhone
) -> None:
    owner = work(product, "owner")
    answer = owner.post("/m/stores/new", **TYPED)
    assert "门店已建好" in said(answer)
    made = product.one("SELECT * FROM store WHERE branch_name = '湖滨二店'")
    assert made.address == "湖滨路 18 号"
    code = product.one("SELECT * FROM pay_code WHERE store_id = :s", s=made.id)
    assert (code.kind, code.name) == ("store", "")
    boss = product.one("SELECT * FROM staff WHERE store_id = :s", s=made.id)
    assert (boss.name, boss.role, boss.person_id, boss.is_active) == ("店长", "manager", None, True)
    phone().pay(code.code, amount="8.80")
    order = product.one("SELECT * FROM pay_order WHERE store_id = :s", s=made.id)
    product.wait_paid(order.out_trade_no)
    assert "¥ 8.80 今日" in owner.words("/m/stores")
    # the store's old link leads to the same code
    assert "湖滨二店" in said(phone().scan(path=f"/cpay/qrcode_shop?id={made.out_shop_id}"))
    assert (f"staff:{owner.id}", "store_added") in audited(product, f"store:{made.out_shop_id}")


def test_what_is_changed_holds_from_the_next_scan(product: Product, phone: MakePhone) -> None:
    manager = work(product, "manager")
    answer = manager.post(f"/m/stores/{SHOP}/edit", **TYPED)
    assert "已保存" in said(answer)
    payer = phone()
    assert "湖滨二店" in said(payer.scan())
    assert "AMOUNT_OVER_LIMIT" in payer.press(payer.form(), "50.01").text
    assert "没有改动" in said(manager.post(f"/m/stores/{SHOP}/edit", **TYPED))
    entries = [entry for entry in audited(product, f"store:{SHOP}") if entry[1] == "store_changed"]
    assert entries == [(f"staff:{manager.id}", "store_changed")]


def test_what_cannot_stay_is_said_at_its_field_and_nothing_is_saved(product: Product) -> None:
    owner, before = work(product, "owner"), store(product)
    token = owner.token()
    for field, typed in [(field, typed) for field, all_ in BAD.items() for typed in all_]:
        answer = owner.post(f"/m/stores/{SHOP}/edit", token, **{**TYPED, field: typed})
        assert answer.status_code == 400, (field, typed)
        assert 'class="msg"' in answer.text, (field, typed)
        assert "还没有保存：1 处" in said(answer), (field, typed)
        assert "<script>" not in answer.text
    assert store(product) == before


def test_remarks_are_neither_asked_for_nor_taken_where_they_are_off(
    product: Product, phone: MakePhone
) -> None:
    manager, payer = work(product, "manager"), phone()
    assert 'name="remark"' in payer.scan().text
    manager.post(f"/m/stores/{SHOP}/switch", name="takes_remark", on="0")
    assert 'name="remark"' not in payer.scan().text
    payer.confirm(payer.press(payer.form(), "4.44", remark="硬塞的备注").json())
    order = product.one("SELECT out_trade_no, remark FROM pay_order WHERE amount_fen = 444")
    product.wait_paid(order.out_trade_no)
    assert order.remark == ""
    assert manager.post(f"/m/stores/{SHOP}/switch", name="is_active", on="0").status_code == 400


def test_a_resting_store_says_so_and_goes_on(product: Product, phone: MakePhone) -> None:
    manager, payer = work(product, "manager"), phone()
    form = payer.form()
    assert "已暂停收款" in said(manager.post(f"/m/stores/{SHOP}/pause"))
    answer = payer.scan()
    assert "STORE_CLOSED" in answer.text
    assert "门店休息中" in said(answer)
    assert "STORE_CLOSED" in payer.press(form, "3").text  # opened before
    assert product.one("SELECT count(*) AS n FROM pay_order WHERE amount_fen = 300").n == 0
    manager.post(f"/m/stores/{SHOP}/pause")  # a second press changes nothing
    assert "已恢复收款" in said(manager.post(f"/m/stores/{SHOP}/resume"))
    assert payer.scan().status_code == 200
    acts = [act for _, act in audited(product, f"store:{SHOP}")]
    assert acts == ["store_paused", "store_resumed"]


def test_a_store_that_the_provider_stopped_is_not_the_merchant_s_to_start(
    product: Product,
) -> None:
    product.do("UPDATE store SET is_active = false WHERE out_shop_id = :s", s=SHOP)
    owner = work(product, "owner")
    assert "由服务商停用" in owner.words(f"/m/stores/{SHOP}")
    for act in ("pause", "resume"):
        answer = owner.post(f"/m/stores/{SHOP}/{act}")
        assert answer.status_code == 409
        assert "由服务商停用" in said(answer)
    assert store(product).is_active is False


@pytest.mark.parametrize(("role", "allowed"), [("manager", True), ("clerk", False)])
def test_each_changes_his_own_store_only_if_he_may(
    product: Product, role: str, allowed: bool
) -> None:
    one = work(product, role)
    assert one.get(f"/m/stores/{SHOP}").status_code == 200
    assert "东坡路店" not in one.words("/m/stores")
    assert one.get(f"/m/stores/{OTHER_SHOP}").status_code == 404
    for shop, expected in ((SHOP, 200 if allowed else 403), (OTHER_SHOP, 404 if allowed else 403)):
        assert one.post(f"/m/stores/{shop}/edit", **TYPED).status_code == expected
        assert one.post(f"/m/stores/{shop}/pause").status_code == expected
    assert one.post("/m/stores/new", **TYPED).status_code == 403
    assert one.get(f"/m/stores/{SHOP}/delete").status_code == 403
    assert one.post(f"/m/stores/{SHOP}/cards", on="0").status_code == 403


def test_a_form_of_another_session_changes_nothing(product: Product) -> None:
    owner = work(product, "owner")
    for path in ("pause", "edit", "cards", "delete", "switch"):
        assert owner.post(f"/m/stores/{SHOP}/{path}", token="x").status_code == 400
    assert store(product).is_active
    assert owner.post("/m/codes/8K3FQ2/unbind", token="").status_code == 400


def test_the_online_store_is_nobody_s_page(product: Product) -> None:
    product.do(
        "INSERT INTO store (provider_id, merchant_id, out_shop_id, name, branch_name, is_active,"
        " page_mode, disable_membership_card, created_at) SELECT provider_id, id, 'online-' ||"
        " out_sub_mch_id, name, '线上门店', true, 'default', false, now() FROM merchant WHERE"
        " out_sub_mch_id = 'sub01QINGHE8H2K4M6P9'"
    )
    owner = work(product, "owner")
    assert "线上门店" not in owner.words("/m/stores")
    shop = "online-sub01QINGHE8H2K4M6P9"
    assert owner.get(f"/m/stores/{shop}").status_code == 404
    assert owner.post(f"/m/stores/{shop}/delete").status_code == 404
