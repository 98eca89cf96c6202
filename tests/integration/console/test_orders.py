"""Where is one payment? By every number that somebody may hold, in words, asked about again."""

from __future__ import annotations

from tests.harness.console import Console
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.refunds.helping import MakePhone, pay, refund


def test_one_payment_is_found_by_any_number_and_told_from_the_start(
    product: Product, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat", "38.50")
    back = refund(product, order, 850)
    product.simulator.advance(11)  # the first question about it is due, if no news came before
    product.sweep()
    back = product.one("SELECT * FROM refund WHERE id = :i", i=back.id)
    desk = Console(product, "demo-viewer")
    number = order.out_trade_no
    wide = "".join(chr(ord(c) + 0xFEE0) for c in number)  # as a Chinese keyboard may type it
    link = f"https://pay.example.com/q/demo/o/{order.public_id}?from=1"
    for typed in (
        number, f"  {number[:8]} {number[8:]} ", wide, order.transaction_id, back.out_refund_no,
        back.refund_id, link,
    ):  # fmt: skip
        found = desk.get("/orders", params={"q": typed})
        assert found.url.endswith(f"/console/orders/{number}"), typed
    page = found.text
    for said in (
        "发起付款，微信支付 ¥38.50", f"已付款 ¥38.50，钱包单号 {order.transaction_id}",
        "通知了付款结果，验签通过", "申请退款 ¥8.50，原因：缺一份小菜", "退款 ¥8.50 已到账",
        "已付款，其中 ¥8.50 已退给顾客", "部分退款", "青禾茶事",
    ):  # fmt: skip
        assert said in page, said
    assert page.index("发起付款") < page.index("已付款 ¥38.50") < page.index("申请退款")
    openids = product.sql("SELECT subject_hash AS h FROM person")
    assert not any(row.h in page for row in openids)
    for typed in (number[:-1], number.upper() + "0", "9" * 28):
        assert "没有查到这个单号" in desk.get("/orders", params={"q": typed}).text
    assert "不像一个单号" in desk.get("/orders", params={"q": "你好"}).text


def test_asking_a_wallet_applies_only_its_word_and_says_when_it_is_silent(
    product: Product, phone: MakePhone
) -> None:
    """The notification was lost: the desk asks, and the payment is there."""
    product.simulator.fault("wechat.notify", "drop", times=20)
    buyer: Phone = phone("wechat", "lin")
    buyer.confirm(buyer.start(amount="12"))
    order = product.one("SELECT * FROM pay_order WHERE intent_key NOT LIKE 'demo:%'")
    desk, path = Console(product, "demo-operator"), f"/orders/{order.out_trade_no}"
    assert Console(product, "demo-viewer").post(f"{path}/ask").status_code == 403
    product.simulator.fault("wechat.query", "drop", times=5)
    silent = desk.post(f"{path}/ask")
    assert (silent.status_code, "RECON_SILENT" in silent.text) == (502, True)
    now = product.one("SELECT status FROM pay_order WHERE id = :i", i=order.id)
    assert now.status != "paid", "silence is no word"
    product.simulator.clear_faults()
    asked = desk.post(f"{path}/ask", allow_redirects=True)
    assert "状态有了变化" in asked.text
    assert "已付款成功" in asked.text
    again = desk.post(f"{path}/ask", allow_redirects=True)
    assert "与记录一致" in again.text
    foreign = Console(product)
    product.do(
        "UPDATE console_session SET provider_id = 2 WHERE user_id ="
        " (SELECT id FROM console_user WHERE username = 'demo')"
    )
    product.do(
        "INSERT INTO console_member (provider_id, user_id, role, created_at, accepted_at)"
        " SELECT 2, id, 'admin', :now, :now FROM console_user WHERE username = 'demo'"
        " ON CONFLICT DO NOTHING",
        now=product.deps.now(),
    )
    found = foreign.get("/orders", params={"q": order.out_trade_no}).text
    assert "没有查到这个单号" in found, found[found.index("<main") :]
    for answer in (foreign.get(path), foreign.post(f"{path}/ask")):
        assert answer.status_code == 404
