"""Messages and events to an account's own server, judged by wechatpy and by published vectors."""

from __future__ import annotations

import json
from typing import Any

import pytest
import xmltodict  # type: ignore[import-untyped]
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import TextReply

from simulator.wechat import push_crypto
from tests.simulator.conftest import ROOT, wait_for
from tests.simulator.official.conftest import Client, Heard, Server, hears_it_three_times

VECTORS = json.loads((ROOT / "tests" / "data" / "wechat-vectors.json").read_text("utf-8"))


def opened(crypto: WeChatCrypto, push: Heard) -> dict[str, Any]:
    query = push.query
    text = crypto.decrypt_message(
        push.body, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    found: dict[str, Any] = xmltodict.parse(text)["xml"]
    return found


@pytest.mark.parametrize("case", VECTORS["oa_message_crypto"], ids=lambda c: c["name"])
def test_the_published_vectors_are_met(case: dict[str, Any]) -> None:
    key, appid = case["encoding_aes_key"], case["appid"]
    sealed = push_crypto.seal(key, appid, case["plaintext_xml"], case["random16"].encode())
    assert sealed == case["encrypt"]
    parts = (case["token"], case["timestamp"], case["nonce"])
    assert push_crypto.signature(*parts) == case["signature"]
    assert push_crypto.signature(*parts, sealed) == case["msg_signature"]
    assert push_crypto.unseal(key, sealed) == (case["plaintext_xml"], appid)


def test_a_server_is_taken_only_when_it_gives_the_echo_back(client: Client, server: Server) -> None:
    server.echo = "something else"
    assert client.act("server", {"url": server.url}, 400)["code"] == "URL_CHECK"
    client.act("follow", {"person": "lin"})
    server.echo = None
    assert client.act("server", {"url": server.url})["server"]["mode"] == "safe"
    assert server.heard == []  # nobody was told of what happened before


def test_follow_scan_press_and_unfollow_are_told_in_safe_mode(
    client: Client, server: Server, crypto: WeChatCrypto
) -> None:
    client.act("server", {"url": server.url})
    made = client.post(
        "qrcode/create",
        {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "m_1"}}},
    )
    client.post("menu/create", {"button": [{"name": "收款", "type": "click", "key": "K1"}]})
    client.act("scan", {"person": "lin", "code": made["url"]})
    server.wait(1)
    client.act("scan", {"person": "lin", "code": made["ticket"]})
    server.wait(2)
    client.act("press", {"person": "lin", "path": [0]})
    server.wait(3)
    client.act("unfollow", {"person": "lin"})
    told = [opened(crypto, push) for push in server.wait(4)]
    assert [(t["Event"], t["EventKey"]) for t in told] == [
        ("subscribe", "qrscene_m_1"),
        ("SCAN", "m_1"),
        ("CLICK", "K1"),
        ("unsubscribe", None),
    ]
    assert told[0]["Ticket"] == told[1]["Ticket"] == made["ticket"]
    assert {t["ToUserName"] for t in told} == {client.account["user_name"]}
    assert {t["FromUserName"] for t in told} == {server.heard[0].query["openid"]}


def test_a_plain_message_is_answered_and_the_person_reads_it(
    client: Client, server: Server
) -> None:
    client.act("follow", {"person": "lin"})
    client.act("server", {"url": server.url, "mode": "plain"})
    server.answer = b"not XML"
    client.act("say", {"person": "lin", "text": "在吗"})
    message = parse_message(server.wait(1)[0].body)
    assert (message.type, message.content, len(str(message.id))) == ("text", "在吗", 16)
    wait_for(lambda: bool(client.sim.get("/sim/messages?kind=broken_reply")))
    server.answer = TextReply(content="你好", message=message).render().encode()
    client.act("say", {"person": "lin", "text": "再问"})
    wait_for(lambda: bool(client.sim.get("/sim/messages?kind=reply")))
    assert client.sim.get("/sim/messages?kind=reply")[0]["text"] == "你好"


@pytest.mark.parametrize("spoil", ["", "appid", "token"])
def test_a_sealed_reply_must_be_ours(
    client: Client, server: Server, crypto: WeChatCrypto, spoil: str
) -> None:
    client.act("follow", {"person": "lin"})
    client.act("server", {"url": server.url})
    client.act("say", {"person": "lin", "text": "在吗"})
    query = server.wait(1)[0].query
    text = crypto.decrypt_message(
        server.heard[0].body, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    reply = TextReply(content="你好", message=parse_message(text))
    sealer = WeChatCrypto(
        "other" if spoil == "token" else client.account["token"],
        client.account["encoding_aes_key"],
        "wx0" if spoil == "appid" else client.account["appid"],
    )
    server.answer = sealer.encrypt_message(reply, "n1").encode()
    client.act("say", {"person": "lin", "text": "再问"})
    wait_for(lambda: bool(client.sim.get("/sim/messages")))
    (row,) = client.sim.get("/sim/messages")
    assert row["kind"] == ("broken_reply" if spoil else "reply")


def test_a_server_that_fails_hears_it_three_times_and_a_lost_answer_repeats_one_message(
    client: Client, server: Server, crypto: WeChatCrypto
) -> None:
    client.act("follow", {"person": "lin"})
    client.act("server", {"url": server.url})
    server.status = 500
    client.act("say", {"person": "lin", "text": "在吗"})
    hears_it_three_times(client.sim, server)
    told = [opened(crypto, push) for push in server.heard]
    assert len(told) == 3
    assert len({t["MsgId"] for t in told}) == 1
    assert len({push.query["nonce"] for push in server.heard}) == 3  # signed anew


def test_the_verification_ends_and_begins_again(
    client: Client, server: Server, crypto: WeChatCrypto
) -> None:
    client.act("server", {"url": server.url})
    scene = {"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 7}}}
    client.act("verification", {"as": "annual_renew"})
    assert client.post("qrcode/create", scene)["expire_seconds"] == 60
    server.wait(1)
    client.act("verification", {"as": "verify_expired"})
    assert client.post("qrcode/create", scene)["errcode"] == 48001
    page = client.sim.http.get(
        f"{client.sim.url}/connect/oauth2/authorize?appid={client.account['appid']}"
        "&redirect_uri=http%3A%2F%2F127.0.0.1%2F&response_type=code&scope=snsapi_base&state=S",
        timeout=5,
    )
    assert "10005" in page.text
    server.wait(2)
    client.act("verification", {"as": "naming_verify_success"})
    assert "ticket" in client.post("qrcode/create", scene)
    told = [opened(crypto, push) for push in server.wait(3)]
    assert [t["Event"] for t in told] == [
        "annual_renew",
        "verify_expired",
        "naming_verify_success",
    ]
    assert all(t["ExpiredTime"].isdigit() for t in told)
    assert ["NotifyRecord" in t for t in told] == [True, True, False]
