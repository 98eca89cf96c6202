"""The receipt: its first word for every order number, and what a wrong check code may not see."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from sqlalchemy.exc import OperationalError

from services.gold_plan import receipt
from tests.harness.console import Console
from tests.harness.phone import MAIN, Phone, words
from tests.harness.product import Product
from tests.integration.gold_plan.test_switches import TEA, is_open, tea, throw

MakePhone = Callable[..., Phone]
OURS = "intent_key NOT LIKE 'demo:%'"
BLOCKS = {
    "pickup_on": "1", "pickup": "取茶号", "parking_on": "1", "minutes": "90", "card_on": "1",
    "card": "会员卡", "notice_on": "1", "title": "周三会员日", "text": "第二杯半价", "url": "",
}  # fmt: skip
FIRST = re.compile(r'<html[^>]* data-show="(\w+)" data-to="([^"]+)" data-height="(\d+)">\n<head>\n'
                   r'<meta charset="utf-8">\n<script>')  # fmt: skip


def opened(product: Product, link: str = "/receipt", **said: str) -> requests.Response:
    """As WeChat's frame opens it."""
    answer = requests.get(f"{product.url}{link}", params=said, timeout=20)
    assert answer.status_code == 200
    found = FIRST.search(answer.text)
    assert found, answer.text[:400]
    assert found[2] == product.simulator.url
    assert answer.text.index("onIframeReady") < 1024
    return answer


def shows(answer: requests.Response) -> str:
    found = FIRST.search(answer.text)
    assert found is not None
    return found[1].removeprefix("SHOW_").removesuffix("_PAGE")


def asked(product: Product, link: str, number: str, transaction_id: str) -> dict[str, str]:
    code = receipt.check_code(f"{product.url}{link}", TEA, number, transaction_id)
    return {"sub_mch_id": TEA, "out_trade_no": number, "check_code": code}


def test_a_receipt_says_as_much_as_its_check_code_proves(
    product: Product, phone: MakePhone, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Console(product)
    own = tea(product)
    assert desk.post(f"/gold-plan/m/{own.out_sub_mch_id}/receipt", BLOCKS).status_code == 303
    phone().pay(amount="38.50")
    order: Any = product.one(f"SELECT * FROM pay_order WHERE {OURS}")
    number = order.out_trade_no
    product.wait_paid(number)
    order = product.one(f"SELECT * FROM pay_order WHERE {OURS}")
    tail, good = number[-4:].upper(), asked(product, "/receipt", number, order.transaction_id)

    seen = opened(product, **good)
    said = words(seen.text)
    assert shows(seen) == "CUSTOM"
    for part in (tail, "取茶号", "¥38.50", "免费停车 90 分钟", "周三会员日", "湖滨店"):
        assert part in said
    assert f"/q/{MAIN}/o/{order.public_id}" in seen.text
    assert product.simulator.url in seen.headers["Content-Security-Policy"].split("ancestors")[1]
    assert "https://payapp.weixin.qq.com" in seen.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in seen.headers
    assert "unsafe-inline" not in seen.headers["Content-Security-Policy"]
    by_provider = asked(product, f"/receipt/{MAIN}", number, order.transaction_id)
    assert "¥38.50" in opened(product, f"/receipt/{MAIN}", **by_provider).text

    caplog.set_level(logging.WARNING, logger="services.gold_plan.receipt")
    for code in ("", "0" * 32, good["check_code"][:-1], "号" * 9):
        odd = opened(product, **{**good, "check_code": code})
        assert shows(odd) == "CUSTOM"
        for secret in (tail, "38.50", "停到", order.public_id, "/card/", "取茶号", "湖滨店"):
            assert secret not in odd.text, (code, secret)
        assert "周三会员日" in odd.text
    assert "check code does not hold" in caplog.text
    assert good["check_code"] not in caplog.text

    for strange in ("nobody123456", "9" * 300, ""):
        assert shows(opened(product, **good | {"out_trade_no": strange})) == "OFFICIAL"
    assert shows(opened(product, **good | {"sub_mch_id": "1900000117"})) == "OFFICIAL"
    assert shows(opened(product)) == "OFFICIAL"
    assert shows(opened(product, "/receipt/nobody", **good)) == "OFFICIAL"

    # What we believe and what the view proves: nobody told us that it is open.
    proof = product.one("SELECT plan, viewed_paid_at, odd_at FROM gold_plan")
    assert (proof.plan, proof.viewed_paid_at) == ("unset", order.paid_at)
    assert proof.odd_at is not None
    assert is_open(product)
    assert "实际是开着的" in desk.get("/gold-plan").text


def test_a_page_faster_than_the_news_asks_the_wallet_and_shows_all(
    product: Product, phone: MakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.simulator.fault("wechat.notify", "drop", times=50)
    phone().pay(amount="12.00")
    order = product.one(f"SELECT * FROM pay_order WHERE {OURS}")
    trade = product.simulator.trade(order.out_trade_no)
    assert trade is not None
    told = asked(product, "/receipt", order.out_trade_no, trade["transaction_id"])
    early = opened(product, **told)
    assert shows(early) == "CUSTOM"
    assert "12.00" not in early.text
    part = re.search(r'data-part="([^"]+)"', early.text)
    assert part is not None
    path = part[1].replace("&amp;", "&")
    inside = requests.get(product.url + path, timeout=20)
    assert inside.status_code == 200
    assert "¥12.00" in inside.text
    assert product.one(f"SELECT status FROM pay_order WHERE {OURS}").status == "paid"
    wrong = requests.get(product.url + path.replace("check_code=", "check_code=0"), timeout=20)
    assert "12.00" not in wrong.text

    def down(*_: object) -> None:
        raise OperationalError("select", {}, Exception("down"))

    monkeypatch.setattr(receipt, "_find", down)
    assert shows(opened(product, **told)) == "OFFICIAL"


def test_many_payments_without_one_view_stand_out(product: Product, phone: MakePhone) -> None:
    desk = Console(product)
    assert throw(desk, "receipt", "open").status_code == 303
    assert throw(desk, "plan", "open").status_code == 303
    product.simulator.advance(400)
    desk.sign_in()
    for n in range(1, 11):
        phone(person=f"p{n:02d}").pay(amount="1.00")
    for row in product.sql(f"SELECT out_trade_no AS number FROM pay_order WHERE {OURS}"):
        product.wait_paid(row.number)
    assert "最近 10 笔微信付款都没有打开过小票" in desk.get("/gold-plan").text
    last = product.one(f"SELECT * FROM pay_order WHERE {OURS} ORDER BY id DESC LIMIT 1")
    told = asked(product, "/receipt", last.out_trade_no, last.transaction_id)
    assert shows(opened(product, **told)) == "CUSTOM"
    assert "没有打开过小票" not in desk.get("/gold-plan").text


def test_fields_of_the_receipt_say_what_is_wrong_and_keep_what_was_typed(product: Product) -> None:
    desk = Console(product)
    path = f"/gold-plan/m/{tea(product).out_sub_mch_id}/receipt"
    for wrong, at in (
        ({"minutes": "-1"}, "minutes"), ({"minutes": "１２"}, "minutes"), ({"title": ""}, "title"),
        ({"text": "长" * 49}, "text"), ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "http://example.com"}, "url"), ({"url": "https://"}, "url"),
    ):  # fmt: skip
        answer = desk.post(path, {**BLOCKS, **wrong})
        assert answer.status_code == 422, wrong
        assert f'id="{at}-msg"' in answer.text
        assert "取茶号" in answer.text
    assert product.sql("SELECT 1 FROM gold_plan WHERE blocks <> '[]'") == []
    assert desk.post(path, {**BLOCKS, "title": "<b>x</b>"}).status_code == 303
    assert "<b>x</b>" not in desk.get(path.removesuffix("/receipt")).text

    # The verification file stands beside the link.
    name = "MP_verify_abcdefgh12345678.txt"
    bad = desk.post("/gold-plan/file", {"name": "../x.txt", "content": "abc"})
    assert bad.status_code == 400
    assert desk.post("/gold-plan/file", {"name": name, "content": "abcdefgh"}).status_code == 303
    beside = requests.get(f"{product.url}/receipt/{name}", timeout=9)
    assert (beside.status_code, beside.text) == (200, "abcdefgh")
    other = desk.post("/gold-plan/file", {"name": name, "content": "another1"})
    assert other.status_code == 400
    assert (
        requests.get(f"{product.url}/receipt/MP_verify_zzzzzzzzz.txt", timeout=9).status_code == 404
    )


def test_the_months_rebate_is_the_sum_of_its_lines(product: Product, phone: MakePhone) -> None:
    desk = Console(product)
    product.do("UPDATE merchant SET rebate_bp = 33 WHERE wechat_sub_mchid = :s", s=TEA)
    phone().pay(amount="100.01")
    product.wait_paid(product.one(f"SELECT out_trade_no AS n FROM pay_order WHERE {OURS}").n)
    page = words(desk.get("/gold-plan/rebate").text)
    assert "仅供参考" in page
    assert "0.33%" in page
    file = desk.get("/gold-plan/rebate.csv").content.decode("utf-8-sig").splitlines()
    rows = [line.split(",") for line in file[1:]]
    mine = next(row for row in rows if row[2] == "青禾茶事" and row[3] == "微信支付")
    net = round(float(mine[4]) * 100)
    assert net >= 10001
    assert round(float(mine[6]) * 100) == net * 33 // 10000


def test_the_owner_fills_the_receipt_on_the_phone(product: Product) -> None:
    owner = requests.Session()
    row = product.one("SELECT public_id FROM staff WHERE name LIKE '青禾茶事%' ORDER BY id LIMIT 1")
    owner.get(f"{product.url}/m/demo-login/{row.public_id}", timeout=20)
    page = owner.get(f"{product.url}/m/receipt", timeout=20)
    token = re.search(r'name="token" value="(\w+)"', page.text)
    assert token is not None
    assert "服务商还没有给你开通点金计划" in page.text
    form = {**BLOCKS, "token": token[1]}
    wrong = owner.post(f"{product.url}/m/receipt", data={**form, "minutes": "0"}, timeout=20)
    assert wrong.status_code == 422
    assert "取茶号" in wrong.text
    kept = owner.post(f"{product.url}/m/receipt", data=form, timeout=20)
    assert "已保存" in kept.text
    filled = product.one("SELECT blocks FROM gold_plan").blocks
    assert [one["kind"] for one in filled] == ["pickup", "parking", "card", "notice"]
