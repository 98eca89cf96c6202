"""Where money goes, changed at the desk: numbers of merchants and stores, Alipay consents."""

from __future__ import annotations

import html
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.harness.console import Console
from tests.harness.phone import Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import orders
from tests.integration.refunds.helping import refund, the_order

QINGHE, CHENGUANG = "sub01QINGHE8H2K4M6P9", "sub04WEIXINONLY7G8H2"
NEW_PID, OTHER_PID = "2088000000000133", "2088000000000141"
CHENGUANG_CODE, HUBIN, DONGPO = "3C6VB1", "8K3FQ2", "8K3FQ6"


def paid(product: Product, payer: Phone, code: str, amount: str) -> Any:
    """One paid order; its attempt."""
    payer.pay(code, amount)
    order = orders(product)[-1]
    product.wait_paid(order.out_trade_no)
    return product.one("SELECT * FROM pay_attempt WHERE order_id = :o", o=order.id)


def gives_back(product: Product, order: Any, fen: int) -> bool:
    """Refund it and wait for its end: under the account that the payment went to."""
    made = refund(product, order, fen)
    for _ in range(40):
        if the_order(product, order).refunded_fen == fen:
            return True
        time.sleep(0.1)
    return bool(made.status == "success")


def link_of(desk: Console, path: str) -> str:
    found = re.search(r'linktext">([^<]+)<', desk.get(path).text)
    assert found, words(desk.get(path).text)[:400]
    return html.unescape(found[1])


def consent(link: str, pid: str) -> requests.Response:
    """What the owner does with Alipay: choose the account and agree; the page he ends on."""
    session = requests.Session()
    session.trust_env = False
    with session:
        page = session.get(link, timeout=10)
        assert f'value="{pid}"' in page.text
        return session.get(f"{link}&pid={pid}", timeout=30)


def code_of_store(product: Product, shop: str) -> str:
    return str(
        product.one(
            "SELECT c.code FROM pay_code c JOIN store s ON s.id = c.store_id"
            " WHERE s.out_shop_id = :s AND c.unit_price_fen IS NULL ORDER BY c.id LIMIT 1",
            s=shop,
        ).code
    )


def test_a_change_of_number_shows_what_it_moves_and_wants_a_fresh_code(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    desk, own = Console(product), f"/merchants/{CHENGUANG}"
    first = phone()
    product.do("UPDATE merchant SET wechat_sub_mchid = '1900000125' WHERE name = '晨光早点'")
    product.do("UPDATE merchant SET wechat_sub_mchid = NULL WHERE name = '山雀咖啡'")
    before = paid(product, first, CHENGUANG_CODE, "12.00")
    first = phone(person="p01")
    open_one = first.start(CHENGUANG_CODE, "7.00")
    page = desk.get(f"{own}/wechat?number=1900000117").text
    said = words(page)
    assert "1900000125" in said
    assert "1900000117" in said
    today = product.one(
        "SELECT sum(amount_fen) AS fen FROM pay_order WHERE status = 'paid' AND channel = 'wechat'"
        " AND merchant_id = (SELECT id FROM merchant WHERE name = '晨光早点') AND"
        " (paid_at AT TIME ZONE 'Asia/Shanghai')::date = (CAST(:n AS timestamptz)"
        " AT TIME ZONE 'Asia/Shanghai')::date",
        n=product.deps.now(),
    ).fen
    assert f"{today / 100:,.2f}" in said
    assert "1 笔" in said
    form = {"number": "1900000117"}
    assert desk.post(f"{own}/wechat", form).status_code == 403, "a fresh code is wanted"
    taken = desk.post(f"{own}/wechat", form, confirmed=True)
    assert (taken.status_code, "MERCHANT_EXISTS" in taken.text) == (422, True)
    own_number = desk.post(f"{own}/wechat", {"number": "1900000001"}, confirmed=True)
    assert own_number.status_code == 422
    product.do("UPDATE merchant SET wechat_sub_mchid = NULL WHERE name = '南窗面馆'")
    assert desk.post(f"{own}/wechat", form, confirmed=True).status_code == 303
    after = paid(product, phone(person="zhou"), CHENGUANG_CODE, "5.00")
    assert (before.payee, after.payee) == ("1900000125", "1900000117")
    first.confirm(open_one)  # began before the change: it is paid to the old number, and counts
    product.wait_paid(orders(product)[1].out_trade_no)
    trade = simulator.trade(orders(product)[1].out_trade_no)
    assert trade is not None
    assert trade["sub_mchid"] == "1900000125"
    assert gives_back(product, orders(product)[0], 1200)


def test_a_store_takes_money_to_its_own_number_and_the_others_do_not(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    desk, own = Console(product), f"/merchants/{QINGHE}/stores/qinghe-dongpo"
    product.do("UPDATE merchant SET wechat_sub_mchid = NULL WHERE name = '山雀咖啡'")
    same = desk.post(f"{own}/wechat", {"number": "1900000109"}, confirmed=True)
    assert (same.status_code, "ACCOUNT_USELESS" in same.text) == (422, True)
    product.do("UPDATE merchant SET wechat_route = 'maidan' WHERE name = '青禾茶事'")
    form = {"number": "1900000125"}
    refused = desk.post(f"{own}/wechat", form, confirmed=True)
    assert "CHANNEL_MAIDAN_NOT_OPEN" in refused.text
    product.do("UPDATE merchant SET wechat_route = 'direct' WHERE name = '青禾茶事'")
    assert "确认更改" in desk.get(f"{own}?number=1900000125").text
    assert desk.post(f"{own}/wechat", form, confirmed=True).status_code == 303
    there = paid(product, phone(), code_of_store(product, "qinghe-dongpo"), "6.00")
    here = paid(product, phone(person="zhou"), code_of_store(product, "qinghe-hubin"), "7.00")
    assert (there.payee, here.payee) == ("1900000125", "1900000109")
    assert gives_back(product, orders(product)[0], 600)
    assert desk.post(f"{own}/wechat", {"number": ""}, confirmed=True).status_code == 303
    again = paid(product, phone(person="chen"), code_of_store(product, "qinghe-dongpo"), "8.00")
    assert again.payee == "1900000109"


def test_a_merchant_consents_by_link_and_takes_alipay_at_once(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    desk, own = Console(product), f"/merchants/{CHENGUANG}/alipay"
    assert "未授权" in desk.get(own).text
    link = link_of(desk, own)
    state = parse_qs(urlsplit(link).query)["state"][0]
    assert len(state) <= 100
    back = consent(link, NEW_PID)
    assert "授权成功" in back.text, words(back.text)
    row = product.one("SELECT * FROM merchant WHERE name = '晨光早点'")
    assert (row.alipay_pid, row.alipay_state) == (NEW_PID, "valid")
    first = paid(product, phone("alipay"), CHENGUANG_CODE, "3.00")
    assert first.payee == NEW_PID
    assert "img src" not in desk.get(own).text, "the code is hidden after success (ALI-1)"
    # the code works once, and a link ends
    assert "授权成功" not in requests.get(back.url, timeout=10).text
    other = link.replace(state, state[:-3] + ("AAA" if state[-3:] != "AAA" else "BBB"))
    assert "ALIPAY_LINK_OVER" in consent(other, NEW_PID).text
    simulator.advance(3 * 86400 + 1)
    assert "ALIPAY_LINK_OVER" in consent(link, NEW_PID).text


def test_another_account_than_before_waits_until_somebody_has_seen_both(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    desk, own = Console(product), f"/merchants/{CHENGUANG}/alipay"
    consent(link_of(desk, own), NEW_PID)
    buyer = phone("alipay")
    old = paid(product, buyer, CHENGUANG_CODE, "3.00")
    buyer = phone("alipay", "p01")
    open_one = buyer.start(CHENGUANG_CODE, "4.00")
    back = consent(link_of(desk, f"{own}?again=1"), OTHER_PID)
    assert "等服务商确认" in back.text
    still = paid(product, phone("alipay", "zhou"), CHENGUANG_CODE, "5.00")
    assert still.payee == NEW_PID, "no money moves by itself"
    page = desk.get(own).text
    said = words(page)
    assert NEW_PID in said
    assert OTHER_PID in said
    assert "晨光早点" in said
    assert "1 笔" in said
    number = re.search(r'name="consent" value="(\d+)"', page)
    assert number
    form = {"consent": number[1], "do": "take"}
    operator = Console(product, "demo-operator")
    assert operator.post(f"{own}/decide", form).status_code == 403
    assert desk.post(f"{own}/decide", form).status_code == 403
    assert desk.post(f"{own}/decide", form, confirmed=True).status_code == 303
    new = paid(product, phone("alipay", "chen"), CHENGUANG_CODE, "6.00")
    assert new.payee == OTHER_PID
    buyer.confirm(open_one)  # begun with the old account, paid to it, and asked about under it
    product.wait_paid(orders(product)[1].out_trade_no)
    assert gives_back(product, orders(product)[0], 300)
    assert old.payee == NEW_PID
    states = [r.state for r in product.sql("SELECT state FROM alipay_consent ORDER BY id")]
    assert states == ["ended", "taken"]
    assert not product.sql("SELECT 1 FROM alipay_consent WHERE token_sealed IS NOT NULL")
    # one that is refused changes nothing; clearing stops Alipay and keeps what was begun
    consent(link_of(desk, f"{own}?again=1"), "2088000000000117")
    number = re.search(r'name="consent" value="(\d+)"', desk.get(own).text)
    assert number
    no = {"consent": number[1], "do": "refuse"}
    assert desk.post(f"{own}/decide", no, confirmed=True).status_code == 303
    assert (
        product.one("SELECT alipay_pid AS p FROM merchant WHERE name = '晨光早点'").p == OTHER_PID
    )
    assert desk.post(f"{own}/clear", {}, confirmed=True).status_code == 303
    assert "还没有开通" in words(phone("alipay").scan(CHENGUANG_CODE).text)
    assert gives_back(product, orders(product)[-1], 600)


def test_an_invalid_grant_is_seen_at_the_desk_and_the_same_owner_heals_it(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    desk, own = Console(product), f"/merchants/{QINGHE}/alipay"
    simulator.switch("alipay.token.2088000000000109", "invalid")
    buyer = phone("alipay")
    answer = buyer.press(buyer.form(), "2.00")
    assert "ALIPAY_TOKEN_INVALID" in answer.text or answer.status_code >= 400
    page = desk.get(own).text
    assert "应用授权令牌已失效" in page
    assert "第三方应用授权" in page
    assert "青禾茶事" in desk.get("/merchants?state=trouble").text
    assert "授权成功" in consent(link_of(desk, own), "2088000000000109").text
    assert paid(product, phone("alipay", "zhou"), HUBIN, "2.00").payee == "2088000000000109"


def test_a_store_has_its_own_alipay_account_and_a_shop_picked_from_the_list(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    desk, own = Console(product), f"/merchants/{QINGHE}/stores/qinghe-dongpo"
    useless = consent(link_of(desk, own), "2088000000000109")
    assert "ACCOUNT_USELESS" in useless.text
    listed = desk.get(f"{own}/koubei").text
    assert re.findall(r'name="shop_id" value="(\d+)"', listed) == [
        "2026112100001", "2026112100002", "2026112100003",
    ], words(listed)[-600:]  # fmt: skip
    picked = {"shop_id": "2026112100002"}
    assert desk.post(f"{own}/koubei", picked).status_code == 303
    assert "青禾茶事（东坡路店）" in desk.get(own).text
    typed = desk.post(f"{own}/koubei", {"shop_id": "2026112100009"})
    assert typed.status_code == 422
    assert "授权成功" in consent(link_of(desk, own), OTHER_PID).text
    there = paid(product, phone("alipay"), code_of_store(product, "qinghe-dongpo"), "6.00")
    here = paid(product, phone("alipay", "zhou"), HUBIN, "7.00")
    assert (there.payee, here.payee) == (OTHER_PID, "2088000000000109")
    assert gives_back(product, orders(product)[0], 600)
    simulator.switch(f"alipay.token.{OTHER_PID}", "invalid")
    buyer = phone("alipay", "chen")
    buyer.press(buyer.form(code_of_store(product, "qinghe-dongpo")), "2.00")
    row = product.one("SELECT alipay_state FROM store WHERE out_shop_id = 'qinghe-dongpo'")
    assert row.alipay_state == "revoked"
    assert paid(product, phone("alipay", "p02"), HUBIN, "1.00"), "the merchant's own goes on"
