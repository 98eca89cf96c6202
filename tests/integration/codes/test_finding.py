"""Whatever is pasted or scanned: whose it is, in what state, and nothing of anybody else's."""

from __future__ import annotations

import re

from services.code_finding import numbers
from services.help import link_for
from services.seed import MAIN, OTHER
from tests.harness.console import Console
from tests.harness.product import Product

SUB = "sub01QINGHE8H2K4M6P9"


def look(desk: Console, typed: str) -> str:
    answer = desk.post("/codes/find", {"q": typed})
    assert answer.status_code == 200, answer.text[-500:]
    found = re.search(r'aria-labelledby="found".*?</section>', answer.text, re.S)
    return re.sub(r"<[^>]+>", " ", found[0]) if found else ""


def test_every_form_of_a_code_says_provider_merchant_store_and_state(product: Product) -> None:
    desk = Console(product, "demo-viewer")
    for typed, kind in (
        (f"{product.url}/q/{MAIN}/8K3FQ2", "收款码"),
        (f"  {product.url}/q/{MAIN}/8K3FQ2\n", "收款码"),
        (f"「{product.url}/q/{MAIN}/8K3FQ2/」".strip("「」"), "收款码"),
        ("8K3F-Q2", "编号"),
        ("８Ｋ３Ｆ－Ｑ２", "编号"),
        (f"{product.url}/cpay/qrcode_shop?id=qinghe-hubin&rid=5", "旧版门店码"),
        ("/cpay/qrcode_shop?rid=11&id=qinghe-hubin", "旧版门店码"),
        (f"{product.url}/cpay/qrcode_disposable_payment?out_shop_id=qinghe-hubin&total_fee=1"
         "&trade_num=sz0100qhcs1", "一次性付款链接"),
        ("/cpay/alipay_mch_authorize?oshop=qinghe-hubin&rid=5", "旧版支付宝授权链接"),
        ("/cpay/use_device_setting?osi=qinghe-hubin&si=3&sn=SUNMI_P2_1", "设备配置码"),
    ):  # fmt: skip
        said = look(desk, typed)
        assert kind in said, typed
        for part in ("是你的", "青禾茶事", "湖滨店", "qinghe-hubin", MAIN):
            assert part in said, (typed, part)
        assert said.count("能付") == 2, typed
    assert "未知" in said, "nothing was checked yet, and that is not fine"


def test_what_stands_against_paying_is_what_the_customer_would_meet(product: Product) -> None:
    desk = Console(product)
    link = f"{product.url}/q/{MAIN}/8K3FQ2"
    product.do("UPDATE merchant SET alipay_state = 'revoked' WHERE out_sub_mch_id = :s", s=SUB)
    said = look(desk, link)
    assert (said.count("能付"), said.count("付不了")) == (1, 1)
    assert "ALIPAY_TOKEN_INVALID" in said
    page = desk.post("/codes/find", {"q": link}).text
    assert f'href="{link_for("ALIPAY_TOKEN_INVALID")}"' in page
    product.do("UPDATE pay_code SET is_active = false WHERE code = '8K3FQ2'")
    product.do("UPDATE provider SET oa_state = 'scope_denied' WHERE out_mch_id = :m", m=MAIN)
    said = look(desk, link)
    assert said.count("STORE_DISABLED") == 2, "the nearest cause first, as on the pay page"
    product.do("UPDATE pay_code SET is_active = true WHERE code = '8K3FQ2'")
    assert "OA_SCOPE_DENIED" in look(desk, link)


def test_a_foreign_code_tells_its_provider_s_number_and_nothing_else(product: Product) -> None:
    desk = Console(product)
    other = product.one(
        "SELECT c.code, m.name AS merchant, m.out_sub_mch_id, s.name AS store, s.out_shop_id"
        " FROM pay_code c JOIN provider p ON p.id = c.provider_id"
        " JOIN merchant m ON m.provider_id = p.id AND m.id = c.merchant_id"
        " JOIN store s ON s.provider_id = p.id AND s.id = c.store_id WHERE p.out_mch_id = :o"
        " ORDER BY c.id LIMIT 1",
        o=OTHER,
    )
    for typed in (
        f"{product.url}/q/{OTHER}/{other.code}",
        f"{product.url}/q/{MAIN}/{other.code}",
        other.code,
        f"/cpay/qrcode_shop?id={other.out_shop_id}",
        f"{product.url}/card/{OTHER}/{other.out_sub_mch_id}",
        f"{product.url}/q/{OTHER}/nosuch1",
    ):
        said = look(desk, typed)
        assert "不是你的" in said, typed
        assert OTHER in said, typed
        whole = desk.post("/codes/find", {"q": typed}).text  # attributes, too
        for secret in (other.merchant, other.store):
            assert secret not in whole, typed
        assert "现在扫码会怎样" not in whole, typed
    for number in (other.out_sub_mch_id, other.out_shop_id):
        assert "没有找到" in look(desk, number), number
    ours = look(desk, f"{product.url}/q/{OTHER}/8K3FQ2")
    assert "两个对不上" in ours
    assert ours.count("付不了") == 2


def test_what_is_no_code_of_ours_is_named_and_secrets_are_not_shown_again(
    product: Product,
) -> None:
    desk = Console(product)
    for typed, words in (
        ("wxp://f2f0AbCdEf", "小绿盒"),
        ("https://qr.alipay.com/fkx00000", "小绿盒"),
        ("https://example.com/pay/1", "不是本系统的链接"),
        ("134567890123456789", "付款码"),
        (f"{product.url}/m/activate?t=SECRETTOKEN", "激活码"),
        ("nonsense", "没有叫这个编号的"),
        ("https://[", "不是本系统的链接"),
        ("javascript://%0aalert(1)", "不是本系统的链接"),
        ("https://old.example.cn/q/" + MAIN + "/8K3FQ2", "不是本系统的"),
        ("<script>alert(1)</script>", "不是本系统的链接"),
    ):
        answer = desk.post("/codes/find", {"q": typed}).text
        assert words in answer, typed
        for hidden in ("134567890123456789", "SECRETTOKEN", "<script>alert"):
            assert hidden not in answer, typed


def test_a_number_finds_what_is_called_so_and_hardware_as_soon_as_there_is_any(
    product: Product,
) -> None:
    desk = Console(product)
    for number in (SUB, "sz0100qhcs", "1900000109", "2088000000000109", "qinghe-hubin"):
        said = look(desk, number)
        assert "青禾茶事" in said, number
        assert "是你的" in said, number
    said = look(desk, "4004512345")
    for kind in numbers.missing():
        assert kind in said
    assert {said for said, _ in numbers.HARDWARE.values()} == {
        *numbers.missing(), *numbers.connected(),
    }  # fmt: skip
    assert "青禾茶事" in desk.get("/codes?q=8K3FQ2").text


def test_a_serial_number_says_at_whom_the_device_is_and_since_when(product: Product) -> None:
    desk = Console(product)
    product.do(
        "INSERT INTO synced_device (provider_id, merchant_id, kind, serial, created_at)"
        " SELECT provider_id, id, 'mobile_terminal', 'WX_GREEN_' || id, '2026-11-01T04:00Z'"
        " FROM merchant WHERE out_sub_mch_id = :m OR provider_id <> 1",
        m=SUB,
    )
    own = product.one("SELECT id FROM merchant WHERE out_sub_mch_id = :m", m=SUB).id
    link = f"/cpay/use_device_setting?osi=qinghe-hubin&si=3&sn=WX_GREEN_{own}"
    for typed in (f"WX_GREEN_{own}", f"wx_green_{own}", f" ＷＸ_GREEN_{own}", link):
        said = look(desk, typed)
        for part in ("同步自买单", "青禾茶事", "2026-11-01 12:00:00 起", "配置健康", "未知"):
            assert part in re.sub(r"\s+", " ", said), (typed, part)
    assert "8K3FQ2" in look(desk, "qinghe-hubin"), "a store's codes stand beside it"
    other = product.one("SELECT serial FROM synced_device WHERE provider_id <> 1 LIMIT 1").serial
    assert "没有找到" in look(desk, other)
    file = desk.get("/codes/devices.csv")
    rows = file.content.decode("utf-8-sig").splitlines()
    listed = next(row for row in rows if f"WX_GREEN_{own}," in row)
    assert listed.split(",")[2:4] == [SUB, "青禾茶事"]
    assert other not in file.text
    assert product.one("SELECT 1 FROM audit_entry WHERE subject = 'devices'")
    assert Console(product, "demo-viewer").get("/codes/devices.csv").status_code == 403
