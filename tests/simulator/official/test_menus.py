"""Menus, scene codes and tags: each limit with its own code, and what a person then sees."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.simulator.official.conftest import Client

VIEW = {"name": "会员卡", "type": "view", "url": "https://pay.example.com/card/1"}
CLICK = {"name": "收款", "type": "click", "key": "K1"}
MENU: list[dict[str, Any]] = [CLICK, {"name": "更多", "sub_button": [VIEW, CLICK]}]


def sub(**change: Any) -> list[dict[str, Any]]:
    return [{"name": "更多", "sub_button": [VIEW | change]}]


BAD: list[tuple[str, Any, int]] = [
    ("none", [], 40016),
    ("four", [CLICK] * 4, 40016),
    ("not a list", "menu", 40016),
    ("unknown type", [CLICK | {"type": "dial"}], 40017),
    ("no type", [{"name": "收款"}], 40017),
    ("a list as type", [CLICK | {"type": ["click"]}], 40017),
    ("an object as type below", sub(type={}), 40024),
    ("name of 18 bytes", [CLICK | {"name": "六个汉字太长"}], 40018),
    ("no name", [CLICK | {"name": ""}], 40018),
    ("no key", [{"name": "收款", "type": "click"}], 40019),
    ("key of 129", [CLICK | {"key": "k" * 129}], 40019),
    ("url of 1025", [VIEW | {"url": "https://a.cn/" + "x" * 1012}], 40020),
    ("url of no web", [VIEW | {"url": "weixin://x"}], 65317),
    ("a field too many", [CLICK | {"url": "https://a.cn"}], 47001),
    (
        "three levels",
        [{"name": "更多", "sub_button": [{"name": "x", "sub_button": [VIEW]}]}],
        40022,
    ),
    ("six below", [{"name": "更多", "sub_button": [VIEW] * 6}], 40023),
    ("type below", sub(type="dial"), 40024),
    ("name below of 63 bytes", sub(name="长" * 21), 40025),
    ("key below", [{"name": "更多", "sub_button": [CLICK | {"key": 5}]}], 40026),
    ("url below", sub(url=5), 40027),
]


@pytest.mark.parametrize(("_", "buttons", "errcode"), BAD, ids=[b[0] for b in BAD])
def test_a_menu_over_a_limit_is_refused(client: Client, _: str, buttons: Any, errcode: int) -> None:
    client.post("menu/create", {"button": MENU})
    assert client.post("menu/create", {"button": buttons})["errcode"] == errcode
    assert client.get("menu/get")["menu"]["button"][0]["name"] == "收款"  # the old one stays


def test_names_at_their_limits_are_taken(client: Client) -> None:
    full = [{"name": "五个汉字啊a", "sub_button": [VIEW | {"name": "长" * 20}] * 5}] * 3
    assert client.post("menu/create", {"button": full})["errcode"] == 0


def test_a_menu_is_seen_pressed_and_deleted(client: Client) -> None:
    assert client.get("menu/get")["errcode"] == 46003
    assert client.get("get_current_selfmenu_info")["is_menu_open"] == 0
    client.post("menu/create", {"button": MENU})
    shown = client.get("get_current_selfmenu_info")["selfmenu_info"]["button"]
    assert shown[1]["sub_button"]["list"][0]["url"] == VIEW["url"]
    assert client.act("press", {"person": "lin", "path": [0]}, 400)["code"] == "43004"
    client.act("follow", {"person": "lin"})
    assert client.act("press", {"person": "lin", "path": [1, 0]})["open"] == VIEW["url"]
    client.act("press", {"person": "lin", "path": [1, 7]}, 400)
    assert client.get("menu/delete")["errcode"] == 0
    assert client.get("menu/get")["errcode"] == 46003


def test_merchants_see_a_menu_of_their_own(client: Client) -> None:
    own = {"button": [VIEW | {"name": "商户后台"}], "matchrule": {"tag_id": "100"}}
    assert client.post("menu/addconditional", own)["errcode"] == 65303
    client.post("menu/create", {"button": MENU})
    assert client.post("menu/addconditional", own)["errcode"] == 45159  # no such tag
    tag = client.post("tags/create", {"tag": {"name": "商户"}})["tag"]["id"]
    assert client.post("tags/create", {"tag": {"name": "商户"}})["errcode"] == 45157
    openid = client.openid("lin")
    members = {"tagid": tag, "openid_list": [openid]}
    assert client.post("tags/members/batchtagging", members)["errcode"] == 40003
    client.act("follow", {"person": "lin"})
    assert client.post("tags/members/batchtagging", members)["errcode"] == 0
    menuid = client.post("menu/addconditional", own)["menuid"]
    assert client.post("menu/trymatch", {"user_id": openid})["button"][0]["name"] == "商户后台"
    assert client.act("menu", {"person": "zhou"})["button"][0]["name"] == "收款"
    assert client.post("menu/delconditional", {"menuid": "1"})["errcode"] == 65301
    assert client.post("menu/delconditional", {"menuid": menuid})["errcode"] == 0
    assert client.post("menu/trymatch", {"user_id": openid})["button"][0]["name"] == "收款"


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"matchrule": {}}, 65304),
        ({"matchrule": {"sex": "1"}}, 47001),
        ({"matchrule": {"client_platform_type": "4"}}, 65304),
        ({"button": []}, 65307),
        ({"button": [{"name": "更多", "sub_button": [VIEW | {"url": f"https://{n}.cn/"} for n in
                                                    "abcd"]}]}, 65316),
    ],
)  # fmt: skip
def test_a_conditional_menu_over_a_limit_is_refused(
    client: Client, change: dict[str, Any], errcode: int
) -> None:
    client.post("menu/create", {"button": MENU})
    body = {"button": copy.deepcopy(MENU), "matchrule": {"client_platform_type": "1"}} | change
    assert client.post("menu/addconditional", body)["errcode"] == errcode


STR = {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "m_1"}}}


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"action_name": "QR"}, 40052),
        ({"action_info": {"scene": {"scene_id": 0}}, "action_name": "QR_SCENE"}, 40053),
        ({"action_info": {"scene": {"scene_id": "1"}}, "action_name": "QR_SCENE"}, 40053),
        ({"action_info": {"scene": {"scene_id": 100_001}}, "action_name": "QR_LIMIT_SCENE"}, 40053),
        ({"action_info": {"scene": {"scene_str": "x" * 65}}}, 40053),
        ({"action_info": {}}, 40053),
        ({"expire_seconds": 2_592_001}, 40085),
        ({"expire_seconds": "60"}, 40085),
        ({"more": 1}, 47001),
    ],
)
def test_a_scene_code_over_a_limit_is_refused(
    client: Client, change: dict[str, Any], errcode: int
) -> None:
    assert client.post("qrcode/create", STR | change)["errcode"] == errcode


def test_a_scene_code_lives_as_long_as_it_said(client: Client) -> None:
    made = client.post("qrcode/create", STR | {"expire_seconds": 100})
    image = client.sim.http.get(
        f"{client.sim.url}/cgi-bin/showqrcode", params={"ticket": made["ticket"]}
    )
    assert image.content.startswith(b"\x89PNG")
    assert client.act("scan", {"person": "zhou", "code": made["url"]})["event"] == "subscribe"
    info = client.get("user/info", f"&openid={client.openid('zhou')}&lang=zh_CN")
    assert (info["subscribe"], info["qr_scene_str"]) == (1, "m_1")
    client.sim.advance(101)
    assert client.act("scan", {"person": "zhou", "code": made["url"]}, 400)["code"] == "CODE_OVER"


def test_an_account_that_was_never_verified_can_little(client: Client) -> None:
    client.account = {"appid": "wx6666666666666666", "secret": "simncm0a5ecret"}
    assert client.post("menu/create", {"button": MENU})["errcode"] == 0
    own = {"button": MENU, "matchrule": {"client_platform_type": "1"}}
    assert client.post("menu/addconditional", own)["errcode"] == 65306
    assert client.post("qrcode/create", STR)["errcode"] == 48001
    assert client.get("template/get_all_private_template")["errcode"] == 48001


def test_a_token_is_forced_rarely_and_ended_at_will(client: Client) -> None:
    first = client.token()["access_token"]
    assert client.token(force_refresh=True)["access_token"] != first
    assert client.sim.get(f"/cgi-bin/menu/get?access_token={first}")["errcode"] == 40001
    assert client.token(force_refresh=True)["errcode"] == 45011
    for _ in range(19):
        client.sim.advance(31)
        assert "access_token" in client.token(force_refresh=True)
    client.sim.advance(31)
    assert client.token(force_refresh=True)["errcode"] == 45009
    held = client.token()["access_token"]
    client.act("expire")
    assert client.sim.get(f"/cgi-bin/menu/get?access_token={held}")["errcode"] == 42001
    client.act("expire", {"forget": True})
    assert client.sim.get(f"/cgi-bin/menu/get?access_token={held}")["errcode"] == 40001
