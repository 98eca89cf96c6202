"""Members in the merchant's backend: who sees what, adjusting, figures, files, the switch."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from openpyxl import Workbook
from playwright.sync_api import expect

from services.numbers import new_public_id
from tests.e2e.cards import CODE, HOME, SHOP_ID, SUB, CardShop, open_card
from tests.e2e.conftest import Screen
from tests.e2e.states import MakeScreen
from tests.harness.product import Product

EVIL = "=1+1"


@pytest.fixture
def shop(product: Product, screen: MakeScreen) -> CardShop:
    """A member with ¥100.00 and a bonus of ¥10.00, recharged in the store."""
    made = open_card(product)
    phone = screen()
    phone.open(HOME)
    phone.page.get_by_role("button", name="领取会员卡").tap()
    phone.page.fill("#phone", "13812345678")
    phone.page.locator("[name=agree]").first.check()
    phone.page.get_by_role("button", name="获取验证码").tap()
    expect(phone.page.locator("#sms")).to_be_visible()
    sent = product.simulator.get("/sim/sms?phone=13812345678")[-1]["text"]
    phone.page.fill("#sms", "".join(c for c in sent.split("，")[0] if c.isdigit()))
    phone.page.get_by_role("button", name="确认").tap()
    expect(phone.page.locator("h1")).to_have_text("会员卡")
    phone.open(f"{HOME}/recharge?code={CODE}")
    phone.page.locator('[name=pay][value="10000"]').check()
    phone.page.locator("#agree").check()
    phone.page.locator("#go").tap()
    phone.sheet()
    expect(phone.page.locator("h1")).to_have_text("充值成功", timeout=6000)
    return made


def person(product: Product, role: str, *, of_store: bool = False) -> str:
    """A person of the shop with this role; the public id."""
    if role == "owner":
        wanted = (
            "SELECT s.public_id FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
            " AND m.id = s.merchant_id WHERE m.out_sub_mch_id = :sub AND s.role = 'owner'"
        )
        return str(product.one(wanted, sub=SUB).public_id)
    made = new_public_id()
    product.do(
        "INSERT INTO staff (provider_id, merchant_id, store_id, public_id, name, role, is_active,"
        " created_at) SELECT s.provider_id, s.merchant_id, CASE WHEN :own THEN s.id END, :public,"
        " '小陈', :role, true, now() FROM store s WHERE s.out_shop_id = :shop",
        own=of_store, public=made, role=role, shop=SHOP_ID,
    )  # fmt: skip
    return made


def says(one: Screen, text: str) -> None:
    expect(one.page.locator("body")).to_contain_text(text)


def signed_in(product: Product, screen: MakeScreen, role: str, **more: bool) -> Screen:
    one = screen("browser")
    one.open(f"/m/demo-login/{person(product, role, **more)}")
    return one


def test_an_owner_finds_a_member_and_adjusts_once(
    product: Product, screen: MakeScreen, shop: CardShop
) -> None:
    owner = signed_in(product, screen, "owner")
    owner.page.get_by_role("link", name="会员").tap()
    expect(owner.page.locator("h1")).to_have_text("会员")
    says(owner, "138****5678")
    assert "13812345678" not in owner.page.content()
    owner.look("m-members")
    owner.page.fill("#q", "138 1234 5678")
    owner.page.get_by_role("button", name="查找").tap()
    says(owner, "找到 1 位")
    owner.page.locator("a.li").tap()
    for part in ("¥110.00", "充值", "已验证手机号", "南窗面馆"):
        says(owner, part)
    owner.look("m-member")
    owner.page.get_by_role("link", name="调整余额").tap()
    owner.page.get_by_label("调减").check()
    owner.page.fill("#amount", "100.01")
    owner.page.fill("#reason", "重复入账")
    owner.page.get_by_role("button", name="下一步").tap()
    owner.page.get_by_role("button", name="确认调整").tap()
    says(owner, "最多可调减 100.00 元")
    owner.look("m-adjust-refused")
    owner.page.fill("#amount", "30")
    owner.page.get_by_role("button", name="下一步").tap()
    says(owner, "¥80.00")
    owner.look("m-adjust-sure")
    form = owner.page.evaluate(
        "() => Object.fromEntries(new FormData(document.querySelector('form')))"
    )
    owner.page.get_by_role("button", name="确认调整").tap()
    says(owner, "已调整")
    says(owner, "重复入账")
    says(owner, "重复入账 · 南窗面馆店主")  # who did it
    owner.look("m-member-adjusted")
    url = f"{product.url}/m/members/{shop.card().public_id}/adjust"
    owner.context.request.post(url, form=form)  # the same form again: done once
    assert (shop.card().paid_fen, shop.card().bonus_fen) == (7_000, 1_000)
    without = owner.context.request.post(url, form={**form, "token": "x", "key": "other"})
    assert without.status == 400
    assert shop.card().paid_fen == 7_000


def test_figures_liability_and_files(product: Product, screen: MakeScreen, shop: CardShop) -> None:
    owner = signed_in(product, screen, "owner")
    owner.open("/m/members/figures")
    for part in ("欠会员的余额", "¥110.00", "充值 1 笔", "¥100.00", "总余额上限"):
        says(owner, part)
    owner.look("m-figures")
    product.do("UPDATE store SET branch_name = :b WHERE out_shop_id = :s", b=EVIL, s=SHOP_ID)
    for path, cell in (("figures.csv", EVIL), ("export.csv", "")):
        answer = owner.context.request.get(f"{product.url}/m/members/{path}")
        assert answer.body().startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(answer.body().decode("utf-8-sig"))))
        assert len(rows) >= 2
        assert not [c for row in rows for c in row if c.startswith(("=", "+", "@"))]
        assert not cell or f"'{cell}" in rows[1]
    assert "138****5678" in answer.text()
    assert "110.00" in answer.text()


def test_figures_by_code_and_payee(product: Product, screen: MakeScreen, shop: CardShop) -> None:
    payee = "=2+2"
    product.do(
        "UPDATE pay_code SET name = '前台码',"
        " staff_id = (SELECT id FROM staff WHERE public_id = :p) WHERE code = :c",
        p=person(product, "clerk"), c=CODE,
    )  # fmt: skip
    owner = signed_in(product, screen, "owner")
    owner.open("/m/members/figures")
    owner.page.get_by_role("link", name="按收款码和收款人").tap()
    for part in ("前台码", "南窗面馆 · 小陈", "充值 1 笔", "¥100.00", "消费 0 笔"):
        says(owner, part)
    owner.look("m-figures-code")
    product.do("UPDATE staff SET name = :n WHERE name = '小陈'", n=payee)
    answer = owner.context.request.get(f"{product.url}/m/members/figures.csv?by=code&span=today")
    assert answer.body().startswith(b"\xef\xbb\xbf")
    (row,) = list(csv.reader(io.StringIO(answer.body().decode("utf-8-sig"))))[1:]
    assert row[3:] == [
        "南窗面馆", CODE, "前台码", f"'{payee}", "1", "100.00", "0.00", "0", "0.00", "0.00",
    ]  # fmt: skip
    product.do("UPDATE pay_order SET paid_at = paid_at - interval '2 days'")
    owner.open("/m/members/figures?by=code&span=today")
    says(owner, "这几天没有会员卡收款")
    owner.open("/m/members/figures?by=code&span=week")
    says(owner, "充值 1 笔")
    manager = signed_in(product, screen, "manager")  # of no store
    manager.open("/m/members/figures?by=code&span=week")
    says(manager, "没有你能看的门店")


def test_what_managers_clerks_and_strangers_may_see(
    product: Product, screen: MakeScreen, shop: CardShop
) -> None:
    own = shop.card().public_id
    paths = ["", f"/{own}", f"/{own}/adjust", "/figures", "/export.csv", "/import"]
    expected = {
        "manager": [200, 200, 403, 200, 403, 403],
        "clerk": [200, 403, 403, 403, 403, 403],
    }
    for role, wanted in expected.items():
        one = signed_in(product, screen, role, of_store=True)
        got = [one.context.request.get(f"{product.url}/m/members{p}").status for p in paths]
        assert got == wanted, role
        switch = f"{product.url}/m/stores/{SHOP_ID}/cards"
        assert one.context.request.post(switch, form={"on": "0"}).status == 403
        one.open("/m/members")
        assert ("138****5678" in one.words()) is (role == "manager")
        one.open("/m/members?q=13812345678")
        assert "138****5678" in one.words()
        assert ("¥110.00" in one.words()) is (role == "manager")
        one.look(f"m-members-{role}")
        if role == "manager":
            one.open("/m/members/figures")
            assert "南窗面馆" in one.words()
            assert "体育路店" not in one.words()
            assert "欠会员" not in one.words()
    stranger = screen("browser")
    other = product.sql("SELECT public_id FROM staff WHERE name LIKE '青禾%'")[0].public_id
    stranger.open(f"/m/demo-login/{other}")
    for path in (f"/m/members/{own}", f"/m/members/{own}/adjust"):
        answer = stranger.context.request.get(product.url + path)
        assert answer.status == 404
        assert "138****" not in answer.text()
    switch = f"{product.url}/m/stores/{SHOP_ID}/cards"
    assert stranger.context.request.post(switch, form={"on": "0"}).status in (400, 404)
    assert product.one(
        "SELECT disable_membership_card AS off FROM store WHERE out_shop_id = :s", s=SHOP_ID
    ).off is False  # fmt: skip


def test_the_switch_says_what_it_does_in_positive_words(
    product: Product, screen: MakeScreen, shop: CardShop
) -> None:
    owner = signed_in(product, screen, "owner")
    owner.open("/m/stores")
    says(owner, "充值中占用")
    owner.open(f"/m/stores/{SHOP_ID}")
    says(owner, "本门店启用会员卡")
    says(owner, "本门店禁用会员卡")  # the old name, in the help
    switch = owner.page.get_by_role("switch", name="本门店启用会员卡", exact=True)
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.tap()
    expect(switch).to_have_attribute("aria-checked", "false")
    says(owner, "已保存")
    owner.look("m-stores")
    assert product.one(
        "SELECT disable_membership_card AS off FROM store WHERE out_shop_id = :s", s=SHOP_ID
    ).off is True  # fmt: skip


def test_old_members_are_looked_at_then_taken_over(
    product: Product, screen: MakeScreen, shop: CardShop, tmp_path: Path
) -> None:
    owner = signed_in(product, screen, "owner")
    owner.open("/m/members/import")
    owner.look("m-import")
    owner.page.set_input_files("#file", sheet(tmp_path, ("13900000001", 12.5), ("139", -1)))
    owner.page.get_by_role("button", name="先检查，不导入").tap()
    says(owner, "没有导入")
    owner.look("m-import-problems")
    good = sheet(tmp_path, ("13900000001", 12.5), ("13900000002", 30))
    owner.page.set_input_files("#file", good)
    owner.page.get_by_role("button", name="先检查，不导入").tap()
    says(owner, "检查通过，还没有导入")
    assert product.one("SELECT count(*) AS n FROM member_card WHERE status = 'imported'").n == 0
    owner.page.set_input_files("#file", good)
    owner.page.get_by_role("button", name="导入", exact=True).tap()
    says(owner, "已导入 2 位老会员")
    owner.look("m-import-done")
    assert product.one("SELECT count(*) AS n FROM member_card WHERE status = 'imported'").n == 2
    owner.open("/m/members")
    assert owner.page.locator("a.li").count() == 1  # until they have claimed it


def sheet(folder: Path, *rows: tuple[str, float]) -> str:
    book = Workbook()
    page = book.active
    assert page is not None
    page.append(["手机号", "余额"])
    for row in rows:
        page.append(list(row))
    path = folder / "members.xlsx"
    book.save(path)
    return str(path)
