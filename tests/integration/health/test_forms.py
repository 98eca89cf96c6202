"""The forms of keys: bad input is named at its field and kept, good input is cleaned and said."""

from __future__ import annotations

import html
import re
from typing import Any

import requests

from services.health import reading
from services.seed import MAIN
from tests.harness.console import Console
from tests.harness.product import Product
from tests.harness.simulator import Simulator

PROBLEM = re.compile(r'<p class="msg" id="([a-z0-9_]+)-msg">([^<]*)')


def problems(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text[-500:]
    return {name: html.unescape(text).strip() for name, text in PROBLEM.findall(answer.text)}


def version(product: Product) -> int:
    return int(
        product.one("SELECT account_version v FROM provider WHERE out_mch_id = :m", m=MAIN).v
    )


def test_keys_that_cannot_be_right_are_named_and_nothing_is_lost(
    product: Product, simulator: Simulator
) -> None:
    desk, before = Console(product), version(product)
    own, other = simulator.credentials()["wechat"], simulator.credentials("1900000501")["wechat"]
    new = simulator.get("/sim/credentials/next")["wechat"]
    form = {
        "merchant_private_key": own["public_key"],  # a public key where a private one belongs
        "public_key": own["merchant_private_key"],  # and the other way round
        "merchant_certificate": other["merchant_certificate"],  # of another merchant
        "apiv3_key": "ｓｈｏｒｔ",
    }
    said = problems(desk.post("/settings/wechat", form, confirmed=True))
    assert said["merchant_private_key"] == "API 私钥：这是公钥，这里要填私钥"
    assert said["public_key"] == "微信支付公钥：这是私钥，这里要填公钥"
    assert (
        said["merchant_certificate"] == "API 证书：这是商户号 1900000501 的证书，不是 1900000001 的"
    )
    assert "现在是 5 个字符" in said["apiv3_key"]
    again = desk.post("/settings/wechat", form, confirmed=True)
    for value in form.values():
        assert html.escape(value.strip(), quote=False)[:40] in again.text
    certificate, key = "merchant_certificate", "merchant_private_key"
    for wrong, field, part in (
        ({certificate: own["platform_certificate"]}, certificate, "平台证书"),
        ({"platform_certificate": own[certificate]}, "platform_certificate", "API 证书"),
        ({certificate: new[certificate]}, key, "配套的私钥"),
        ({certificate: new[certificate], key: own[key]}, key, "不是一对"),
        ({certificate: "-----BEGIN CERTIFICATE-----\nMII"}, certificate, "-----"),
        ({"public_key": own["public_key"][:200]}, "public_key", "-----"),
    ):
        found = problems(desk.post("/settings/wechat", wrong, confirmed=True))
        assert part in found[field], found
    assert version(product) == before
    assert own["merchant_private_key"][40:90] not in desk.get("/settings/wechat").text


def test_what_was_pasted_with_changes_is_cleaned_and_the_wallet_is_asked(
    product: Product, simulator: Simulator
) -> None:
    desk = Console(product)
    new = simulator.get("/sim/credentials/next")["wechat"]
    simulator.switch("wechat.apiv3_key", "changed")
    wide = "".join(chr(ord(c) + 0xFEE0) for c in new["apiv3_key"])
    answer = desk.post("/settings/wechat", {"apiv3_key": f"\ufeff {wide}\u200b "}, confirmed=True)
    text = html.unescape(answer.text)
    assert answer.status_code == 200
    for part in ("改了：APIv3 密钥", "看不见的字符", "全角字符改成了半角", "APIv3 密钥"):
        assert part in text
    assert new["apiv3_key"] not in text
    entry = product.sql(
        "SELECT facts FROM audit_entry WHERE action = 'wechat_account_set' ORDER BY id DESC LIMIT 1"
    )[0]
    assert entry.facts["changed"] == ["apiv3_key"]
    assert new["apiv3_key"] not in str(entry.facts)


def test_another_pid_is_shown_with_the_old_one_and_written_after_a_yes(product: Product) -> None:
    desk = Console(product)
    asked = desk.post("/settings/alipay", {"pid": "2088000000000777"}, confirmed=True)
    assert asked.status_code == 422
    assert "2088000000000001" in asked.text
    assert "PID_CONFIRM" in asked.text

    def pid() -> Any:
        return product.one(
            "SELECT facts->>'pid' p FROM channel_account WHERE channel = 'alipay' AND kind = 'pay'"
            " AND provider_id = 1"
        ).p

    assert pid() == "2088000000000001"
    wrong = desk.post("/settings/alipay", {"pid": "2088000000000777", "sure": "1"}, confirmed=True)
    assert wrong.status_code == 422
    sure = {"pid": "2088000000000777", "sure": "2088000000000777"}
    assert desk.post("/settings/alipay", sure, confirmed=True).status_code == 200
    assert pid() == "2088000000000777"
    pooled = {"pid": "2088000000000109", "sure": "2088000000000109"}
    refused = desk.post("/settings/alipay", pooled, confirmed=True)
    assert "钱会进服务商自己的账户" in html.unescape(refused.text)


def test_a_callback_inside_the_network_is_refused_and_what_was_typed_stays(
    product: Product,
) -> None:
    desk = Console(product)
    for url in ("https://127.0.0.1/x", "https://169.254.169.254/latest", "http://example.com/paid"):
        answer = desk.post("/settings/callback", {"url": url}, confirmed=True)
        said = problems(answer)["url"]
        assert said.startswith("回调地址不可用：")
        assert "内网" in said or "https" in said
        assert f'value="{url}"' in answer.text
    assert product.one("SELECT callback_url u FROM provider WHERE id = 1").u is None


def test_particulars_are_checked_and_the_phone_is_sealed_and_masked(product: Product) -> None:
    desk = Console(product)
    good = {"name": "青禾服务商", "short_name": "青禾", "admin_name": "沈澄",
            "remark": "", "admin_phone": "138 1234 5678", "wechat_rebate": "0.25",
            "alipay_rebate": ""}  # fmt: skip
    bad = {**good, "admin_phone": "12", "wechat_rebate": "0.255", "short_name": "x" * 33}
    assert set(problems(desk.post("/settings/basics", bad))) == {
        "admin_phone", "wechat_rebate", "short_name",
    }  # fmt: skip
    assert desk.post("/settings/basics", good).status_code == 303
    row = product.one("SELECT * FROM provider WHERE id = 1")
    assert (row.wechat_rebate_bp, row.alipay_rebate_bp, row.short_name) == (25, None, "青禾")
    assert "13812345678" not in str(row)
    page = desk.get("/settings").text
    assert "138****5678" in page
    assert "13812345678" not in page
    assert "0.25%" in page


def test_what_was_not_told_is_unknown_and_never_fine(
    product: Product, simulator: Simulator
) -> None:
    desk = Console(product)
    worst = product.deps.transact(lambda s: reading.worst_of(s, 1, [1, 2]))
    assert worst == {1: "unknown", 2: "unknown"}
    simulator.fault("*", "drop", times=500)
    assert desk.post("/health/run").status_code == 303
    simulator.clear_faults()
    found = product.deps.transact(lambda s: reading.of_provider(s, 1, product.deps.now()))
    assert {str(one.level) for one in found} == {"unknown"}
    assert desk.post("/health/run").status_code == 303
    fresh = product.deps.transact(lambda s: reading.of_provider(s, 1, product.deps.now()))
    assert "ok" in {str(one.level) for one in fresh}
    simulator.advance(37 * 3600)
    stale = product.deps.transact(lambda s: reading.of_provider(s, 1, product.deps.now()))
    assert {str(one.level) for one in stale} == {"unknown"}


def test_an_authorisation_that_ends_is_warned_of_and_a_round_looks_at_every_merchant(
    product: Product, simulator: Simulator
) -> None:
    desk = Console(product)
    simulator.switch("alipay.grant_days", "6.5")
    job = desk.post("/health/run-all").headers["Location"]
    assert re.fullmatch(r"/console/jobs/\d+", job)
    assert desk.post("/health/run-all").headers["Location"] == job  # one at a time
    product.run_long_jobs()
    row = product.one("SELECT state, done, total, counts FROM long_job")
    assert (row.state, row.done, row.total) == ("done", 4, 4)
    assert row.counts == {"warn": 3, "unknown": 1}
    assert product.deps.transact(lambda s: reading.worst_of(s, 1, [1])) == {1: "warn"}
    page = desk.get("/health?level=warn").text
    assert "青禾茶事" in page
    assert "还有不到 7 天" in desk.get("/health/merchants/sub01QINGHE8H2K4M6P9").text
