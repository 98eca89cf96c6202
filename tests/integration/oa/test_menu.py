"""The menu: shown, compared with what WeChat has, made; and the files that WeChat looks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from services.oa import menu
from services.oa.answering import HELP_KEY
from tests.harness.phone import MAIN
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.oa.crowds import asked


def oa(product: Product, *words: str) -> str:
    done = run(product, "oa", *words)
    assert done.exit_code == 0, done.output
    return done.output


def there(product: Product) -> Any:
    app_id = product.one(
        "SELECT c.facts->>'app_id' a FROM channel_account c JOIN provider p ON p.id ="
        " c.provider_id WHERE p.out_mch_id = :m AND c.kind = 'oa'", m=MAIN,
    ).a  # fmt: skip
    rows = product.simulator.get("/sim/oa")
    return next(row for row in rows if row["appid"] == app_id)["menu"]


def test_the_menu_is_shown_compared_and_made(product: Product) -> None:
    shown = oa(product, "menu", "--provider", MAIN)
    assert f"商户后台 [view] {product.url}/m/choose?p={MAIN}" in shown
    assert "+ 今日收款" in shown
    assert "nothing was changed" in shown
    assert there(product) is None
    assert "made" in oa(product, "menu", "--provider", MAIN, "--apply")
    assert [button["name"] for button in there(product)] == ["商户后台", "今日收款", "帮助"]
    assert there(product)[2]["key"] == HELP_KEY
    assert "WeChat has this menu" in oa(product, "menu", "--provider", MAIN, "--apply")
    assert asked(product, "/cgi-bin/menu/create") == 1
    assert product.one("SELECT count(*) n FROM audit_entry WHERE action = 'oa_menu_set'").n == 1


def test_the_difference_is_line_by_line() -> None:
    before: list[dict[str, Any]] = [
        {"type": "view", "name": "官网", "url": "https://a.example/"},
        {"name": "更多", "sub_button": [{"type": "click", "name": "甲", "key": "A"}]},
    ]
    after: list[dict[str, Any]] = [
        {"type": "view", "name": "官网", "url": "https://b.example/"},
        {"name": "更多", "sub_button": [{"type": "click", "name": "甲", "key": "A"}]},
    ]
    assert menu.difference(before, after) == [
        "- 官网 [view] https://a.example/",
        "+ 官网 [view] https://b.example/",
        "  更多",
        "    甲 [click] A",
    ]
    assert menu.difference(after, after)[0].startswith("  ")


def test_a_refusal_says_who_can_mend_it(product: Product) -> None:
    product.simulator.switch("wechat.oa_lapsed", "")
    product.simulator.fault("/cgi-bin/menu/create", "error", code="48001")
    done = run(product, "oa", "menu", "--provider", MAIN, "--apply")
    assert done.exit_code == 1
    assert "not verified, or the menu permission was not granted" in done.output
    assert product.sql("SELECT 1 FROM audit_entry WHERE action = 'oa_menu_set'") == []


def test_a_scene_code_is_made(product: Product) -> None:
    assert oa(product, "scene", "backend", "--provider", MAIN).startswith("http")


def test_a_verification_file_is_served_at_the_root(product: Product, tmp_path: Path) -> None:
    name, word = "MP_verify_AbCdEfGh12345678.txt", "AbCdEfGh12345678"
    (tmp_path / "f").write_text(word + "\n")
    said = oa(product, "file", name, "--content-file", str(tmp_path / "f"))
    assert said.strip() == f"{product.url}/{name}"
    answer = requests.get(said.strip(), timeout=10)
    assert (answer.status_code, answer.text) == (200, word)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert name in oa(product, "file")
    oa(product, "file", name, "--remove")
    assert requests.get(said.strip(), timeout=10).status_code == 404


@pytest.mark.parametrize("name", ["robots.txt", "MP_verify_x.txt", "a/b.txt", "0123456789.html"])
def test_only_wechats_names_are_served(product: Product, tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_text("word")
    done = run(product, "oa", "file", name, "--content-file", str(tmp_path / "f"))
    assert done.exit_code == 1
    assert product.sql("SELECT 1 FROM verify_file") == []


def test_a_file_is_one_word(product: Product, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("<script>alert(1)</script> x")
    done = run(product, "oa", "file", "0123456789.txt", "--content-file", str(tmp_path / "f"))
    assert done.exit_code == 1


def test_a_new_token_by_command(product: Product) -> None:
    oa(product, "refresh", "--provider", MAIN)
    assert product.one("SELECT version v FROM oa_token WHERE kind = 'access'").v == 2


def test_the_verifications_end_is_entered_by_hand(product: Product, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("pushtoken")
    oa(product, "set", "--provider", MAIN, "--push-token-file", str(tmp_path / "t"))
    oa(product, "set", "--provider", MAIN, "--verified-until", "2099-01-02")
    assert "2099-01-02" in oa(product, "health", "--provider", MAIN)
    oa(product, "set", "--provider", MAIN, "--verified-until", "2001-01-02")
    done = run(product, "oa", "health", "--provider", MAIN)
    assert done.exit_code == 1
    assert "年审" in done.output
