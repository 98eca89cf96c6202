"""Pay codes of every kind, their posters, and blank ones that are bound by scanning them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.integration.stores.helping import (
    OTHER_SHOP,
    SHOP,
    audited,
    code,
    said,
    sign_in,
    store,
    work,
)

MakePhone = Callable[..., Phone]
BLANK = "9Z9BLK"
SOUTH = "sub02NANCHUANG5T7W2Y"


def newest(product: Product) -> str:
    return str(product.sql("SELECT code FROM pay_code ORDER BY id DESC LIMIT 1")[0].code)


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ({"kind": "store", "name": "3 号窗口"}, "store"),
        ({"kind": "staff", "name": ""}, "staff"),
        ({"kind": "fixed", "name": "燕麦拿铁", "price": "28.00"}, "fixed"),
    ],
)
def test_a_new_code_of_each_kind_takes_money(
    product: Product, phone: MakePhone, typed: dict[str, str], kind: str
) -> None:
    clerk, manager = work(product, "clerk", name="周予安"), work(product, "manager")
    if kind == "staff":
        row = product.one("SELECT public_id FROM staff WHERE id = :i", i=clerk.id)
        typed = {**typed, "staff": row.public_id}
    answer = manager.post(f"/m/stores/{SHOP}/codes/new", **typed)
    assert "收款码已生成" in said(answer)
    made = code(product, newest(product))
    assert (made.kind, made.name) == (kind, typed["name"] or "周予安")
    assert made.staff_id == (clerk.id if kind == "staff" else None)
    payer = phone()
    form = payer.form(made.code)
    more = {"quantity": "2"} if kind == "fixed" else {}
    payer.confirm(payer.press(form, "7.00", **more).json())
    order = product.sql("SELECT * FROM pay_order ORDER BY id DESC LIMIT 1")[0]
    assert order.amount_fen == (5600 if kind == "fixed" else 700)
    assert order.pay_code_id == made.id
    product.wait_paid(order.out_trade_no)


def test_a_code_that_cannot_be_is_refused_with_words(product: Product) -> None:
    before, owner = newest(product), work(product, "owner")
    token = owner.token()
    for typed in (
        {"kind": "fixed", "name": "x", "price": "0"},
        {"kind": "fixed", "name": "x", "price": "1.234"},
        {"kind": "fixed", "name": "x"},
        {"kind": "staff", "name": "x", "staff": "nobody"},
        {"kind": "blank", "name": "x"},
        {"kind": "gold", "name": "x"},
        {"kind": "store", "name": ""},
        {"kind": "store", "name": "长" * 33},
    ):
        answer = owner.post(f"/m/stores/{SHOP}/codes/new", token, **typed)
        assert answer.status_code == 400, typed
        assert 'role="alert"' in answer.text
    assert newest(product) == before


def test_a_poster_leads_a_phone_to_the_code(product: Product, phone: MakePhone) -> None:
    clerk = work(product, "clerk")
    assert "打印海报" in clerk.words("/m/codes/8K3FQ2")
    assert "A6 台卡" in clerk.words("/m/codes/8K3FQ2/poster")
    for size in ("a6", "a5", "sticker", "nonsense"):
        answer = clerk.get(f"/m/codes/8K3FQ2/poster.png?size={size}")
        assert answer.headers["Content-Type"] == "image/png"
        (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.content)).convert("RGB"))
        assert found.text == f"{product.url}/q/{MAIN}/8K3FQ2"
        answer = clerk.get(f"/m/codes/8K3FQ2/poster.pdf?size={size}")
        assert "attachment" in answer.headers["Content-Disposition"]
        page = pypdfium2.PdfDocument(answer.content)[0].render(scale=2).to_pil()
        assert [one.text for one in zxingcpp.read_barcodes(page)] == [found.text]
    assert phone().get(found.text.removeprefix(product.url)).status_code == 200
    assert clerk.get("/m/codes/4M8RT6/poster.pdf").status_code == 404  # another store's
    assert (
        work(product, "owner", merchant=SOUTH).get("/m/codes/8K3FQ2/poster.png").status_code == 404
    )


def test_a_code_is_renamed_switched_off_and_unbound(product: Product, phone: MakePhone) -> None:
    manager, payer = work(product, "manager"), phone()
    manager.post("/m/codes/8K3FQ3/name", name="收银台")
    assert "收银台" in said(payer.scan("8K3FQ3"))
    manager.post("/m/codes/8K3FQ3/switch", on="0")
    assert "STORE_DISABLED" in payer.scan("8K3FQ3").text
    manager.post("/m/codes/8K3FQ3/switch", on="1")
    assert payer.scan("8K3FQ3").status_code == 200
    assert "解绑「收银台」？" in manager.words("/m/codes/8K3FQ3?ask=unbind")
    assert "已解绑" in said(manager.post("/m/codes/8K3FQ3/unbind"))
    assert "PAY_CODE_UNBOUND" in payer.scan("8K3FQ3").text
    assert manager.post("/m/codes/8K3FQ3/unbind").status_code == 404
    acts = [act for _, act in audited(product, "code:8K3FQ3")]
    assert acts == ["code_renamed", "code_off", "code_on", "code_unbound"]
    # the first code of a store answers its old link: it stays
    answer = manager.post("/m/codes/8K3FQ2/unbind")
    assert answer.status_code == 409
    assert "CODE_IS_FIRST" in answer.text


def test_a_clerk_changes_no_code(product: Product) -> None:
    clerk = work(product, "clerk")
    for path, typed in (("name", {"name": "x"}), ("switch", {"on": "0"}), ("unbind", {})):
        assert clerk.post(f"/m/codes/8K3FQ2/{path}", **typed).status_code == 403
    assert clerk.post(f"/m/stores/{SHOP}/codes/new", kind="store", name="x").status_code == 403


def test_a_blank_code_offers_binding_in_wechat_alone(product: Product, phone: MakePhone) -> None:
    page = phone("wechat").scan(BLANK)
    assert "我是店员，绑定这个码" in said(page)
    assert f"/m/bind/{BLANK}?p={MAIN}" in page.text
    assert "/m/bind/" not in phone("alipay").scan(BLANK).text


def test_a_clerk_binds_a_blank_code_to_himself_and_it_takes_money(
    product: Product, phone: MakePhone
) -> None:
    clerk = work(product, "clerk", name="周予安")
    page = clerk.words(f"/m/bind/{BLANK}")
    assert "店员：周予安" in page
    answer = clerk.post(f"/m/bind/{BLANK}", store=SHOP, to="staff", name="")
    assert "已绑定" in said(answer)
    assert "绑定收款码-店员-周予安" in said(answer)
    bound = code(product, BLANK)
    assert (bound.kind, bound.name, bound.staff_id) == ("staff", "周予安", clerk.id)
    phone().pay(BLANK, amount="6.60")
    order = product.sql("SELECT * FROM pay_order ORDER BY id DESC LIMIT 1")[0]
    assert (order.pay_code_id, order.store_id) == (bound.id, store(product).id)
    assert (f"staff:{clerk.id}", "code_bound") in audited(product, f"code:{BLANK}")
    assert "绑定收款码-店员-周予安" in clerk.words(f"/m/stores/{SHOP}/codes")


def test_an_owner_binds_to_a_store_and_is_told_why_not_to_himself(product: Product) -> None:
    owner = work(product, "owner")
    page = owner.words(f"/m/bind/{BLANK}")
    assert "绑定到哪家门店" in page
    page = owner.words(f"/m/bind/{BLANK}?store={OTHER_SHOP}")
    assert "你不是这家门店的店员" in page
    answer = owner.post(f"/m/bind/{BLANK}", store=OTHER_SHOP, to="staff", name="x")
    assert answer.status_code == 400
    assert "你不是这家门店的店员" in said(answer)
    owner.post(f"/m/bind/{BLANK}", store=OTHER_SHOP, to="store", name="2 号窗口")
    assert (code(product, BLANK).kind, code(product, BLANK).name) == ("store", "2 号窗口")
    assert "绑定收款码-门店-2 号窗口" in owner.words(f"/m/stores/{OTHER_SHOP}/codes")


def test_who_works_in_two_merchants_chooses_and_a_stranger_s_store_is_none(
    product: Product,
) -> None:
    person = product.one(
        "INSERT INTO person (provider_id, channel, app, subject_hash, sealed, created_at)"
        " SELECT id, 'wechat', 'a', 'h', 's', now() FROM provider WHERE out_mch_id = :m"
        " RETURNING id", m=MAIN,
    ).id  # fmt: skip
    here = work(product, "clerk", person=person, name="两处的人")
    work(product, "manager", "nanchuang", person=person, merchant=SOUTH, name="两处的人")
    page = here.words(f"/m/bind/{BLANK}")
    assert "湖滨店" in page
    assert "南窗面馆" in page
    assert "体育路店" not in page
    answer = here.post(f"/m/bind/{BLANK}", store=OTHER_SHOP, to="store", name="x")
    assert answer.status_code == 404
    product.do(
        "UPDATE staff SET is_active = false WHERE role = 'manager' AND person_id = :p", p=person
    )
    assert here.post(f"/m/bind/{BLANK}", store="nanchuang", to="store").status_code == 404
    here.post(f"/m/bind/{BLANK}", store=SHOP, to="store", name="好")
    assert code(product, BLANK).store_id == store(product).id


def test_a_code_is_bound_once_and_an_unbound_one_stays_its_merchant_s(product: Product) -> None:
    clerk, south = work(product, "clerk"), work(product, "owner", merchant=SOUTH)
    clerk.post(f"/m/bind/{BLANK}", store=SHOP, to="store", name="先到")
    for one, shop in ((clerk, SHOP), (south, "nanchuang")):
        answer = one.post(f"/m/bind/{BLANK}", store=shop, to="store", name="后到")
        assert answer.status_code == 409
        assert "CODE_BOUND" in answer.text
    work(product, "manager").post(f"/m/codes/{BLANK}/unbind")
    answer = south.get(f"/m/bind/{BLANK}")
    assert answer.status_code == 409
    assert "CODE_OF_OTHER_MERCHANT" in answer.text
    assert south.post(f"/m/bind/{BLANK}", store="nanchuang", to="store").status_code == 409
    assert "已绑定" in said(clerk.post(f"/m/bind/{BLANK}", store=SHOP, to="store", name="再绑"))
    assert south.get(f"/m/bind/{BLANK}/done").status_code == 404


def test_of_two_who_bind_at_once_one_does(product: Product) -> None:
    ones = [work(product, "clerk"), work(product, "clerk", OTHER_SHOP)]
    tokens = [one.token() for one in ones]
    answers: list[int] = []

    def press(index: int) -> None:
        shop = (SHOP, OTHER_SHOP)[index]
        got = ones[index].post(
            f"/m/bind/{BLANK}", tokens[index], store=shop, to="staff", name=f"第 {index} 个"
        )
        answers.append(got.status_code)

    threads = [threading.Thread(target=press, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answers) == [200, 409]
    acts = [act for _, act in audited(product, f"code:{BLANK}")]
    assert acts == ["code_bound"]


def test_a_code_of_another_provider_is_not_found(product: Product) -> None:
    other = product.one(
        "SELECT s.id FROM staff s JOIN provider p ON p.id = s.provider_id"
        " WHERE p.out_mch_id <> :m AND s.role = 'owner' LIMIT 1",
        m=MAIN,
    )
    stranger = sign_in(product, other.id)
    assert stranger.get(f"/m/bind/{BLANK}").status_code == 404
    assert stranger.post(f"/m/bind/{BLANK}", store=SHOP, to="store").status_code == 404
    assert code(product, BLANK).store_id is None
