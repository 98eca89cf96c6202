"""Template, subscription and one-time notices: what arrives, what is told, what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from wechatpy.crypto import WeChatCrypto

from tests.simulator.conftest import Simulator
from tests.simulator.official.conftest import Client, Server
from tests.simulator.official.test_push import opened

GOOD = {
    "amount1": "¥12.50",
    "time2": "2026年11月26日 12:00",
    "thing3": "青禾茶事 南门店",
    "character_string4": "T2026112600000001",
    "phrase5": "微信支付",
}


@pytest.fixture
def notice(client: Client) -> dict[str, Any]:
    """A message that would be taken: to lin, who follows."""
    client.act("follow", {"person": "lin"})
    listed = client.get("template/get_all_private_template")["template_list"]
    assert "{{amount1.DATA}}" in listed[0]["content"]
    return {
        "touser": client.openid("lin"),
        "template_id": listed[0]["template_id"],
        "url": "https://pay.example.com/m/orders/1",
        "data": {key: {"value": value} for key, value in GOOD.items()},
    }


def send(client: Client, body: dict[str, Any], kind: str = "template/send") -> dict[str, Any]:
    return client.post(f"message/{kind}", body)


@pytest.mark.parametrize(
    ("result", "status"),
    [("success", "success"), ("user_block", "failed:user block"),
     ("system_failed", "failed: system failed")],
)  # fmt: skip
def test_a_notice_arrives_and_its_end_is_told(
    client: Client,
    server: Server,
    crypto: WeChatCrypto,
    notice: dict[str, Any],
    result: str,
    status: str,
) -> None:
    client.act("server", {"url": server.url})
    client.sim.switch(wechat__template_result=result)
    msgid = send(client, notice)["msgid"]
    (row,) = client.sim.get(f"/sim/messages?appid={client.account['appid']}&person=lin")
    assert row["data"] == GOOD
    assert row["url"] == notice["url"]
    told = opened(crypto, server.wait(1)[0])
    assert (told["Event"], told["Status"]) == ("TEMPLATESENDJOBFINISH", status)
    assert int(told["MsgID"]) == msgid == row["msgid"]


def test_one_client_id_is_one_message(client: Client, notice: dict[str, Any]) -> None:
    body = notice | {"client_msg_id": "order-1"}
    assert send(client, body)["msgid"] == send(client, body)["msgid"]
    assert send(client, notice)["msgid"] != send(client, notice)["msgid"]
    assert len(client.sim.get("/sim/messages")) == 3


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"touser": "oNobody"}, 40003),
        ({"template_id": "x"}, 40037),
        ({"data": {}}, 47003),
        ({"url": "javascript:1"}, 40165),
        ({"miniprogram": {"appid": "wx1", "path": "x"}}, 47001),
        ({"client_msg_id": "x" * 33}, 47001),
        ({"topcolor": "#000"}, 47001),
        *(
            ({"data": {k: {"value": value if k == key else v} for k, v in GOOD.items()}}, 47003)
            for key, value in (
                ("amount1", "twelve"),
                ("time2", "soon"),
                ("thing3", "长" * 21),
                ("thing3", ""),
                ("character_string4", "单号"),
                ("phrase5", "WeChat"),
            )
        ),
    ],
)
def test_a_wrong_field_is_refused_and_nothing_arrives(
    client: Client, notice: dict[str, Any], change: dict[str, Any], errcode: int
) -> None:
    assert send(client, notice | change)["errcode"] == errcode
    assert client.sim.get("/sim/messages") == []


def test_who_does_not_follow_or_is_blocked_gets_none(
    client: Client, notice: dict[str, Any]
) -> None:
    client.act("block", {"person": "lin", "blocked": True})
    assert send(client, notice)["errcode"] == 43019
    client.act("block", {"person": "lin", "blocked": False})
    client.act("unfollow", {"person": "lin"})
    assert send(client, notice)["errcode"] == 43004
    client.act("follow", {"person": "lin"})
    client.sim.switch(wechat__oa_lapsed=client.account["appid"])
    assert send(client, notice)["errcode"] == 48001


def test_faults_answer_with_any_code(client: Client, notice: dict[str, Any]) -> None:
    client.sim.fault("wechat.template_send", "error", code="45009")
    assert send(client, notice)["errcode"] == 45009
    assert send(client, notice)["errcode"] == 0


def test_one_consent_is_one_send(
    client: Client, server: Server, crypto: WeChatCrypto, notice: dict[str, Any]
) -> None:
    client.act("server", {"url": server.url})
    ids = [t["template_id"] for t in client.account["subscribe_templates"]]
    body = {n: notice[n] for n in ("touser", "data")} | {"template_id": ids[0]}
    assert send(client, body, "subscribe/bizsend")["errcode"] == 43101
    answers = {ids[0]: "accept", ids[1]: "reject"}
    client.act("subscribe", {"person": "lin", "answers": answers})
    both = opened(crypto, server.wait(1)[0])["SubscribeMsgPopupEvent"]["List"]
    assert [row["SubscribeStatusString"] for row in both] == ["accept", "reject"]
    assert send(client, body, "subscribe/bizsend") == {"errcode": 0, "errmsg": "ok"}
    sent = opened(crypto, server.wait(2)[1])
    assert sent["SubscribeMsgSentEvent"]["List"]["ErrorStatus"] == "success"
    assert send(client, body, "subscribe/bizsend")["errcode"] == 43101
    client.act("subscribe", {"person": "lin", "answers": {ids[0]: "accept"}})
    single = opened(crypto, server.wait(3)[2])["SubscribeMsgPopupEvent"]["List"]
    assert single["PopupScene"] == "1"  # one row is no list
    client.act("subscribe", {"person": "lin", "answers": {ids[0]: "reject"}, "as": "change"})
    assert opened(crypto, server.wait(4)[3])["Event"] == "subscribe_msg_change_event"
    assert send(client, body, "subscribe/bizsend")["errcode"] == 43101


def test_a_one_time_message_is_asked_for_and_sent_once(
    sim: Simulator, client: Client, notice: dict[str, Any]
) -> None:
    template_id = client.account["subscribe_templates"][0]["template_id"]
    query = {
        "action": "get_confirm",
        "appid": client.account["appid"],
        "scene": "7",
        "template_id": template_id,
        "redirect_url": "http://127.0.0.1:8000/m/notices",
        "reserved": "r1",
    }
    page = f"{sim.url}/mp/subscribemsg?{urlencode(query)}"
    assert "允许" in sim.http.get(page).text
    answer = sim.http.get(page + "&decide=confirm", allow_redirects=False)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["openid"] == [notice["touser"]]
    assert back["reserved"] == ["r1"]
    body = {
        "touser": notice["touser"],
        "template_id": template_id,
        "scene": "7",
        "title": "到账",
        "data": {"content": {"value": "¥1.00", "color": "#000"}},
    }
    assert send(client, body | {"title": "长" * 16}, "template/subscribe")["errcode"] == 47003
    assert send(client, body, "template/subscribe")["errcode"] == 0
    assert send(client, body, "template/subscribe")["errcode"] == 43101
