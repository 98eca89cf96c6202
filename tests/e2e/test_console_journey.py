"""From an empty database to a merchant's first payment, by the checklist alone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from cli.supervise import migrate
from services.console import totp
from tests.e2e.conftest import Screen
from tests.harness.database import Server
from tests.harness.product import Product
from tests.integration.health.test_forms import pkcs12

MakeScreen = Callable[..., Screen]
PASSWORD = "一句足够长的话 2026"
NUMBER = "1900000109"  # a sub-merchant that WeChat has under this provider
LONG = 30_000  # ms: pages that ask WeChat before they answer


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """Migrated, and not one row in it."""
    name = server.create()
    migrate(server.addresses(name))
    yield name
    server.drop(name)


class Authenticator:
    """The app on the admin's phone: a code is used once, then he waits for the next."""

    def __init__(self, product: Product, secret: str) -> None:
        self.product, self.secret, self.last = product, secret, 0

    def code(self) -> str:
        now = totp.step_of(self.product.deps.now())
        if now <= self.last:
            self.product.simulator.advance((self.last + 1 - now) * totp.STEP_S)
            now = totp.step_of(self.product.deps.now())
        self.last = now
        return totp.code_of(self.secret, now)


def scanned(picture: Locator) -> str:
    """What a phone's camera reads off the screen."""
    image = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    (found,) = zxingcpp.read_barcodes(image)
    return found.text


def confirm(page: Page, app: Authenticator) -> None:
    """A change that asks for a fresh code of the second factor."""
    expect(page.locator("h1")).to_have_text("再确认一次")
    page.get_by_label("动态验证码").fill(app.code())
    page.get_by_role("button", name="确认", exact=True).click(timeout=LONG)
    expect(page.locator("h1")).not_to_have_text("再确认一次", timeout=LONG)
    assert page.locator(".msg, .note.bad").all_inner_texts() == []


def go(page: Page, title: str) -> None:
    """The next step of the checklist: it says which, and its button leads there."""
    page.get_by_role("link", name="上线清单").click()
    expect(page.locator(".hd")).to_contain_text(f"下一步：{title}")
    page.locator(".steps .btn-1").click()


def set_up(product: Product, page: Page) -> Authenticator:
    """`flask console add-admin` prints a link; the rest is done in the browser."""
    made = product.app.test_cli_runner().invoke(args=["console", "add-admin", "cheng"])
    assert made.exit_code == 0, made.output
    link = re.search(r"https?://\S+", made.output)
    assert link, made.output
    page.goto(link[0])
    app = Authenticator(product, page.locator(".secret").inner_text().replace(" ", ""))
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_label("再输入一次").fill(PASSWORD)
    page.get_by_label("验证码").fill(app.code())
    page.get_by_role("button", name="设置好").click(timeout=LONG)
    page.get_by_role("link", name="抄好了，去登录").click()
    page.get_by_label("账号").fill("cheng")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_label("动态验证码").fill(app.code())
    page.get_by_role("button", name="登录").click(timeout=LONG)
    return app


def keys(product: Product, page: Page, app: Authenticator) -> None:
    confirm(page, app)  # a form with a file asks before it opens
    held = product.simulator.credentials()["wechat"]
    for label, name in {
        "服务商号": "sp_mchid", "公众号 AppID": "sp_appid",
        "APIv3 密钥": "apiv3_key", "APIv2 密钥": "apiv2_key",
        "微信支付公钥 ID": "public_key_id", "微信支付公钥": "public_key",
        "公众号 AppSecret": "oa_secret",
    }.items():  # fmt: skip
        page.get_by_label(label, exact=True).fill(f"  {held[name]}\n")
    page.get_by_label("证书文件", exact=True).set_input_files(
        {"name": "apiclient_cert.p12", "mimeType": "application/x-pkcs12",
         "buffer": pkcs12(held, held["sp_mchid"])}
    )  # fmt: skip
    page.get_by_role("button", name="保存并测试").click(timeout=LONG)
    expect(page.locator("h1")).not_to_have_text("微信支付配置", timeout=LONG)
    assert page.locator(".msg, .note.bad").all_inner_texts() == []


def merchant(page: Page) -> None:
    page.get_by_role("link", name=re.compile("新建商户|添加商户")).first.click()
    page.get_by_label("商户全称").fill("青禾茶事")
    page.get_by_label("微信子商户号").fill(NUMBER)
    page.get_by_role("button", name="核对并保存").click(timeout=LONG)
    page.get_by_label("我已把认证密钥保存到安全的地方").check()
    page.get_by_role("button", name="完成").click()


def owner(page: Page, app: Authenticator, phone: Screen) -> None:
    page.get_by_label("姓名").fill("许知行")
    page.get_by_role("button", name="添加并生成激活码").click()
    confirm(page, app)
    link = scanned(page.get_by_alt_text("激活二维码，用微信扫"))
    phone.open(link)
    phone.page.get_by_role("button", name="确认激活").tap()
    expect(phone.page.locator(".acting")).to_contain_text("许知行")
    page.get_by_role("link", name="完成").click()


def test_from_an_empty_database_to_a_merchant_s_first_payment_by_the_checklist(
    product: Product, screen: MakeScreen
) -> None:
    desk = screen("desktop", viewport={"width": 1280, "height": 800})
    page = desk.page
    app = set_up(product, page)
    page.get_by_role("link", name="新建服务商").click()
    page.get_by_label("服务商全称").fill("澄江数科")
    page.get_by_role("button", name="新建").click()
    expect(page.locator("h1")).to_have_text("上线清单")
    go(page, "填写微信支付密钥")
    keys(product, page, app)
    go(page, "添加商户")
    merchant(page)
    go(page, "激活商户管理员")
    owner(page, app, screen(person="zhou"))
    go(page, "添加门店")
    page.get_by_label("分店名").fill("湖滨店")
    page.get_by_role("button", name="添加门店").click()
    go(page, "扫码付一分钱")
    link = scanned(page.get_by_alt_text(re.compile("的收款码")))
    payer = screen(person="lin")
    payer.open(link)
    payer.tap("0.01")
    payer.press()
    payer.sheet()
    expect(payer.page.locator("main, body").first).to_contain_text("付款成功", timeout=LONG)
    page.get_by_role("link", name="上线清单").click()
    expect(page.locator(".hd")).to_contain_text("都完成了，可以收款")
    paid = product.one("SELECT amount_fen, status FROM pay_order")
    assert (paid.amount_fen, paid.status) == (1, "paid")
