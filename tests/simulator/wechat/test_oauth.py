"""Official-account OAuth: the page, the exchange and their errors (wechat.md C1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Merchant
from tests.simulator.wechat.conftest import authorize_url, code_for, openid_for

GOOD = {
    "appid": "wx8888888888888888",
    "redirect_uri": "http://127.0.0.1:8000/q/1/abc",
    "response_type": "code",
    "scope": "snsapi_base",
    "state": "S1",
}


def page(sim: Simulator, query: dict[str, str]) -> Any:
    url = f"{sim.url}/connect/oauth2/authorize?{urlencode(query)}"
    return sim.http.get(url, allow_redirects=False, timeout=5)


def token_url(shop: Merchant, code: str, **more: str) -> str:
    query = {
        "appid": shop.creds["sp_appid"],
        "secret": shop.creds["oa_secret"],
        "code": code,
        "grant_type": "authorization_code",
    } | more
    return "/sns/oauth2/access_token?" + urlencode({k: v for k, v in query.items() if v})


def test_base_scope_goes_straight_back(sim: Simulator, shop: Merchant) -> None:
    answer = sim.http.get(
        sim.url + authorize_url(shop.creds["sp_appid"]), allow_redirects=False, timeout=5
    )
    assert answer.status_code == 302
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://127.0.0.1:8000/q/1/abc"
    said = parse_qs(back.query)
    assert (said["x"], said["state"]) == (["1"], ["S1"])
    got = sim.get(token_url(shop, said["code"][0]))
    assert set(got) == {"access_token", "expires_in", "refresh_token", "openid", "scope"}
    assert (got["expires_in"], got["scope"]) == (7200, "snsapi_base")


def test_one_person_has_one_openid_per_appid(sim: Simulator, shop: Merchant) -> None:
    sub = shop.creds["merchants"][0]
    pairs = [(shop.creds["sp_appid"], shop.creds["oa_secret"])] * 2
    pairs.append((sub["sub_appids"][0], sub["oa_secret"]))
    first, again, elsewhere = (openid_for(sim, a, s, "lin") for a, s in pairs)
    assert first == again != elsewhere
    assert openid_for(sim, *pairs[0], "zhou") != first


def test_userinfo_scope_asks_first(sim: Simulator, shop: Merchant) -> None:
    answer = page(sim, GOOD | {"scope": "snsapi_userinfo"})
    assert answer.status_code == 200
    assert "允许" in answer.text
    assert "拒绝" in answer.text
    code = answer.text.partition("code=")[2].partition("&")[0]
    got = sim.get(token_url(shop, code))
    query = urlencode({"access_token": got["access_token"], "openid": got["openid"]})
    assert sim.get(f"/sns/userinfo?{query}&lang=zh_CN")["nickname"] == "林晓"
    assert sim.get(f"/sns/auth?{query}") == {"errcode": 0, "errmsg": "ok"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"appid": ""}, "10012"),
        ({"redirect_uri": ""}, "10011"),
        ({"scope": ""}, "10010"),
        ({"state": ""}, "10013"),
        ({"redirect_uri": "http://evil.example/q/1"}, "10003"),
        ({"redirect_uri": "http://127.0.0.1.evil.example/q/1"}, "10003"),
        ({"redirect_uri": "http://127.0.0.1@evil.example/q/1"}, "10003"),
        ({"redirect_uri": "http://evil.example\\@127.0.0.1/q/1"}, "10003"),
        ({"redirect_uri": "javascript://127.0.0.1/%0aalert(1)"}, "10003"),
        ({"redirect_uri": "//127.0.0.1/q/1"}, "10003"),
        ({"redirect_uri": "http://[::1/q"}, "10003"),
        ({"scope": "snsapi_login"}, "10005"),
        ({"scope": "snsapi_base,snsapi_userinfo"}, "10005"),
        ({"state": "a-b"}, "10013"),
        ({"state": "a" * 129}, "10013"),
        ({"state": "中"}, "10013"),
        ({"appid": "wx0000000000000000"}, "40013"),
        ({"response_type": "token"}, "40030"),
    ],
)
def test_page_errors_are_html_without_redirect(
    sim: Simulator, change: dict[str, str], code: str
) -> None:
    answer = page(sim, GOOD | change)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert f"错误码：{code}" in answer.text
    assert "Location" not in answer.headers


def test_the_order_of_parameters_matters(sim: Simulator) -> None:
    answer = page(sim, dict(reversed(GOOD.items())))
    assert answer.status_code == 200
    assert "顺序" in answer.text


@pytest.mark.parametrize("code", ["10004", "10005", "10006", "10009", "10015", "10016"])
def test_account_states_by_switch(sim: Simulator, code: str) -> None:
    sim.switch(wechat__oa_page_error=code)
    assert f"错误码：{code}" in page(sim, GOOD).text
    sim.switch(wechat__oa_page_error="")
    assert page(sim, GOOD).status_code == 302
    sim.switch(wechat__oa_page_error=code)
    sim.post("/sim/reset")
    assert page(sim, GOOD).status_code == 302


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"secret": ""}, 41004),
        ({"secret": "0" * 32}, 40125),
        ({"code": ""}, 41008),
        ({"code": "0123456789abcdef0123456789abcdef"}, 40029),
        ({"grant_type": "client_credential"}, 40002),
        ({"appid": "wx7777777777777777", "secret": "other"}, 40029),
    ],
)
def test_exchange_errors(
    sim: Simulator, shop: Merchant, change: dict[str, str], errcode: int
) -> None:
    if change.get("secret") == "other":
        theirs = sim.get("/sim/credentials?owner=1900000501")["wechat"]
        change = change | {"secret": theirs["oa_secret"]}
    code = code_for(sim, shop.creds["sp_appid"])
    said = sim.get(
        token_url(shop, code) if not change else token_url(shop, **({"code": code} | change))
    )
    assert said["errcode"] == errcode
    assert "openid" not in said
    assert sim.get(token_url(shop, code))["openid"]  # a wrong try does not spend it


def test_a_code_serves_once(sim: Simulator, shop: Merchant) -> None:
    code = code_for(sim, shop.creds["sp_appid"])
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: sim.get(token_url(shop, code)), range(16)))
    assert len([s for s in said if "openid" in s]) == 1
    assert {s["errcode"] for s in said if "errcode" in s} == {40163}


def test_a_code_lives_five_minutes(sim: Simulator, shop: Merchant) -> None:
    code = code_for(sim, shop.creds["sp_appid"])
    sim.advance(301)
    assert sim.get(token_url(shop, code))["errcode"] == 42003


def test_tokens(sim: Simulator, shop: Merchant) -> None:
    got = sim.get(token_url(shop, code_for(sim, shop.creds["sp_appid"])))
    token, openid = got["access_token"], got["openid"]
    for query, errcode in (
        ("", 41001),
        (f"access_token=x&openid={openid}", 40001),
        (f"access_token={token}", 41009),
        (f"access_token={token}&openid=x", 40003),
        (f"access_token={token}&openid={openid}", 48001),
    ):
        assert sim.get(f"/sns/userinfo?{query}")["errcode"] == errcode
    fresh = f"appid={GOOD['appid']}&grant_type=refresh_token&refresh_token={got['refresh_token']}"
    assert sim.get(f"/sns/oauth2/refresh_token?{fresh}")["openid"] == openid
    assert sim.get(f"/sns/oauth2/refresh_token?{fresh}x")["errcode"] == 40030
    sim.advance(7201)
    assert sim.get(f"/sns/auth?access_token={token}&openid={openid}")["errcode"] == 42001
    sim.advance(30 * 86400)
    assert sim.get(f"/sns/oauth2/refresh_token?{fresh}")["errcode"] == 42002


def test_a_snapshot_visitor_cannot_order(sim: Simulator, shop: Merchant) -> None:
    sim.switch(wechat__snapshotuser="on")
    got = sim.get(token_url(shop, code_for(sim, shop.creds["sp_appid"])))
    assert got["is_snapshotuser"] == 1
    answer = shop.place(shop.order(got["openid"]))
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")
