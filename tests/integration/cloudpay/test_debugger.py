"""The signature debugger says what is wrong, and nothing that helps to sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from config.settings import Settings
from services.demo_info import demo_info
from tests.harness.cloudpay import Till, code_of
from tests.harness.console import Console
from tests.harness.database import Server
from tests.harness.phone import words
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator
from tests.integration.cloudpay.changing import whole_product


@pytest.fixture(scope="module")
def site(
    server: Server,
    template: str,
    door: Door,
    upstream: Simulator,
    settings_for: Callable[..., Settings],
) -> Iterator[Product]:
    with whole_product(server, template, door, upstream, settings_for) as made:
        yield made


@pytest.fixture(scope="module")
def own_desk(site: Product) -> Console:
    return Console(site)


@pytest.fixture
def desk(site: Product, own_desk: Console) -> Console:
    """Whose looks are not counted yet."""
    site.do("DELETE FROM console_try")
    return own_desk


@pytest.fixture
def till(site: Product) -> Till:
    return Till.of(site)


CODES = re.compile(r"[0-9A-Fa-f]{64}|[A-Za-z0-9+/]{43}=")


def text_of(till: Till, **more: Any) -> str:
    return json.dumps({"pay_mch_key": till.mch_key(), "out_trade_no": "1", "说": "a/b", **more})


def body(text: Any, code: str | None, kind: int = 1) -> str:
    info = {} if code is None else {"a": {"authen_type": kind, "authen_code": code}}
    return json.dumps({"request_content": text, "authen_info": info})


def look(desk: Console, raw: str, signed: str = "") -> requests.Response:
    return desk.post("/signature", {"raw": raw, "signed": signed})


def verdict(desk: Console, raw: str, signed: str = "") -> str:
    answer = look(desk, raw, signed)
    assert answer.status_code == 200
    return words(answer.text)


def test_a_right_code_is_told_with_its_key_and_the_string(desk: Console, till: Till) -> None:
    text = text_of(till) + "\n"
    page = verdict(desk, body(text, code_of(till.key, text).lower()))
    assert "签名正确" in page
    assert "现在的密钥" in page
    assert hashlib.sha256(text.encode()).hexdigest() in page
    assert f"{len(text.encode())} 字节" in page
    assert "青禾茶事" in page
    assert page.count("LF") >= 2  # the one at the end, and the key below


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("line feed lost", "没有带上内容结尾的换行"),
        ("line feed too many", "结尾有换行（LF）"),
        ("encoded again", "重新编码了 JSON"),
        ("escaped", "转义之后"),
        ("gbk", "GBK"),
        ("bom", "BOM"),
        ("slashes", "斜杠"),
        ("key with a line feed", "密钥后面多了换行"),
        ("key in capitals", "大小写"),
        ("key from hex", "十六进制解码"),
        ("the provider's key", "回调密钥"),
        ("sha256", "SHA256(内容+密钥)"),
        ("base64", "Base64"),
        ("hmac-md5", "HMAC-MD5"),
        ("turned round", "放反"),
    ],
)
def test_the_usual_mistakes_are_recognised(
    site: Product, desk: Console, till: Till, name: str, said: str
) -> None:
    key, text = till.key, text_of(till)
    plain = json.loads(text)
    wrong = {
        "line feed lost": (text + "\n", code_of(key, text)),
        "line feed too many": (text, code_of(key, text + "\n")),
        "encoded again": (
            text, code_of(key, json.dumps(plain, ensure_ascii=False, separators=(",", ":")))
        ),
        "escaped": (text, code_of(key, json.dumps(text)[1:-1])),
        "gbk": (
            _wide(till),
            hmac.new(key.encode(), _wide(till).encode("gbk"), "sha256").hexdigest(),
        ),
        "bom": (text, code_of(key, "\ufeff" + text)),
        "slashes": (text, code_of(key, text.replace("/", "\\/"))),
        "key with a line feed": (text, code_of(key + "\n", text)),
        "key in capitals": (text, code_of(key.upper(), text)),
        "key from hex": (
            text, hmac.new(bytes.fromhex(key), text.encode(), "sha256").hexdigest()
        ),
        "the provider's key": (text, code_of(_provider_key(site), text)),
        "sha256": (text, hashlib.sha256((text + key).encode()).hexdigest()),
        "base64": (
            text,
            base64.b64encode(hmac.new(key.encode(), text.encode(), "sha256").digest()).decode(),
        ),
        "hmac-md5": (text, hmac.new(key.encode(), text.encode(), "md5").hexdigest()),
        "turned round": (text, hmac.new(text.encode(), key.encode(), "sha256").hexdigest()),
    }[name]  # fmt: skip
    page = verdict(desk, body(*wrong))
    assert "签名不正确" in page
    assert said in page


def _wide(till: Till) -> str:
    return json.dumps({"pay_mch_key": till.mch_key(), "body": "咖啡"}, ensure_ascii=False)


def _provider_key(product: Product) -> str:
    return str(demo_info(product.deps)["provider"]["authen_key"])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"request_content":{"a":1},"authen_info":{"a":{"authen_code":"x"}}}', "是对象"),
        ("x", "不是JSON"),
        ('{"pay_mch_key":{}}', "没有外层"),
        ("request_content=%7B%7D&authen_info=x", "表单"),
        ('{"request_content":"\\"{}\\""}', "转义了两次"),
        ('{"request_content":"{}"}', "不知道是哪家商户"),
        ('{"request_content":"{\\"out_sub_mch_id\\":\\"nobody\\"}"}', "不是你名下的"),
        ('{"r":"{\\"osi\\":\\"nobody\\"}","a":"x"}', "不是你名下的"),
        ('{"request_content":"{\\"a\\":1,\\"a\\":2}"}', "重复"),
    ],
)
def test_what_can_not_be_signed_is_told_by_name(desk: Console, raw: str, said: str) -> None:
    assert said in verdict(desk, raw)


def test_a_file_keeps_what_a_field_loses(desk: Console, till: Till) -> None:
    text = text_of(till)
    plain = body(text, code_of(till.key, text))

    def send(raw: bytes) -> str:
        answer = desk.http.post(
            f"{desk.product.url}/console/signature", data={"token": desk.token()},
            files={"file": ("body.json", raw)}, timeout=30,
        )  # fmt: skip
        assert answer.status_code == 200
        return words(answer.text)

    assert "签名正确" in send(plain.encode())
    bom = send(b"\xef\xbb\xbf" + plain.encode())
    assert "签名正确" in bom
    assert "有 BOM" in bom
    assert "GBK" in send(body(_wide(till), "x").encode().replace(b"\\u5496", "咖".encode("gbk")))


@pytest.mark.parametrize(
    ("change", "at", "said"),
    [
        (lambda text: text, None, "一个字节都不差"),
        (lambda text: text + "\n", -1, "你算的那一串结尾有换行"),
        (lambda text: text.replace("咖", "茶"), "咖", ""),
        (lambda text: text[:40], 40, "到这里就结束了"),
        (lambda text: text + "x", -1, "更长"),
    ],
)
def test_the_first_byte_that_differs_is_named(
    desk: Console, till: Till, change: Any, at: Any, said: str
) -> None:
    text = _wide(till)
    page = verdict(desk, body(text, code_of(till.key, text)), change(text))
    if at is not None:
        before = text.partition(at)[0] if isinstance(at, str) else text[:at] if at > 0 else text
        first = len(before.encode()) + 1
        if isinstance(at, str):  # 咖 e5 92 96, 茶 e8 8c b6
            assert "咖".encode()[0] != "茶".encode()[0]
        assert f"从第 {first} 个字节开始不一样" in page
    assert said in page


def test_another_provider_s_merchant_is_like_nobody_s(
    site: Product, desk: Console, till: Till
) -> None:
    foreign = site.one(
        "SELECT m.out_sub_mch_id FROM merchant m JOIN provider p ON p.id = m.provider_id"
        " WHERE p.out_mch_id <> :own ORDER BY m.id LIMIT 1",
        own=till.out_mch_id,
    ).out_sub_mch_id
    pages = []
    for name in (foreign, "x" * len(foreign)):
        text = json.dumps({"out_sub_mch_id": name})
        page = verdict(desk, body(text, "F" * 64))
        pages.append(page.replace(name, "-").replace(hashlib.sha256(text.encode()).hexdigest(), ""))
    assert pages[0] == pages[1]


def test_no_key_and_no_right_code_is_ever_shown(desk: Console, till: Till) -> None:
    """Every 64 digits of the page are the string's SHA-256 or what was pasted."""
    key, text = till.key, text_of(till)
    pasted = "AB" * 32
    for raw, signed in (
        (body(text, pasted), ""), (body(text, pasted), text + "\n"), (body(text, None), ""),
        (body(text + "\n", code_of(key, text)), ""), (body(text, pasted, 2), ""),
    ):  # fmt: skip
        page = look(desk, raw, signed).text
        assert key not in page
        assert key.upper() not in page
        outer = json.loads(raw)
        given = outer["authen_info"].get("a", {}).get("authen_code", "")
        digest = hashlib.sha256(outer["request_content"].encode()).hexdigest()
        assert set(CODES.findall(page)) <= {digest, given}


def test_looks_are_counted_for_each_person_and_audited_without_content(
    site: Product, desk: Console, till: Till
) -> None:
    text = text_of(till)
    before = site.one("SELECT max(id) AS n FROM audit_entry").n
    site.do(
        "INSERT INTO console_try (subject, count, began_at) SELECT 'cpay-look:' || id, 58, :now"
        " FROM console_user WHERE username = 'demo'",
        now=site.deps.now(),
    )
    answers = [look(desk, body(text, "F" * 64)).status_code for _ in range(4)]
    assert answers == [200, 200, 429, 429]
    said = site.sql(
        "SELECT * FROM audit_entry WHERE action = 'signature_looked_at' AND id > :n", n=before
    )
    assert len(said) == 2
    assert all(one.subject.startswith("merchant:") for one in said)
    assert all(text[5:40] not in str(one._asdict()) for one in said)
    site.simulator.advance(15 * 60 + 1)
    assert look(desk, body(text, "F" * 64)).status_code == 200


def test_nothing_pasted_is_told_so(desk: Console, till: Till) -> None:
    assert look(desk, " ").status_code == 422
