"""Giving a member's money back, in a browser: the member's page, and the merchant's."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import expect

from tests.e2e.cards import CODE, HOME, CardShop, open_card
from tests.e2e.conftest import Screen
from tests.e2e.states import MakeScreen
from tests.e2e.test_card_merchant import signed_in
from tests.harness.product import Product
from tests.integration.cards.recharge.test_late import close_behind_the_wallet
from tests.integration.looking import until

DAY = 86_400


@pytest.fixture
def shop(product: Product) -> CardShop:
    return open_card(product)


@pytest.fixture
def phone(shop: CardShop, screen: MakeScreen) -> Screen:
    """A member with ¥100.00 and a bonus of ¥10.00, recharged in the store."""
    one = screen()
    one.open(HOME)
    one.page.get_by_role("button", name="领取会员卡").tap()
    expect(one.page.locator("h1")).to_have_text("验证手机号")
    one.open(f"{HOME}/recharge?code={CODE}")
    one.page.locator('[name=pay][value="10000"]').check()
    one.page.locator("#agree").check()
    one.page.locator("#go").tap()
    one.sheet()
    expect(one.page.locator("h1")).to_have_text("充值成功", timeout=6000)
    return one


def says(one: Screen, *texts: str) -> None:
    for text in texts:
        expect(one.page.locator("body")).to_contain_text(text)


def wallets_answer(product: Product, seconds: int = 15) -> None:
    product.sweep()
    product.simulator.advance(seconds)
    product.sweep()


def press(one: Screen, name: str) -> None:
    one.page.get_by_role("button", name=name).tap()


def test_within_the_cooling_days_it_goes_back_without_anybody_and_the_card_shows_nothing(
    product: Product, shop: CardShop, phone: Screen
) -> None:
    product.simulator.switch("wechat.refund_delay_s", "600")
    phone.open(HOME)
    phone.page.get_by_role("link", name="退余额").tap()
    expect(phone.page.locator("h1")).to_have_text("退余额")
    says(phone, "¥100.00", "收回赠送", "−¥10.00", "7 天内：不用理由", "未消费的充值余额")
    phone.look("payout-offer")
    press(phone, "申请退 ¥100.00")
    expect(phone.page.locator("h1")).to_have_text("确认退余额")
    assert product.sql("SELECT * FROM card_payout") == []
    phone.look("payout-sure")
    press(phone, "确认退 ¥100.00")
    says(phone, "退款已受理", "最迟", "退款中")
    assert "已退款" not in phone.words().replace("「已退款」", "")
    phone.look("payout-returning")
    phone.open(HOME)
    expect(phone.page.locator(".m.xl")).to_have_text("¥0.00")
    says(phone, "退款已受理，钱还在退回的路上")
    wallets_answer(product, 700)
    phone.open(f"{HOME}/payout")
    says(phone, "已退款", "已退回", "没有可退的余额")
    phone.look("payout-done")
    assert (shop.card().paid_fen, shop.card().bonus_fen, shop.card().status) == (0, 0, "active")


def test_what_was_spent_meanwhile_is_shown_once_more_and_a_request_can_be_withdrawn(
    product: Product, shop: CardShop, phone: Screen
) -> None:
    product.simulator.advance(8 * DAY)
    phone.open(f"{HOME}/payout?by=cooling")
    says(phone, "由商家审核")
    phone.page.fill("#reason", "要搬走了")
    press(phone, "申请退 ¥100.00")
    phone.page.get_by_role("button", name="确认退 ¥100.00").wait_for()
    shop.give(-2_000, "spent")
    press(phone, "确认退 ¥100.00")
    says(phone, "余额刚有变动", "要搬走了")
    phone.look("payout-changed")
    press(phone, "确认退 ¥80.00")
    says(phone, "等商家审核", "最迟")
    phone.look("payout-asked")
    form = phone.page.evaluate(
        "() => Object.fromEntries(new FormData(document.querySelector('form')))"
    )
    url = f"{product.url}{HOME}/payout/cancel"
    agent = {"User-Agent": phone.page.evaluate("navigator.userAgent")}
    for bad, status in (({"token": "x"}, 400), ({"payout": "999999"}, 404)):
        answer = phone.context.request.post(url, form={**form, **bad}, headers=agent)
        assert answer.status == status
    press(phone, "撤回申请")
    says(phone, "已撤回", "余额没有变")
    assert shop.card().paid_fen == 8_000
    phone.look("payout-cancelled")
    phone.open(f"{HOME}/payout?lang=en")
    phone.look("payout-en")


def test_later_the_owner_refuses_with_a_reason_or_allows(
    product: Product, screen: MakeScreen, shop: CardShop, phone: Screen
) -> None:
    product.simulator.switch("wechat.refund_delay_s", "600")
    product.simulator.advance(8 * DAY)
    ask(phone, "¥100.00")
    says(phone, "等商家审核")
    owner = signed_in(product, screen, "owner")
    owner.open("/m/members")
    owner.page.get_by_role("link", name="退余额").tap()
    says(owner, "处理中 1 笔", "最迟", "待审核")
    owner.look("m-payouts")
    owner.page.locator("a.li").tap()
    says(owner, "¥100.00", "会员本人", "收回赠送 ¥10.00")
    owner.look("m-payout-asked")
    owner.page.get_by_text("不同意").tap()
    owner.page.evaluate("() => document.querySelector('#reason').removeAttribute('required')")
    press(owner, "拒绝申请")
    says(owner, "写明原因")
    owner.page.fill("#reason", "章程第三条：活动卡不退")
    owner.look("m-payout-refusing")
    press(owner, "拒绝申请")
    says(owner, "已拒绝，会员能看到原因")
    phone.open(f"{HOME}/payout")
    says(phone, "商家没有同意", "章程第三条：活动卡不退")
    phone.look("payout-refused")
    assert shop.card().paid_fen == 10_000
    ask(phone, "¥100.00")
    owner.open("/m/members/payouts")
    owner.page.locator("a.li").first.tap()
    expect(owner.page.locator("h1")).to_have_text("退余额申请")
    press(owner, "同意退款")
    says(owner, "同意退 ¥100.00？")
    assert shop.card().paid_fen == 10_000
    owner.look("m-payout-sure")
    press(owner, "确认同意")
    says(owner, "退款已受理", "退款中")
    product.do("UPDATE card_payout SET due_on = due_on - 30")
    owner.open("/m/members/payouts")
    says(owner, "1 笔已过期限", "已过期限：")
    owner.look("m-payouts-overdue")
    owner.page.locator("a.li").first.tap()
    says(owner, "请尽快办理")
    owner.look("m-payout-overdue")
    phone.open(f"{HOME}/payout")
    says(phone, "钱还没退到", "0571-8888 0000")
    phone.look("payout-overdue")
    wallets_answer(product, 700)
    owner.page.reload()
    says(owner, "已办完", "已退回")
    phone.open(f"{HOME}/payout")
    says(phone, "已退款")
    assert (shop.card().paid_fen, shop.card().bonus_fen) == (0, 0)


def test_what_no_wallet_gives_back_is_paid_by_hand_and_written_down(
    product: Product, screen: MakeScreen, shop: CardShop, phone: Screen
) -> None:
    product.do("UPDATE pay_attempt SET paid_at = paid_at - interval '400 days'")
    product.do("UPDATE recharge SET settled_at = settled_at - interval '400 days'")
    public_id = shop.card().public_id
    owner = signed_in(product, screen, "owner")
    owner.open(f"/m/members/{public_id}")
    owner.page.get_by_role("link", name="退余额").tap()
    owner.page.get_by_label("注销会员卡").check()
    owner.look("m-payout-ask")
    press(owner, "下一步")
    says(owner, "替会员申请退 ¥100.00", "线下退")
    owner.look("m-payout-ask-sure")
    press(owner, "确认申请")
    says(owner, "已提交", "南窗面馆店主")
    press(owner, "同意退款")
    press(owner, "确认同意")
    says(owner, "待线下付款")
    owner.look("m-payout-hand")
    phone.open(f"{HOME}/payout")
    says(phone, "退款已受理", "等商家付款")
    owner.page.get_by_label("银行转账").check()
    owner.page.get_by_label("凭证号").fill("=B-1")
    press(owner, "记录已付 ¥100.00")
    says(owner, "已记录线下付款", "银行转账 · =B-1 · 南窗面馆店主", "已办完")
    owner.look("m-payout-paid")
    phone.open(f"{HOME}/payout")
    says(phone, "已退款", "商家已付", "银行转账 =B-1", "这张会员卡已注销")
    phone.look("payout-closed")
    phone.open(HOME)
    phone.page.get_by_role("link", name="以前那张卡的退款").tap()
    says(phone, "已退款")
    assert (shop.card().paid_fen, shop.card().status) == (0, "closed")
    answer = owner.context.request.get(f"{product.url}/m/members/{public_id}/history.csv")
    assert answer.body().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.body().decode("utf-8-sig"))))
    assert [row[1] for row in rows[1:]][-1] == "充值"
    assert rows[1][5] == "0.00"
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]


def test_a_manager_looks_and_strangers_find_nothing(
    product: Product, screen: MakeScreen, shop: CardShop, phone: Screen
) -> None:
    product.simulator.advance(8 * DAY)
    ask(phone, "¥100.00")
    number = product.one("SELECT id FROM card_payout").id
    own, other = f"/m/members/payouts/{number}", "/m/members/payouts/99999999999999999999"
    member = f"/m/members/{shop.card().public_id}"
    stranger = product.sql("SELECT public_id FROM staff WHERE name LIKE '青禾%'")[0].public_id
    for role, seen, done in (("manager", 200, 403), ("clerk", 403, 403), ("stranger", 404, 404)):
        if role == "stranger":
            one = screen("browser")
            one.open(f"/m/demo-login/{stranger}")
        else:
            one = signed_in(product, screen, role, of_store=True)
        asked = one.context.request
        assert asked.get(product.url + own).status == seen, role
        assert asked.get(product.url + other).status == (404 if seen != 403 else 403)
        form: dict[str, str | float | bool] = {
            "token": form_token(one, product),
            "sure": "1",
            "reason": "x",
            "part": "1",
        }
        for act in ("allow", "refuse", "paid"):
            assert asked.post(f"{product.url}{own}/{act}", form=form).status == done, (role, act)
        assert asked.get(f"{product.url}{member}/payout").status == done
        assert asked.post(f"{product.url}{member}/payout", form=form).status == done
        assert asked.get(f"{product.url}{member}/history.csv").status == done
    row = product.one("SELECT status, decided_by FROM card_payout")
    assert (row.status, row.decided_by) == ("asked", None)


def test_a_recharge_paid_after_its_time_and_without_room_is_told_and_goes_back(
    product: Product, screen: MakeScreen, shop: CardShop, phone: Screen
) -> None:
    """failures.md 34, as its member sees it: the sheet of an old order is confirmed after another
    recharge has filled the card."""
    room = shop.card().cap_fen - 11_000
    product.simulator.switch("wechat.refund_delay_s", "600")
    phone.open(f"{HOME}/recharge?code={CODE}")
    phone.page.locator('[name=pay][value="10000"]').check()
    phone.page.locator("#go").tap()
    expect(phone.page.locator("[data-sim-sheet] [data-sim=confirm]")).to_be_visible()
    close_behind_the_wallet(product)
    shop.give(room - 10_999, "filled")  # one fen too little is left for 100.00 and its bonus
    before = shop.card()
    phone.sheet()
    expect(phone.page.locator("h1")).not_to_have_text("会员卡充值", timeout=6000)
    until(lambda: product.sql("SELECT id FROM recharge WHERE status = 'no_room'") != [])
    phone.page.reload()
    expect(phone.page.locator("h1")).to_have_text("充值未到账，正在自动退款")
    phone.look("recharge-late")
    wallets_answer(product, 700)
    phone.page.reload()
    expect(phone.page.locator("h1")).to_have_text("充值未到账，已自动退款")
    phone.look("recharge-late-back")
    after = shop.card()
    assert (after.paid_fen, after.bonus_fen) == (before.paid_fen, before.bonus_fen)
    assert [r.amount_fen for r in product.sql("SELECT amount_fen FROM refund")] == [10_000]


def form_token(one: Screen, product: Product) -> str:
    """The form token of the session: no page that this person may see shows it."""
    (cookie,) = (c for c in one.context.cookies() if "staff" in c["name"])
    return product.deps.ring.blind(cookie["value"], "merchant-form")[:32]


def ask(one: Screen, yuan: str) -> None:
    one.open(f"{HOME}/payout")
    press(one, f"申请退 {yuan}")
    press(one, f"确认退 {yuan}")
    expect(one.page.locator("h1")).to_have_text("退余额")
