"""The forms of keys: bad input is named at its field and kept, good input is cleaned and said."""

from __future__ import annotations

import base64
import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    load_pkcs12,
    serialize_key_and_certificates,
)

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


def pkcs12(pair: Any, password: str, *, weak: bool = False, days: int = 0) -> bytes:
    """The two PEM texts as the platform packs them; `days`: of a certificate that ends then."""
    key: Any = load_pem_private_key(pair["merchant_private_key"].encode(), None)
    made = x509.load_pem_x509_certificate(pair["merchant_certificate"].encode())
    if days:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder().subject_name(made.subject).issuer_name(made.issuer)
            .public_key(key.public_key()).serial_number(7)
            .not_valid_before(min(now, now + timedelta(days=days)) - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days)).sign(key, SHA256())
        )  # fmt: skip
    how: Any = BestAvailableEncryption(password.encode())
    if weak:  # what older tools write
        builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048)
        builder = builder.key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        how = builder.hmac_hash(SHA1()).build(password.encode())
    return serialize_key_and_certificates(b"Tenpay Certificate", key, made, None, how)


def test_a_p12_file_is_read_and_thrown_away(product: Product, simulator: Simulator) -> None:
    desk, before = Console(product), version(product)
    own, other = simulator.credentials()["wechat"], simulator.credentials("1900000501")["wechat"]
    new = simulator.get("/sim/credentials/next")["wechat"]

    def send(content: bytes, *, confirmed: bool = True, **form: str) -> requests.Response:
        files = {"p12": ("apiclient_cert.p12", content, "application/x-pkcs12")}
        return desk.post("/settings/wechat", form, confirmed=confirmed, files=files)

    right = pkcs12(new, "1900000001")
    typed = {"apiv3_key": "ｓhort"}
    for content, form, part in (
        (b"PK\x03\x04" + b"x" * 300, {}, "不是 .p12 文件"),
        (own["merchant_certificate"].encode(), {}, "这是 .pem 文件"),
        (b"0" * 70_000, {}, "文件太大"),
        (b"0" * 300_000, typed, "文件太大"),  # larger than any form may be
        (right[:-200], {}, "打不开"),
        (pkcs12(new, "another one"), {}, "密码应是商户号 1900000001"),
        (right, {"p12_password": "guess"}, "文件密码不对"),
        (pkcs12(other, "1900000501"), {}, "密码应是商户号 1900000001"),
        (pkcs12(other, "1900000501"), {"p12_password": "1900000501"},
         "这是商户号 1900000501 的证书，不是 1900000001 的"),
        (pkcs12(new, "1900000001", days=-2), {}, "过期，请在商户平台申请新的"),
        (right, {"merchant_private_key": own["merchant_private_key"]}, "只用一种"),
    ):  # fmt: skip
        answer = send(content, **form)
        assert part in problems(answer)["p12"], (part, problems(answer))
        for value in form.values():
            assert value == "guess" or html.escape(value.strip(), quote=False)[:20] in answer.text
    expired = pkcs12(new, "1900000001", days=-2)
    pem = load_pkcs12(expired, b"1900000001")
    assert pem.cert is not None
    pasted = {
        "merchant_certificate": pem.cert.certificate.public_bytes(Encoding.PEM).decode(),
        "merchant_private_key": new["merchant_private_key"],
    }
    said = problems(desk.post("/settings/wechat", pasted, confirmed=True))
    assert "过期" in said["merchant_certificate"]
    assert version(product) == before

    # sent too late: the code takes the form along and not the file, which is said
    product.do("UPDATE console_session SET confirmed_at = NULL")
    assert desk.get("/settings/wechat", allow_redirects=False).status_code == 303, "asks first"
    late = send(right, confirmed=False, sp_appid="wx8888888888888888")
    assert (late.status_code, 'name="file_lost"' in late.text) == (403, True)
    form = {"sp_appid": "wx8888888888888888", "file_lost": "1"}
    lost = desk.post("/settings/wechat", form, confirmed=True)
    assert "再选一次" in problems(lost)["p12"]
    assert version(product) == before

    simulator.switch("wechat.merchant_certificate", "replaced")
    saved = send(right, confirmed=False)  # the code given a moment ago serves: nothing was changed
    assert saved.status_code == 200
    assert "改了：API 证书、API 私钥" in html.unescape(saved.text)
    assert version(product) == before + 1
    held = product.one(
        "SELECT facts FROM channel_account WHERE provider_id = 1 AND channel = 'wechat'"
        " AND kind = 'pay'"
    ).facts
    assert held["merchant_certificate"] == new["merchant_certificate"]
    assert held["merchant_serial"] == new["merchant_serial"]
    found = product.deps.transact(lambda s: reading.of_provider(s, 1, product.deps.now()))
    by_name = {one.check.name: one for one in found}
    assert by_name["wechat_keys"].level.value == "ok"
    # the file itself is nowhere, in no spelling
    marks = (right[30:60].hex(), base64.b64encode(right[:60]).decode())
    for table in ("channel_account", "credential", "audit_entry"):
        held = product.one(f"SELECT string_agg(x::text, '') AS said FROM {table} x").said
        assert not [mark for mark in marks if mark in held], table
    # what older tools write is read as well
    weak = send(pkcs12(own, "1900000001", weak=True))
    assert weak.status_code == 200, problems(weak)


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
