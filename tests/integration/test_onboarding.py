"""From nothing to a paid order with the commands alone; and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.integration.console.test_merchant_accounts import consent

MakePhone = Callable[..., Phone]
NEW = "newprovider0001"


class Desk:
    """An operator at a shell: commands, and secrets in files."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.product, self.folder = product, folder

    def run(self, *words: str, stdin: str | None = None) -> Result:
        return self.product.app.test_cli_runner().invoke(args=list(words), input=stdin)

    def ok(self, *words: str, stdin: str | None = None) -> str:
        done = self.run(*words, stdin=stdin)
        assert done.exit_code == 0, done.output
        return done.stdout

    def refused(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code != 0
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content, "utf-8")
        return str(path)

    def facts(self, output: str) -> dict[str, str]:
        return dict(line.split(" ", 1) for line in output.splitlines() if " " in line)

    def wechat(self, held: dict[str, Any], provider: str = NEW) -> tuple[str, ...]:
        return (
            "provider", "set-wechat", "--provider", provider,
            "--sp-mchid", held["sp_mchid"], "--sp-appid", held["sp_appid"],
            "--serial", held["merchant_serial"],
            "--private-key-file", self.file("key.pem", held["merchant_private_key"]),
            "--apiv3-key-file", self.file("v3", f" {held['apiv3_key']}\n"),
            "--public-key-id", held["public_key_id"],
            "--public-key-file", self.file("pub.pem", held["public_key"]),
            "--oa-secret-file", self.file("oa", held["oa_secret"]),
        )  # fmt: skip

    def alipay(self, held: dict[str, Any], provider: str = NEW) -> tuple[str, ...]:
        return (
            "provider", "set-alipay", "--provider", provider, "--app-id", held["app_id"],
            "--private-key-file", self.file("app.pem", bare(held["app_private_key"])),
            "--public-key-file", self.file("ali.pem", "\ufeff" + bare(held["alipay_public_key"])),
        )  # fmt: skip

    def version(self, provider: str = NEW) -> int:
        row = self.product.one(
            "SELECT account_version v FROM provider WHERE out_mch_id = :m", m=provider
        )
        return int(row.v)


def bare(pem: str) -> str:
    """The base64 of a PEM alone, as Alipay's tools show keys."""
    return "".join(line for line in pem.splitlines() if not line.startswith("-"))


@pytest.fixture
def desk(product: Product, tmp_path: Path) -> Desk:
    return Desk(product, tmp_path)


@pytest.fixture
def shop(desk: Desk) -> dict[str, str]:
    """A provider with both wallets, one merchant, one store and its code."""
    held = desk.product.simulator.credentials()
    desk.ok("provider", "add", "--name", "新服务商", "--out-mch-id", NEW)
    desk.ok(*desk.wechat(held["wechat"]))
    desk.ok(*desk.alipay(held["alipay"]))
    made = desk.facts(
        desk.ok("merchant", "add", "--provider", NEW, "--name", "青禾茶事",
                "--wechat-sub-mchid", "1900000109")
    )  # fmt: skip
    grant = held["alipay"]["merchants"][0]
    desk.ok(
        "merchant", "set-alipay", made["out_sub_mch_id"], "--pid", grant["seller_id"],
        "--token-file", "-", stdin=grant["app_auth_token"],
    )  # fmt: skip
    store = desk.facts(
        desk.ok("store", "add", "--merchant", made["out_sub_mch_id"], "--name", "新店",
                "--branch", "一号", "--max", "500")
    )  # fmt: skip
    return {**made, **store}


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_shop_made_with_the_commands_alone_takes_payments(
    desk: Desk, shop: dict[str, str], phone: MakePhone, wallet: str
) -> None:
    assert shop["url"].endswith(f"/q/{NEW}/{shop['code']}")
    payer = phone(wallet)
    form = payer.form(path=f"/q/{NEW}/{shop['code']}")
    made = payer.press(form, "38.50").json()
    payer.confirm(made)
    trade = desk.product.simulator.books()[0]
    desk.product.wait_paid(trade["out_trade_no"])
    assert trade["out_trade_no"].startswith(shop["order_prefix"])


def test_check_asks_both_wallets_for_every_merchant(desk: Desk, shop: dict[str, str]) -> None:
    said = desk.ok("provider", "check", "--provider", NEW)
    assert said.splitlines() == ["青禾茶事  wechat  ok", "青禾茶事  alipay  ok"]
    desk.ok("merchant", "set-wechat", shop["out_sub_mch_id"], "--wechat-sub-mchid", "1900009999")
    assert "wechat  refused" in desk.refused("provider", "check", "--provider", NEW)


def test_no_secret_is_printed_or_audited_and_all_are_sealed(
    desk: Desk, shop: dict[str, str]
) -> None:
    held = desk.product.simulator.credentials()
    said = desk.ok(*desk.wechat(held["wechat"])) + desk.ok(*desk.alipay(held["alipay"]))
    rows = desk.product.sql("SELECT facts::text AS kept FROM audit_entry")
    rows += desk.product.sql("SELECT facts::text AS kept FROM channel_account")
    rows += desk.product.sql("SELECT sealed AS kept FROM credential")
    everything = said + "".join(row.kept for row in rows)
    for secret in (
        held["wechat"]["apiv3_key"], held["wechat"]["oa_secret"], shop["authen_key"],
        held["alipay"]["merchants"][0]["app_auth_token"],
        bare(held["wechat"]["merchant_private_key"])[40:120],
        bare(held["alipay"]["app_private_key"])[40:120],
    ):  # fmt: skip
        assert secret not in everything


def test_the_same_values_again_change_nothing_and_a_new_one_raises_the_version(
    desk: Desk, shop: dict[str, str]
) -> None:
    held = desk.product.simulator.credentials()["wechat"]
    before = desk.version()
    assert desk.ok(*desk.wechat(held)) == "nothing changed\n"
    assert desk.version() == before
    said = desk.ok(
        "provider", "set-wechat", "--provider", NEW, "--apiv3-key-file", "-", stdin="k" * 32
    )
    assert said.startswith("changed: apiv3_key\n")
    assert desk.version() == before + 1
    entry = desk.product.sql("SELECT actor, facts FROM audit_entry ORDER BY id DESC LIMIT 1")[0]
    assert entry.actor.startswith("cli:")
    assert entry.facts == {"changed": ["apiv3_key"], "account_version": before + 1}


def test_notifications_under_the_old_apiv3_key_count_until_it_is_retired(
    desk: Desk, shop: dict[str, str], phone: MakePhone
) -> None:
    """The wallet still seals with the old key while the new one is being set on both sides."""
    desk.ok("provider", "set-wechat", "--provider", NEW, "--apiv3-key-file", "-", stdin="k" * 32)
    payer = phone("wechat")
    payer.confirm(payer.press(payer.form(path=f"/q/{NEW}/{shop['code']}"), "1.00").json())
    desk.product.wait_paid(desk.product.simulator.books()[0]["out_trade_no"])
    assert desk.ok("provider", "retire-replaced", "--provider", NEW) == "retired: apiv3_key\n"
    assert desk.ok("provider", "retire-replaced", "--provider", NEW) == "retired: nothing\n"


def test_a_half_set_up_wallet_is_refused_whole(desk: Desk) -> None:
    held = desk.product.simulator.credentials()["wechat"]
    desk.ok("provider", "add", "--name", "新服务商", "--out-mch-id", NEW)
    some = desk.wechat(held)[:-2]
    assert "oa_secret: is missing" in desk.refused(*some)
    kept = desk.product.sql("SELECT 1 FROM channel_account a JOIN provider p ON p.id ="
                            " a.provider_id WHERE p.out_mch_id = :m", m=NEW)  # fmt: skip
    assert kept == []


def test_a_damaged_key_is_refused_by_the_name_of_its_field(desk: Desk) -> None:
    held = desk.product.simulator.credentials()["wechat"]
    desk.ok("provider", "add", "--name", "新服务商", "--out-mch-id", NEW)
    pem = held["merchant_private_key"]
    cut = desk.file("cut.pem", pem[: len(pem) // 2])
    said = desk.refused("provider", "set-wechat", "--provider", NEW, "--serial",
                        held["merchant_serial"], "--private-key-file", cut)  # fmt: skip
    assert said.startswith("Error: private key: ")
    assert bare(pem)[50:90] not in said


def test_the_apps_own_public_key_is_not_alipays(desk: Desk) -> None:
    from services.credentials import public_half

    held = dict(desk.product.simulator.credentials()["alipay"])
    held["alipay_public_key"] = public_half(held["app_private_key"])
    assert "应用公钥" in desk.refused(*desk.alipay(held, MAIN))


def test_another_alipay_account_needs_an_explicit_word(desk: Desk, shop: dict[str, str]) -> None:
    token = desk.file("token", "202611BBsimtokennanchuang17")
    words = ("merchant", "set-alipay", shop["out_sub_mch_id"],
             "--pid", "2088000000000117", "--token-file", token)  # fmt: skip
    assert "2088000000000109" in desk.refused(*words)
    desk.ok(*words, "--replace-pid")


def test_money_never_goes_to_the_providers_own_account(desk: Desk, shop: dict[str, str]) -> None:
    own = desk.product.simulator.credentials()["wechat"]["sp_mchid"]
    said = desk.refused("merchant", "set-wechat", shop["out_sub_mch_id"], "--wechat-sub-mchid", own)
    assert "provider's own account" in said
    row = desk.product.one("SELECT wechat_sub_mchid AS n FROM merchant WHERE out_sub_mch_id = :i",
                           i=shop["out_sub_mch_id"])  # fmt: skip
    assert row.n == "1900000109"


def test_a_merchant_that_exists_is_refused_and_named(desk: Desk) -> None:
    said = desk.refused("merchant", "add", "--provider", MAIN, "--name", "又一个",
                        "--wechat-sub-mchid", "1900000109")  # fmt: skip
    assert "子商户已存在: 青禾茶事" in said


@pytest.mark.parametrize("prefix", ["sz0100qhcs", "0100005", "01000052", "前缀", "sz0100qhcsX"])
def test_an_order_prefix_that_clashes_or_is_malformed_is_refused(desk: Desk, prefix: str) -> None:
    desk.refused("merchant", "add", "--provider", MAIN, "--name", "新", "--order-prefix", prefix)


def test_several_providers_must_be_told_apart(desk: Desk) -> None:
    assert "name one" in desk.refused("merchant", "add", "--name", "谁的")


def test_a_further_code_with_a_price_is_printed_and_old_links_find_it(
    desk: Desk, shop: dict[str, str], phone: MakePhone, tmp_path: Path
) -> None:
    made = desk.facts(
        desk.ok("code", "add", "--store", shop["out_shop_id"], "--name", "拿铁", "--price", "28",
                "--old-person-id", "7", "--code", "LATTE1")
    )  # fmt: skip
    target = tmp_path / "latte.svg"
    assert desk.ok("code", "print", "LATTE1", str(target)) == made["url"] + "\n"
    assert target.read_text().startswith("<?xml")
    old = f"/cpay/qrcode_person?id=7&out_shop_id={shop['out_shop_id']}"
    assert "拿铁" in phone("wechat").scan(path=old).text
    assert "taken" in desk.refused("code", "add", "--store", shop["out_shop_id"], "--name", "x",
                                   "--code", "LATTE1")  # fmt: skip


def test_the_official_accounts_state_puts_our_page_before_wechats(
    desk: Desk, phone: MakePhone
) -> None:
    desk.ok("provider", "oa-state", "--provider", MAIN, "scope_denied")
    assert "公众号授权失效" in phone("wechat").scan().text
    desk.ok("provider", "oa-state", "--provider", MAIN, "authorized")
    assert 'name="intent"' in phone("wechat").scan().text


def test_the_consent_link_names_the_app_and_leads_back_to_the_merchant(
    desk: Desk, shop: dict[str, str]
) -> None:
    link = desk.ok("merchant", "alipay-link", shop["out_sub_mch_id"]).strip()
    assert "/oauth2/appToAppAuth.htm?app_id=2021000000000001&redirect_uri=" in link
    desk.product.do("UPDATE merchant SET alipay_state = 'revoked'")
    assert "授权成功" in consent(link, "2088000000000109").text
    row = desk.product.one(
        "SELECT alipay_pid, alipay_state FROM merchant WHERE out_sub_mch_id = :m",
        m=shop["out_sub_mch_id"],
    )
    assert tuple(row) == ("2088000000000109", "valid")


def test_a_case_is_listed_closed_once_and_audited(desk: Desk) -> None:
    desk.ok("cases", "list")
    desk.product.do(
        "INSERT INTO money_case (provider_id, kind, dedupe_key, out_trade_no, facts, created_at)"
        " VALUES (1, 'paid_twice', 'k', 'sz0100qhcsN1', '{}', now())"
    )
    listed = desk.refused("cases", "list")
    number = listed.split()[0]
    assert "paid_twice  sz0100qhcsN1" in listed
    desk.ok("cases", "close", number, "--note", "refunded at the counter")
    desk.refused("cases", "close", number, "--note", "again")
    desk.ok("cases", "list")
    entry = desk.product.sql("SELECT action, facts FROM audit_entry ORDER BY id DESC LIMIT 1")[0]
    assert (entry.action, entry.facts["note"]) == ("case_closed", "refunded at the counter")


def test_an_erased_payer_is_forgotten_and_the_order_stays(desk: Desk, phone: MakePhone) -> None:
    phone("wechat").pay(amount="5.00")
    number = desk.product.simulator.books()[0]["out_trade_no"]
    desk.product.wait_paid(number)
    desk.ok("payer", "erase", number)
    desk.ok("payer", "erase", number)
    assert desk.product.sql("SELECT 1 FROM person WHERE sealed IS NOT NULL") == []
    assert desk.product.one("SELECT amount_fen AS a FROM pay_order WHERE out_trade_no = :n",
                            n=number).a == 500  # fmt: skip
    desk.refused("payer", "erase", "nosuchnumber")
