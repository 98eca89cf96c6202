"""The result page in every state, in a real browser.

`look` measures each page at 390 and 320 px and with doubled text: nothing outside the screen, room
for a finger, nothing for axe to complain about. The phone itself listens for the rest.
"""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.e2e.states import GONE, OURS, MakePhone, MakeScreen, make_order, write
from tests.harness.product import Product

REFUSED = (
    "close_reason = 'rejected', reject_code = 'ACQ.BUYER_BALANCE_NOT_ENOUGH',"
    " reject_message = '账户余额不足，请更换付款方式后重试'"
)
LOOKED_AT_AGAIN = "UPDATE pay_attempt SET due_at = now() + interval '1 hour'"
RESULTS: dict[str, tuple[str, bool, str, list[str]]] = {
    "pending": ("wechat", False, "", ["正在确认付款结果", "请先不要离开或重复付款"]),
    "pending-late": (
        "alipay",
        False,
        "UPDATE pay_order SET created_at = created_at - interval '40 seconds'",
        ["超过 30 秒仍未完成？", "PAY_PENDING", "分钟后自动关闭"],
    ),
    "unknown": (
        "wechat",
        False,
        f"UPDATE pay_order SET is_unknown = true WHERE {OURS}",
        ["付款结果还不确定", "请先不要重复付款"],
    ),
    "paid": ("wechat", True, "", ["付款成功", "38.50", "青禾茶事 · 湖滨店", "订单号"]),
    "paid-alipay": ("alipay", True, "", ["付款成功"]),
    "late-paid": (
        "wechat",
        True,
        f"UPDATE pay_order SET is_late = true WHERE {OURS}",
        ["付款成功", "不必再付"],
    ),
    "part-refunded": (
        "wechat",
        True,
        f"UPDATE pay_order SET refunded_fen = 2000 WHERE {OURS}",
        ["已部分退款", "¥20.00"],
    ),
    "refunded": (
        "alipay",
        True,
        f"UPDATE pay_order SET refunded_fen = 3850 WHERE {OURS}",
        ["已全额退款", "退款原路退回支付宝"],
    ),
    "failed": (
        "alipay",
        False,
        GONE.format(REFUSED),
        ["付款未成功，没有扣款", "支付宝返回：账户余额不足", "ACQ.BUYER_BALANCE_NOT_ENOUGH"],
    ),
    "closed": (
        "wechat",
        False,
        GONE.format("close_reason = 'expired'"),
        ["这笔订单已过期，没有扣款", "重新付款"],
    ),
    "just-closed": (
        "wechat",
        False,
        GONE.format("close_reason = 'expired'") + f"; {LOOKED_AT_AGAIN}",
        ["这笔订单已过期", "刚付过款的，请先不要重付", "没付过，重新付款"],
    ),
    "void": (
        "wechat",
        False,
        GONE.format("close_reason = 'void'"),
        ["这笔订单没有生效，没有扣款", "重新付款"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_the_result_page(product: Product, screen: MakeScreen, phone: MakePhone, name: str) -> None:
    wallet, paid, change, said = RESULTS[name]
    result = make_order(phone, wallet, paid, product)
    if change:
        write(product, change)
    one = screen(wallet)
    assert one.open(result) == 200
    for part in said:
        assert part in one.words()
    # a state that is open never offers to pay again; one that is over always says where to go
    offers = one.page.get_by_role("link", name="重新付款", exact=True).count()
    assert offers == (1 if name in ("failed", "closed", "void") else 0)
    one.look(f"result-{name}")


def test_paying_again_after_a_failure_is_a_fresh_form(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    result = make_order(phone, "alipay", False, product)
    write(product, GONE.format(REFUSED))
    product.simulator.reset()
    one = screen("alipay")
    one.open(result)
    one.page.get_by_role("link", name="重新付款").tap()
    expect(one.page.locator("#amount")).to_have_value("")
    one.tap("38.5")
    one.press()
    one.sheet()
    expect(one.page.locator("h1")).to_have_text("付款成功", timeout=5000)


def test_the_result_turns_live_soon_after_the_notification(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    buyer = phone()
    made = buyer.start(amount="6")
    one = screen()
    with one.page.expect_request(lambda asked: "/state?" in asked.url):
        one.open(made["result"])
    expect(one.page.locator("h1")).to_have_text("正在确认付款结果")
    buyer.confirm(made)
    product.wait_paid(product.one(f"SELECT out_trade_no FROM pay_order WHERE {OURS}").out_trade_no)
    known = time.monotonic()
    expect(one.page.locator("h1")).to_have_text("付款成功", timeout=5000)
    assert time.monotonic() - known < 2.5


@pytest.mark.books_differ  # the crossing is written into the rows
def test_a_payment_that_crossed_our_closing_shows_by_itself(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    """The page of an expired order listens until the wallet was asked a last time."""
    result = make_order(phone, "wechat", False, product)
    write(product, GONE.format("close_reason = 'expired'") + f"; {LOOKED_AT_AGAIN}")
    one = screen()
    one.open(result)
    expect(one.page.locator("h1")).to_have_text("这笔订单已过期")
    write(
        product,
        "UPDATE pay_attempt SET status = 'paid', paid_at = now(), due_at = NULL; UPDATE pay_order"
        f" SET status = 'paid', close_reason = NULL, paid_at = now(), is_late = true WHERE {OURS}",
    )
    expect(one.page.locator("h1")).to_have_text("付款成功", timeout=8000)
    assert "不必再付" in one.words()


def test_the_result_survives_a_network_that_goes_and_comes(
    product: Product, screen: MakeScreen, phone: MakePhone
) -> None:
    buyer = phone()
    made = buyer.start(amount="6")
    one = screen()
    one.pardoned.append("ERR_INTERNET_DISCONNECTED")
    one.open(made["result"])
    with one.page.expect_request(lambda asked: "/state?" in asked.url):
        pass
    one.context.set_offline(True)
    expect(one.page.locator("#net")).to_be_visible()
    buyer.confirm(made)
    one.context.set_offline(False)
    expect(one.page.locator("h1")).to_have_text("付款成功", timeout=10000)
