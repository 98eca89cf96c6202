"""What WeChat pushes: the address check, both modes, forged and replayed ones, and the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.phone import MAIN, Phone
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.oa.wechat import KEY, TOKEN, Pusher, signed, xml

OPENID = "oPusher0000000000000000001"
Made = Callable[..., Pusher]


@pytest.fixture
def pusher(product: Product, tmp_path: Path) -> Made:
    """An account set to plain or safe mode, and WeChat's side of it."""

    def make(*, safe: bool = True) -> Pusher:
        (tmp_path / "token").write_text(TOKEN)
        (tmp_path / "key").write_text(KEY + "\n")
        words = ["oa", "set", "--provider", MAIN, "--push-token-file", str(tmp_path / "token")]
        words += ["--push-key-file", str(tmp_path / "key")] if safe else ["--plain"]
        done = run(product, *words)
        assert done.exit_code == 0, done.output
        url = done.output.split()[-1]
        assert url == f"{product.url}/oa/{MAIN}"
        row = product.one("SELECT app_id FROM official_account")
        return Pusher(url, row.app_id, TOKEN, KEY if safe else "")

    return make


def message(kind: str = "text", **fields: object) -> bytes:
    return xml(
        ToUserName="gh_main", FromUserName=OPENID, CreateTime=int(time.time()), MsgType=kind,
        **fields,
    )  # fmt: skip


def event(name: str, **fields: object) -> bytes:
    return message("event", Event=name, **fields)


def pushes(product: Product) -> int:
    return int(product.one("SELECT count(*) n FROM oa_push").n)


def test_the_address_is_ours(pusher: Made) -> None:
    wechat = pusher()
    assert wechat.get("4711echo").text == "4711echo"
    assert wechat.get("4711echo", signature="0" * 40).status_code == 401
    assert wechat.get("<script>").status_code == 401


def test_a_scan_and_a_keyword_are_answered_sealed(product: Product, pusher: Made) -> None:
    wechat = pusher()
    text = wechat.opened(wechat.send(event("subscribe", EventKey="qrscene_backend", Ticket="t")))
    assert "欢迎关注" in text
    assert f"{product.url}/m/?p={MAIN}" in text
    assert "商户后台" in wechat.opened(wechat.send(event("SCAN", EventKey="backend")))
    assert "商户后台" in wechat.opened(wechat.send(message(Content="后台", MsgId="1")))
    assert "今日收款" in wechat.opened(wechat.send(message(Content="今天收款", MsgId="2")))
    assert "激活码" in wechat.opened(wechat.send(event("CLICK", EventKey="HELP")))


def test_a_customers_words_are_not_answered(pusher: Made) -> None:
    wechat = pusher()
    long = "你们家今天的收款码好像坏了，我扫了三次都没反应"
    silent = [
        message(Content=long, MsgId="1"), message(Content="好吃", MsgId="2"),
        event("unsubscribe", EventKey=""), event("VIEW", EventKey="https://x.example/"),
    ]  # fmt: skip
    for body in silent:
        answer = wechat.send(body)
        assert (answer.status_code, answer.text) == (200, "success")


def test_a_plain_push_is_answered_plainly(pusher: Made) -> None:
    wechat = pusher(safe=False)
    answer = wechat.send(message(Content="帮助", MsgId="1"))
    assert answer.status_code == 200
    assert "<FromUserName>gh_main</FromUserName>" in answer.text


def test_a_plain_push_is_not_believed_where_a_key_is_set(product: Product, pusher: Made) -> None:
    """Its signature does not cover the body: one that was seen once would sign anything."""
    wechat = pusher()
    plain = Pusher(wechat.url, wechat.app_id, TOKEN, "")
    assert plain.send(message(Content="帮助", MsgId="1")).status_code == 401
    assert pushes(product) == 0


def test_a_seen_signature_signs_no_other_plain_body(product: Product, pusher: Made) -> None:
    wechat = pusher(safe=False)
    stamp, nonce = str(int(time.time())), "nonce1"
    query, body = wechat.sealed(message(Content="帮助", MsgId="1"), stamp, nonce)
    assert wechat.post(query, body).status_code == 200
    assert wechat.post(query, body).status_code == 200  # the second delivery
    assert wechat.post(query, body.replace(b"gh_main", b"gh_evil")).status_code == 401
    assert pushes(product) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"msg_signature": "0" * 40}, {"msg_signature": ""}, {"msg_signature": "ü"},
        {"nonce": "other"}, {"timestamp": "17"}, {"timestamp": "-1"}, {"timestamp": "9" * 40},
        {"nonce": ""},
    ],
)  # fmt: skip
def test_a_forged_push_is_refused(product: Product, pusher: Made, change: dict[str, str]) -> None:
    answer = pusher().send(message(Content="帮助", MsgId="1"), change=change)
    assert (answer.status_code, answer.text) == (401, "")
    assert pushes(product) == 0


def test_an_old_push_is_refused(product: Product, pusher: Made) -> None:
    wechat = pusher()
    assert wechat.send(message(Content="帮助", MsgId="1"), age_s=299).status_code == 200
    assert wechat.send(message(Content="帮助", MsgId="2"), age_s=302).status_code == 401
    assert pushes(product) == 1


def test_a_push_of_another_account_is_refused(product: Product, pusher: Made) -> None:
    wechat = pusher()
    other = Pusher(wechat.url, "wx00000000000000ff")
    assert other.send(message(Content="帮助", MsgId="1")).status_code == 401
    product.do("UPDATE official_account SET user_name = 'gh_somebodyelse'")
    assert wechat.send(message(Content="帮助", MsgId="1")).status_code == 401
    assert pushes(product) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<xml>", b"not xml", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml>'
        b"<Encrypt>&e;</Encrypt></xml>", b"<xml>" + b"<a>" * 50 + b"</a>" * 50 + b"</xml>",
        b"<xml><Encrypt>%%%</Encrypt></xml>", b"<xml><Encrypt>AAAA</Encrypt></xml>",
        b"x" * 70_000, b"\xff\xfe<xml/>",
    ],
)  # fmt: skip
def test_what_is_not_a_push_is_refused(product: Product, pusher: Made, body: bytes) -> None:
    wechat = pusher()
    query, _ = wechat.sealed(b"<xml/>", str(int(time.time())), "n")
    assert wechat.post(query, body).status_code == 401
    for broken in (b"AAAA", b"%%%"):
        seal = Pusher(wechat.url, wechat.app_id)
        stamp = str(int(time.time()))
        signature = signed(TOKEN, stamp, "n", broken.decode())
        forged = {"timestamp": stamp, "nonce": "n", "msg_signature": signature}
        assert seal.post(forged, xml(Encrypt=broken.decode())).status_code == 401
    assert pushes(product) == 0


def test_three_deliveries_are_one_event(product: Product, pusher: Made) -> None:
    wechat = pusher()
    body = event("verify_expired", ExpiredTime=int(time.time()), NotifyRecord="x")
    assert wechat.send(body).text == "success"
    product.do("UPDATE provider SET oa_state = 'authorized'")  # renewed meanwhile
    for _ in range(2):
        assert wechat.send(body).text == "success"
    assert pushes(product) == 1
    row = product.one("SELECT oa_state s FROM provider WHERE out_mch_id = :m", m=MAIN)
    assert row.s == "authorized"


def test_a_lapsed_account_is_said_on_our_page_and_a_renewed_one_serves(
    product: Product, pusher: Made, phone: Callable[..., Phone]
) -> None:
    """Between two clicks: before, WeChat's own page would have said 10005."""
    wechat, someone = pusher(), phone()
    assert 'name="intent"' in someone.scan().text
    now = int(time.time())
    wechat.send(event("verify_expired", ExpiredTime=now))
    page = someone.scan().text
    assert "PROVIDER_OA_NOT_VERIFIED" in page
    done = run(product, "oa", "health", "--provider", MAIN)
    assert done.exit_code == 1
    assert "年审" in done.output
    wechat.send(event("naming_verify_success", ExpiredTime=now + 365 * 86400))
    assert 'name="intent"' in someone.scan().text


def test_what_is_pushed_to_nobody_is_nobodys(product: Product, pusher: Made) -> None:
    wechat = pusher()
    for path in ("/oa/sz00nobody", "/oa/component", "/oa/component/wx00000000000000ff"):
        other = Pusher(product.url + path, wechat.app_id)
        assert other.send(message(Content="帮助", MsgId="1")).status_code == 404
    assert pushes(product) == 0
