"""A store's devices on the owner's phone, a till that is let in, and the register at the desk."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import DESK, Screen
from tests.e2e.test_card_merchant import says, signed_in
from tests.e2e.test_store_pages import button, link
from tests.harness.cloudpay import Till
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.cloudpay.test_devices import SN, code, machine, report, take
from tests.integration.cloudpay.test_tills import RESULTS, begin, monitor

MakeScreen = Callable[..., Screen]


def test_an_owner_sets_a_machine_up_and_takes_it_away(product: Product, screen: MakeScreen) -> None:
    owner, till = signed_in(product, screen, "owner"), Till.of(product, 1)
    shop = f"/m/stores/{till.out_shop_id}"
    owner.open(shop)
    link(owner, "设备")
    says(owner, "还没有设备")
    owner.look("m-devices-none")
    link(owner, "添加设备")
    owner.page.fill("#name", "前台收银机")
    owner.page.locator("label.pick", has_text="移动收款机具").tap()
    owner.page.fill("#device_id", "pos1")
    owner.look("m-device-form")
    button(owner, "添加设备")
    says(owner, "设备已添加")
    says(owner, "未绑定")
    button(owner, "生成配置二维码")
    image = owner.page.locator("img[alt^=配置二维码]")
    assert image.evaluate("e => e.complete && e.naturalWidth") > 100
    assert "use_device_setting" not in owner.page.url + owner.page.content()
    owner.look("m-device-setting")
    which = product.one("SELECT out_device_id FROM device").out_device_id
    assert take(product, **code(product, till, which), sn=SN)["status"] == 0
    assert till.call("device_report", report(till))["status"] == 0
    told = monitor(till, uncompressed_monitor_info=RESULTS)
    told["order_client"]["device_id"] = "pos1"
    assert till.call("upload_client_monitor_info", told)["status"] == 0
    owner.open(f"/m/devices/{which}")
    says(owner, SN)
    says(owner, "7 笔，成功 6 笔")
    owner.look("m-device-bound")
    owner.open(f"{shop}/devices")
    owner.look("m-devices")
    owner.open(f"/m/devices/{which}")
    link(owner, "强制解绑")
    owner.look("m-device-unbind")
    button(owner, "强制解绑")
    says(owner, "已强制解绑")


def test_an_owner_binds_what_shows_its_own_code_and_lets_a_till_in(
    product: Product, screen: MakeScreen
) -> None:
    owner, till = signed_in(product, screen, "owner"), Till.of(product, 1)
    one = machine(product, till)
    told = one.show()
    query = "&".join(f"{name}={value}" for name, value in one.parts(told).items())
    owner.open(f"/cpay/bind_device?{query}")
    says(owner, "绑定到哪家门店")
    owner.look("m-bind-device-stores")
    owner.page.get_by_role("link", name="南窗面馆", exact=True).tap()
    says(owner, "这家门店还没有设备")
    owner.look("m-bind-device-none")
    owner.open(f"/m/stores/{till.out_shop_id}/devices/new")
    owner.page.fill("#name", "二号机")
    owner.page.locator("label.pick", has_text="智能 POS").tap()
    button(owner, "添加设备")
    owner.open(f"/cpay/bind_device?{query}")
    owner.page.get_by_role("link", name="南窗面馆", exact=True).tap()
    owner.page.locator("label.pick", has_text="二号机").tap()
    owner.look("m-bind-device")
    button(owner, "确认绑定")
    says(owner, "已绑定")
    assert one.poll(told["token"])["get_bill_device_bind_info"]["activated"] == 1
    owner.open("/cpay/bind_device?ac=1&sn=LVHE-1")
    says(owner, "非法二维码")
    owner.look("m-bind-device-foreign")

    waiting = begin(till)
    owner.open(waiting["qr_code_url"])
    says(owner, "允许这台收银机登录？")
    owner.look("m-till")
    button(owner, "允许登录")
    says(owner, "已允许")
    owner.look("m-till-done")


def test_the_register_at_the_desk(product: Product, screen: MakeScreen) -> None:
    desk = Console(product)
    window = screen("desktop", viewport={"width": 1280, "height": 800})
    cookie = next(one for one in desk.http.cookies if one.name.endswith("yima_console"))
    window.context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": product.url}]
    )
    sizes = {**DESK, "390": (390, 844, 100), "200pc": (1280, 800, 200)}
    window.open("/console/devices")
    expect(window.page.locator("h1")).to_have_text("收款机具")
    window.look("console-devices-none", sizes, touch=False)
    window.open("/console/devices/register")
    window.page.locator("[name=otp]").fill(desk.code())
    window.page.locator("main button").first.click()
    expect(window.page.locator("h1")).to_have_text("登记机器")
    window.page.locator("#lines").fill(f"{SN},short")
    window.page.get_by_role("button", name="登记", exact=True).click()
    expect(window.page.locator("#lines-msg")).to_contain_text("第 1 行有误")
    window.look("console-devices-register", sizes, touch=False)
    machine(product, Till.of(product))
    window.open("/console/devices")
    expect(window.page.locator("tbody tr")).to_have_count(1)
    window.look("console-devices", sizes, touch=False)
