"""What a merchant brings along: the second order prefix of its tills, its own app at WeChat."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from errors import BadInput, Conflict
from gateways.base import WechatAccount
from services.accounts import account_for
from services.adoption import adopt
from services.code_finding.finding import find
from services.codepay.charging import charge
from services.merchants import client_ids, prefixes
from services.merchants.prefixes import allowed
from services.merchants.problems import PrefixTaken
from services.onboarding.merchants import NewMerchant, add_merchant
from services.scan import Scan, scan_store
from services.seed import MAIN
from tests.e2e.links import one_off
from tests.harness.console import Console
from tests.harness.phone import Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.codepay.helping import own_versions, scanned
from tests.integration.looking import orders
from tests.integration.losing import lose_order

QINGHE, CHENGUANG = "sub01QINGHE8H2K4M6P9", "sub04WEIXINONLY7G8H2"
FIRST, SECOND = "sz0100qhcs", "77001234"
APP = "wxd678efh567hg6999"


def merchant(product: Product, out_id: str = QINGHE) -> Any:
    return product.one("SELECT * FROM merchant WHERE out_sub_mch_id = :m", m=out_id)


def test_a_second_prefix_is_added_once_and_what_begins_with_it_is_taken(
    product: Product, simulator: Simulator, phone: Any
) -> None:
    own_versions(product)
    desk, own = Console(product), f"/merchants/{QINGHE}"
    strange = product.one(
        "SELECT order_prefix FROM merchant WHERE provider_id <> :p ORDER BY id LIMIT 1",
        p=merchant(product).provider_id,
    )
    other = merchant(product, CHENGUANG).order_prefix
    assert desk.post(f"{own}/prefix", {"prefix": SECOND}).status_code == 403, "a fresh code"
    assert merchant(product).second_prefix is None
    for typed, code in (
        ("7700123", "INPUT_INVALID"), ("7700123x", "INPUT_INVALID"),
        ("77001234567", "INPUT_INVALID"),
        (FIRST, "ORDER_PREFIX_TAKEN"), (other, "ORDER_PREFIX_TAKEN"),
        (strange.order_prefix, "ORDER_PREFIX_TAKEN"),
    ):  # fmt: skip
        answer = desk.get(f"{own}/keys", params={"prefix": typed})
        assert (answer.status_code, code in answer.text) == (422, True), (typed, words(answer.text))
        assert f'value="{typed}"' in answer.text
        assert desk.post(f"{own}/prefix", {"prefix": typed}, confirmed=True).status_code == 422
    shown = desk.get(f"{own}/keys", params={"prefix": " ７７00\u200b1234 "})
    assert "确认添加" in shown.text
    assert f'name="prefix" value="{SECOND}"' in shown.text

    # before it is there, nothing that begins with it is taken
    with pytest.raises(BadInput, match=FIRST):
        charge(product.deps, scanned(product, "wechat", out_trade_no=f"{SECOND}A1"))
    payer: Phone = phone()
    assert "LINK_INVALID" in payer.get(one_off(product, trade_num=f"{SECOND}B1")).text
    assert Console(product, "demo-operator").post(f"{own}/prefix").status_code == 403

    assert desk.post(f"{own}/prefix", {"prefix": SECOND}, confirmed=True).status_code == 303
    noted = product.one("SELECT * FROM audit_entry WHERE action = 'merchant_prefix_added'")
    assert noted.facts["prefix"] == SECOND
    for path in ("", "/keys"):
        assert SECOND in words(desk.get(own + path).text)
    assert [hit.kind for hit in found(product, SECOND)] == ["订单前缀"]
    assert "青禾茶事" in desk.get("/merchants", params={"q": SECOND[:5]}).text

    # and it stays: neither another one nor anybody else's
    again = desk.post(f"{own}/prefix", {"prefix": "77009999"}, confirmed=True)
    assert (again.status_code, "ORDER_PREFIX_FIXED" in again.text) == (422, True)
    for taken in (SECOND, f"{SECOND}ab"):
        theirs = f"/merchants/{CHENGUANG}/prefix"
        assert desk.post(theirs, {"prefix": taken}, confirmed=True).status_code == 422
        with pytest.raises(Conflict):
            add_merchant(product.deps, NewMerchant(MAIN, "x", order_prefix=taken), actor="test")

    charged = charge(product.deps, scanned(product, "wechat", out_trade_no=f"{SECOND}A1"))
    assert charged.state == "paid"
    with pytest.raises(BadInput, match=f"{FIRST} or {SECOND}"):
        charge(product.deps, scanned(product, "wechat", out_trade_no=f"{other}A1"))
    made = payer.press(payer.form(path=one_off(product, trade_num=f"{SECOND}B1", nonce="n2")))
    assert made.status_code == 200, made.text
    payer.confirm(made.json())
    product.wait_paid(f"{SECOND}B1")
    payer.pay(amount="3.00")
    ours = orders(product)[-1]
    product.wait_paid(ours.out_trade_no)
    assert ours.out_trade_no.startswith(FIRST), "new numbers are made with the first"

    # a payment that a restored backup does not hold comes back under either
    for number in (f"{SECOND}B1", f"{SECOND}A1"):
        lose_order(product, number)
        back = adopt(product.deps, merchant(product).provider_id, "wechat", number, None, "test")
        assert back is not None
        row = product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=number)
        assert (row.intent_key, row.merchant_id) == (
            f"d{merchant(product).id}:{number}", merchant(product).id,
        )  # fmt: skip


def seen(product: Product, provider: int, store: int) -> Scan:
    return product.deps.transact(lambda s: scan_store(s, provider, store, None))


def found(product: Product, typed: str) -> list[Any]:
    provider = merchant(product).provider_id
    return product.deps.transact(lambda s: find(s, product.deps, provider, typed)).hits


def test_of_two_who_want_it_at_once_one_gets_it(product: Product) -> None:
    """Also where one is only the beginning of the other, which no constraint sees."""
    one, two = merchant(product), merchant(product, CHENGUANG)
    barrier = threading.Barrier(2)

    def take(row: Any, prefix: str) -> bool:
        barrier.wait()
        try:
            client_ids.set_second(
                product.deps, row.provider_id, row.out_sub_mch_id, prefix, actor="test"
            )
        except PrefixTaken:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        for n in range(6):
            product.do("UPDATE merchant SET second_prefix = NULL")
            wanted = ((one, f"7700000{n}"), (two, f"7700000{n}99"))
            done = list(both.map(lambda pair: take(*pair), wanted))
            assert sorted(done) == [False, True]


def test_drawn_prefixes_keep_clear_of_second_ones(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.do(
        "UPDATE merchant SET second_prefix = '00000001ab' WHERE out_sub_mch_id = :m", m=QINGHE
    )
    drawn = iter([*range(20), *range(20)])
    monkeypatch.setattr("services.merchants.prefixes.secrets.randbelow", lambda _most: next(drawn))
    made = product.deps.transact(lambda s: prefixes.draw(s, 10))
    assert "00000001" not in made
    assert len(set(made)) == 10


def test_a_sub_appid_is_the_merchants_own_number_s(product: Product, simulator: Simulator) -> None:
    desk, own = Console(product), f"/merchants/{QINGHE}"
    assert desk.post(f"{own}/appid", {"appid": APP}).status_code == 403, "a fresh code"
    for typed in ("gh_0123456789ab", "wxD678EFH567HG6999", APP + "0"):
        answer = desk.post(f"{own}/appid", {"appid": typed}, confirmed=True)
        assert (answer.status_code, "AppID 是 wx" in answer.text) == (422, True)
        assert f'value="{typed}"' in answer.text
    assert desk.post(f"{own}/appid", {"appid": f" {APP}\u200b"}, confirmed=True).status_code == 303
    assert merchant(product).wechat_sub_appid == APP
    assert APP in words(desk.get(f"{own}/wechat").text)
    assert [hit.kind for hit in found(product, APP)] == ["子商户 AppID"]

    row = merchant(product)
    stores = product.sql(
        "SELECT id FROM store WHERE merchant_id = :m ORDER BY id LIMIT 2", m=row.id
    )
    product.do("UPDATE store SET wechat_sub_mchid = '1900000125' WHERE id = :i", i=stores[1].id)
    here, there = (seen(product, row.provider_id, one.id) for one in stores)
    assert (here.wechat_sub_appid, there.wechat_sub_appid) == (APP, None), "bound to the number"
    assert allowed(here) == (FIRST,)
    accounts = product.deps.accounts_of(row.provider_id, here.account_version)

    def account(**more: Any) -> WechatAccount:
        made = account_for(accounts, "wechat", row.id, row.wechat_sub_mchid, **more)
        assert isinstance(made, WechatAccount)
        return made

    assert account().sub_appid is None, "the pay page goes by the provider's own app"
    assert account(wechat_sub_appid=here.wechat_sub_appid).sub_appid == APP
    # with another number the app is nobody's
    product.do("UPDATE merchant SET wechat_sub_mchid = NULL WHERE name = '南窗面馆'")
    moved = desk.post(f"{own}/wechat", {"number": "1900000117"}, confirmed=True)
    assert moved.status_code == 303
    assert merchant(product).wechat_sub_appid is None
    noted = product.one("SELECT * FROM audit_entry WHERE action = 'merchant_wechat_set'")
    assert noted.facts["appid_dropped"] == APP
    product.do("UPDATE merchant SET wechat_sub_mchid = NULL WHERE out_sub_mch_id = :m", m=QINGHE)
    none = desk.post(f"{own}/appid", {"appid": APP}, confirmed=True)
    assert (none.status_code, "先填写微信子商户号" in none.text) == (422, True)


def test_a_merchant_is_added_with_its_app(product: Product, simulator: Simulator) -> None:
    desk = Console(product, "demo-operator")
    form = {"name": "半日花铺", "wechat_sub_appid": APP}
    alone = desk.post("/merchants/new", form)
    assert (alone.status_code, "先填写微信子商户号" in alone.text) == (422, True)
    assert f'value="{APP}"' in alone.text
    wrong = desk.post(
        "/merchants/new", {**form, "wechat_sub_mchid": "1900000141", "wechat_sub_appid": "x"}
    )
    assert (wrong.status_code, "AppID 是 wx" in wrong.text) == (422, True)
    made = desk.post("/merchants/new", {**form, "wechat_sub_mchid": "1900000141"})
    assert made.status_code == 201, words(made.text)
    row = product.one("SELECT * FROM merchant WHERE name = '半日花铺'")
    assert (row.wechat_sub_mchid, row.wechat_sub_appid) == ("1900000141", APP)
