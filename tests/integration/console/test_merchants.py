"""Merchants at the provider's desk: added, changed by two at once, keys, 渠道, deleted."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from models.merchant import PermissionStep, WechatRoute
from services.merchants import keys, permissions, reading
from services.merchants.problems import DepositChannel, DepositPermission, RefundApiPermission
from tests.e2e.links import NUMBER, PATH, _key, one_off
from tests.harness.console import Console
from tests.harness.phone import Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator

QINGHE, CHENGUANG, OTHERS = "sub01QINGHE8H2K4M6P9", "sub04WEIXINONLY7G8H2", "sub51BIEJIA1A2B3C4D5"


def merchant(product: Product, out_id: str) -> Any:
    return product.one("SELECT * FROM merchant WHERE out_sub_mch_id = :m", m=out_id)


def key_of(page: str) -> str:
    found = re.search(r'id="key">([0-9a-f]{32})<', page)
    assert found
    return found[1]


def signed(key: str, at: str, nonce: str) -> str:
    """A one-off link of 青禾茶事 signed with this key."""
    said = f"nonce={nonce}&out_shop_id=qinghe-hubin&total_fee=5700&trade_num={NUMBER}&ts={at}"
    sign = hmac.new(key.encode(), said.encode(), hashlib.sha256).hexdigest().upper()
    return f"{PATH}?{said}&sign={sign}"


def actions(product: Product) -> list[str]:
    return [row.action for row in product.sql("SELECT action FROM audit_entry ORDER BY id")]


def test_a_merchant_is_added_only_with_a_number_that_wechat_knows_below_this_provider(
    product: Product, simulator: Simulator
) -> None:
    desk = Console(product, "demo-operator")
    typed = {"name": "半日花铺", "admin_name": "柳叶", "remark": "转角", "rebate": "0.25"}

    def add(number: str) -> Any:
        return desk.post("/merchants/new", {**typed, "wechat_sub_mchid": number})

    for number, code in (
        ("1900000999", "MERCHANT_WX_ID_INVALID"),  # nobody's
        ("1900000508", "MERCHANT_WX_ID_INVALID"),  # another provider's
        ("12345", "INPUT_INVALID"),
        ("1900000109", "MERCHANT_EXISTS"),
    ):
        answer = add(number)
        assert (answer.status_code, code in answer.text) == (422, True), words(answer.text)
        assert 'value="半日花铺"' in answer.text
        assert 'value="柳叶"' in answer.text
        assert f'value="{number}"' in answer.text
    assert f'href="/console/merchants/{QINGHE}"' in answer.text
    simulator.fault("wechat.query", "error", code="SIGN_ERROR")
    assert "PROVIDER_WX_INVALID" in add("1900000141").text
    simulator.fault("wechat.query", "drop")
    assert "MERCHANT_WX_UNCHECKED" in add("1900000141").text
    assert not product.sql("SELECT 1 FROM merchant WHERE name = '半日花铺'")

    made = add(" １９００0001\u200b41 ")  # as a chat program gives it
    assert made.status_code == 201, words(made.text)
    row = product.one("SELECT * FROM merchant WHERE name = '半日花铺'")
    assert (row.wechat_sub_mchid, row.rebate_bp, row.needs_setup) == ("1900000141", 25, True)
    assert row.wechat_checked_at is not None
    assert re.fullmatch(r"[0-9]{8}", row.order_prefix)
    found = product.deps.transact(
        lambda s: keys.live_keys(
            product.deps, reading.find(s, row.provider_id, row.out_sub_mch_id), product.deps.now()
        )
    )
    assert found == [key_of(made.text)]
    assert key_of(made.text) not in desk.get(f"/merchants/{row.out_sub_mch_id}/keys").text
    assert "待设置" in desk.get("/merchants?q=半日花").text
    assert desk.post(f"/merchants/{row.out_sub_mch_id}/keys/saved").status_code == 303
    assert "待设置" not in desk.get("/merchants?q=半日花").text
    assert "MERCHANT_EXISTS" in add("1900000141").text
    facts = product.sql("SELECT facts::text AS f FROM audit_entry WHERE action LIKE 'merchant%'")
    assert not [row for row in facts if "柳叶" in row.f or "转角" in row.f]


def test_the_list_goes_by_pages_and_finds_by_any_number(product: Product) -> None:
    product.do(
        "INSERT INTO merchant (provider_id, out_sub_mch_id, name, short_name, order_prefix,"
        " is_active, alipay_state, alipay_wap, unsigned_links, seal_key, authen_key_sealed,"
        " created_at, source) SELECT 1, 'page' || n, '第' || n || '家', 'x', 'p'"
        " || lpad(n::text, 9, '0'), true, 'none', false, false, 's', 'x', now(), 'file'"
        " FROM generate_series(1, 45) n"
    )
    desk = Console(product, "demo-viewer")
    seen: list[str] = []
    path = "/merchants?source=file"
    for _ in range(3):
        page = desk.get(path).text
        seen += re.findall(r">(第\d+家)</a><small", page)
        older = re.search(r'href="(\?[^"]*before=\d+)"', page)
        if older is None:
            break
        path = "/merchants" + older[1].replace("&amp;", "&")
    assert seen == [f"第{n}家" for n in range(45, 0, -1)]
    newer = re.search(r'href="(\?[^"]*after=\d+)"', desk.get(path).text)
    assert newer
    back = desk.get("/merchants" + newer[1].replace("&amp;", "&")).text
    assert re.findall(r">(第\d+家)</a><small", back) == [f"第{n}家" for n in range(25, 5, -1)]
    for q in ("青禾", "1900000109", "2088000000000109", "sz0100qhcs", QINGHE, "qinghe-hubin"):
        assert re.findall(r'who-l"[^>]*>([^<]+)<', desk.get(f"/merchants?q={q}").text) == [
            "青禾茶事"
        ], q
    for q in ("别家", "1900000508", OTHERS, "%", "_"):
        assert "没有符合条件的商户" in desk.get(f"/merchants?q={q}").text, q


def test_the_second_of_two_operators_is_told_and_nothing_typed_is_lost(product: Product) -> None:
    first, second = Console(product), Console(product, "demo-operator")
    seen = merchant(product, QINGHE).version
    form = {"name": "青禾茶事", "short_name": "青禾", "version": str(seen)}
    assert first.post(f"/merchants/{QINGHE}/edit", {**form, "remark": "甲"}).status_code == 303
    mine = {**form, "remark": "乙的备注", "admin_name": "周"}
    told = second.post(f"/merchants/{QINGHE}/edit", mine)
    assert told.status_code == 422
    assert "MERCHANT_CHANGED" in told.text
    assert "沈澄 刚保存过" in told.text
    assert 'value="乙的备注"' in told.text
    assert "<dd>甲</dd>" in told.text
    assert merchant(product, QINGHE).remark == "甲"
    version = re.search(r'name="version" value="(\d+)"', told.text)
    assert version
    again = second.post(f"/merchants/{QINGHE}/edit", {**mine, "version": version[1]})
    assert again.status_code == 303
    assert merchant(product, QINGHE).remark == "乙的备注"
    bad = {**mine, "name": "", "rebate": "101", "admin_email": "nobody", "remark": "y" * 201}
    refused = second.post(f"/merchants/{QINGHE}/edit", bad)
    assert refused.status_code == 422
    for field in ("name", "rebate", "admin_email", "remark"):
        assert f'id="{field}-msg"' in refused.text, field


def test_a_key_is_reset_at_once_or_with_an_overlap(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    desk = Console(product)
    payer: Phone = phone()

    def opens(link: str) -> bool:
        return payer.get(link).status_code == 200

    def at() -> str:
        return str(int(product.deps.now().timestamp()))

    old, first = one_off(product, nonce="n1", ts=at()), _key(product)
    assert opens(old)
    assert desk.post(f"/merchants/{QINGHE}/keys", {"overlap": "60"}).status_code == 403
    made = desk.post(f"/merchants/{QINGHE}/keys", {"overlap": "60"}, confirmed=True)
    assert made.status_code == 200, words(made.text)
    assert opens(one_off(product, nonce="n2", ts=at())), "the new key"
    assert opens(old), "the old one serves beside it"
    assert "旧密钥还能用到" in desk.get(f"/merchants/{QINGHE}/keys").text
    assert opens(signed(first, at(), "n3"))
    simulator.advance(3601)
    assert not opens(signed(first, at(), "n4")), "the overlap is over"
    late = one_off(product, nonce="n5", ts=at())
    assert opens(late)
    again = desk.post(f"/merchants/{QINGHE}/keys", {"overlap": "0"}, confirmed=True)
    assert key_of(again.text) != key_of(made.text)
    assert not opens(late), "ended at once"
    wrong = desk.post(f"/merchants/{QINGHE}/keys", {"overlap": "9"}, confirmed=True)
    assert wrong.status_code == 422
    assert actions(product).count("merchant_key_reset") == 2


def test_a_route_is_changed_only_where_the_number_and_the_stores_allow_it(
    product: Product,
) -> None:
    desk, own = Console(product, "demo-operator"), f"/merchants/{QINGHE}"
    told = desk.post(f"{own}/route", {"route": "maidan"})
    assert (told.status_code, "CHANNEL_MAIDAN_NOT_OPEN" in told.text) == (409, True)
    steps = {"deposit_step": "invited", "refund_api_step": "none", "face_to_face": "applying"}
    assert desk.post(f"{own}/permissions", {**steps, "has_maidan": "1"}).status_code == 303
    assert "约一个工作日" in desk.get(f"{own}/alipay").text
    product.do("UPDATE store SET maidan_store_id = 'M1' WHERE out_shop_id = 'qinghe-hubin'")
    told = desk.post(f"{own}/route", {"route": "maidan"})
    assert "MAIDAN_STORES_BOUND" in told.text
    assert "湖滨店" in told.text
    bind = desk.post(f"{own}/stores/qinghe-dongpo", {"maidan_store_id": "M1"})
    assert (bind.status_code, "已绑定到" in bind.text) == (422, True)
    assert desk.post(f"{own}/stores/qinghe-hubin", {"maidan_store_id": ""}).status_code == 303
    assert desk.post(f"{own}/route", {"route": "maidan"}).status_code == 303
    assert merchant(product, QINGHE).wechat_route == "maidan"
    told = desk.post(f"{own}/permissions", steps)  # 买单 cannot go while money runs over it
    assert "CHANNEL_MAIDAN_NOT_OPEN" in told.text
    found = product.deps.transact(lambda s: reading.find(s, 1, QINGHE))
    for want in (DepositChannel, DepositPermission, RefundApiPermission):
        with pytest.raises(want):
            permissions.refuse_deposit(found)
        if want is DepositChannel:
            found.wechat_route = WechatRoute.DIRECT
        elif want is DepositPermission:
            found.deposit_step = PermissionStep.OPEN
    found.refund_api_step = PermissionStep.OPEN
    permissions.refuse_deposit(found)


def test_a_merchant_is_deleted_a_month_after_its_last_trade_and_its_records_stay(
    product: Product,
) -> None:
    desk, own = Console(product, "demo-operator"), f"/merchants/{CHENGUANG}"
    mine = merchant(product, CHENGUANG)
    count = "SELECT count(*) AS n FROM pay_order WHERE merchant_id = :m"
    orders = product.one(count, m=mine.id).n
    assert orders > 0
    refused = desk.post(f"{own}/delete", {"sure": "1"})
    assert (refused.status_code, "MERCHANT_RECENT_TRADE" in refused.text) == (409, True)
    last = "2026-03-15T04:00:00+00:00"
    product.do(
        "UPDATE pay_order SET created_at = :t, paid_at = CASE WHEN status = 'paid' THEN"
        " CAST(:t AS timestamptz) END, status = CASE WHEN status = 'paid' THEN 'paid'"
        " ELSE 'closed' END WHERE merchant_id = :m",
        t=last, m=mine.id,
    )  # fmt: skip

    def standing(at: datetime) -> Any:
        from services.merchants import deleting

        return product.deps.transact(
            lambda s: deleting.standing(s, reading.find(s, 1, CHENGUANG), at)
        )

    assert standing(datetime(2026, 4, 15, 3, 59, 59, tzinfo=UTC)).problem is not None
    assert standing(datetime(2026, 4, 15, 4, 0, 0, tzinfo=UTC)).problem is None
    product.do(
        "INSERT INTO card_room (provider_id, merchant_id, cap_fen, balance_fen, held_fen)"
        " VALUES (1, :m, 1000, 50, 0) ON CONFLICT (provider_id, merchant_id)"
        " DO UPDATE SET balance_fen = 50",
        m=mine.id,
    )
    refused = desk.post(f"{own}/delete", {"sure": "1"})
    assert "MERCHANT_CARD_BALANCE" in refused.text
    assert "¥0.50" in refused.text
    product.do("UPDATE card_room SET balance_fen = 0 WHERE merchant_id = :m", m=mine.id)
    assert desk.post(f"{own}/delete", {}).status_code == 400, "nobody said that he is sure"
    assert desk.post(f"{own}/delete", {"sure": "1"}).status_code == 303
    assert desk.get(own).status_code == 404
    assert "晨光" not in desk.get("/merchants").text
    assert product.one(count, m=mine.id).n == orders
    open_stores = "SELECT count(*) AS n FROM store WHERE merchant_id = :m AND is_active"
    assert product.one(open_stores, m=mine.id).n == 0


def test_the_first_people_are_activated_from_the_desk(product: Product, phone: Any) -> None:
    operator, admin = Console(product, "demo-operator"), Console(product)
    own = f"/merchants/{CHENGUANG}"
    assert operator.post(f"{own}/people", {"name": "豆浆"}).status_code == 403
    assert admin.post(f"{own}/people", {"name": "豆浆"}).status_code == 403, "no fresh code"
    bad = admin.post(f"{own}/people", {"name": ""}, confirmed=True)
    assert bad.status_code == 422
    made = admin.post(f"{own}/people", {"name": "豆浆"}, confirmed=True)
    assert made.status_code == 200, words(made.text)
    token = re.search(r"k=([A-Za-z0-9_-]+)", made.text)
    digits = re.search(r'aria-label="激活码">(\d{3}) (\d{3})<', made.text)
    assert token is None, "the token is in the picture alone"
    assert digits
    person = product.one("SELECT public_id FROM staff WHERE name = '豆浆'").public_id
    again = admin.post(f"{own}/people/code", {"person": person}, confirmed=True)
    new = re.search(r'aria-label="激活码">(\d{3}) (\d{3})<', again.text)
    assert new
    assert new[0] != digits[0]
    other = product.one("SELECT public_id FROM staff WHERE name LIKE '别家%' LIMIT 1").public_id
    foreign = admin.post(f"{own}/people/code", {"person": other}, confirmed=True)
    assert foreign.status_code == 404
    both = admin.post("/sub-providers/people", {"person": "总部小陈"}, confirmed=True)
    assert both.status_code == 200
    assert (
        product.one("SELECT sub_provider_id AS s FROM provider_admin WHERE name = '总部小陈'").s
        is None
    )
