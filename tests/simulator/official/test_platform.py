"""A third-party platform from its first ticket to an account that leaves, by wechatpy."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatClientException

from tests.simulator.conftest import Simulator
from tests.simulator.official.conftest import BACK, Client, Platform, Server, hears_it_three_times
from tests.simulator.official.test_push import opened
from tests.simulator.wechat.conftest import authorize_url


def code_of(work: Any) -> int:
    with pytest.raises(WeChatClientException) as no:
        work()
    return int(no.value.errcode)


@pytest.fixture
def appid(account: dict[str, Any]) -> str:
    return str(account["appid"])


@pytest.fixture
def granted(platform: Platform, server: Server, appid: str) -> dict[str, Any]:
    """The platform holds every set of the account."""
    platform.starts(server)
    found: dict[str, Any] = platform.query_auth(platform.authorised(appid))["authorization_info"]
    return found


def test_nothing_is_pushed_until_the_platform_asks(sim: Simulator, platform: Platform) -> None:
    sim.advance(7200)
    assert sim.get("/sim/outbox") == []
    assert sim.get("/sim/trail") == []
    platform.session.set("component_verify_ticket", "guess")
    assert code_of(platform.fetch_access_token) == 61006


def test_a_ticket_comes_every_ten_minutes_and_lives_twelve_hours(
    sim: Simulator, platform: Platform, server: Server
) -> None:
    platform.starts(server)
    first = platform.component_verify_ticket
    sim.advance(600)
    platform.hear(server.wait(2)[1])
    assert platform.component_verify_ticket != first
    platform.session.set("component_verify_ticket", first)  # the older one still serves
    platform.fetch_access_token()
    sim.switch(wechat__component_push="off")
    sim.advance(12 * 3600)
    assert code_of(platform.fetch_access_token) == 61005
    assert len(server.heard) == 2


def test_a_ticket_that_nobody_acknowledges_comes_three_times(
    sim: Simulator, platform: Platform, server: Server
) -> None:
    server.answer = b""
    platform.starts(server)
    hears_it_three_times(sim, server)
    assert len({platform.hear(push).verify_ticket for push in server.heard}) == 1


def test_an_account_authorises_and_its_token_works(
    sim: Simulator, platform: Platform, server: Server, granted: dict[str, Any], appid: str
) -> None:
    ids = [f["funcscope_category"]["id"] for f in granted["func_info"]]
    assert {1, 2, 3, 4, 7, 15} <= set(ids)
    event = platform.hear(server.wait(2)[1])  # wechatpy exchanges the event's own code as well
    assert (event.type, event.authorizer_appid) == ("authorized", appid)
    again = event.query_auth_result["authorization_info"]
    assert again["authorizer_refresh_token"] == granted["authorizer_refresh_token"]
    menu = {"button": [{"name": "收款", "type": "click", "key": "K1"}]}
    for token in (granted["authorizer_access_token"], again["authorizer_access_token"]):
        assert sim.post(f"/cgi-bin/menu/create?access_token={token}", menu)["errcode"] == 0
    about = platform.get_authorizer_info(appid)["authorizer_info"]
    assert about["verify_type_info"]["id"] == 0
    assert about["service_type_info"]["id"] == 2
    listed = platform.get_authorizer_list()
    assert (listed["total_count"], listed["list"][0]["authorizer_appid"]) == (1, appid)


def test_a_code_serves_once_and_for_ten_minutes(
    sim: Simulator, platform: Platform, server: Server, appid: str
) -> None:
    platform.starts(server)
    code = platform.authorised(appid)
    platform.query_auth(code)
    assert code_of(lambda: platform.query_auth(code)) == 61009
    late = platform.authorised(appid)
    sim.advance(601)
    assert code_of(lambda: platform.query_auth(late)) == 61010


@pytest.mark.parametrize("rule", ["grace", "strict", "same"])
def test_refresh_tokens_rotate_by_the_rule(
    sim: Simulator, platform: Platform, granted: dict[str, Any], appid: str, rule: str
) -> None:
    sim.switch(wechat__refresh_token=rule)
    first = granted["authorizer_refresh_token"]

    def refresh(given: str) -> str:
        return str(platform.refresh_authorizer_token(appid, given)["authorizer_refresh_token"])

    second = refresh(first)
    assert (second == first) == (rule == "same")
    if rule == "strict":
        assert code_of(lambda: refresh(first)) == 61023
    else:
        second = refresh(first)  # the answer was lost, the old one is asked with again
    third = refresh(second)
    if rule != "same":
        assert code_of(lambda: refresh(first)) == 61023
    refresh(third)


def test_the_old_token_lives_on_for_five_minutes(
    sim: Simulator, platform: Platform, granted: dict[str, Any], appid: str
) -> None:
    old = granted["authorizer_access_token"]
    platform.refresh_authorizer_token(appid, granted["authorizer_refresh_token"])
    assert "tags" in sim.get(f"/cgi-bin/tags/get?access_token={old}")
    sim.advance(301)
    assert sim.get(f"/cgi-bin/tags/get?access_token={old}")["errcode"] == 42001


def test_what_was_not_granted_is_61007_and_more_is_granted_by_authorising_again(
    sim: Simulator, platform: Platform, server: Server, appid: str
) -> None:
    platform.starts(server)
    held = platform.query_auth(platform.authorised(appid, [1, 4]))["authorization_info"]
    path = f"/cgi-bin/menu/get?access_token={held['authorizer_access_token']}"
    assert sim.get(path)["errcode"] == 61007
    sim.switch(wechat__func_taken="7")
    again = platform.query_auth(platform.authorised(appid, [1, 7, 15]))["authorization_info"]
    assert [f["funcscope_category"]["id"] for f in again["func_info"]] == [1, 15]
    assert sim.get(path)["errcode"] == 40001  # the token of before ended
    assert platform.hear(server.wait(3)[2]).type == "updateauthorized"
    old = held["authorizer_refresh_token"]
    assert code_of(lambda: platform.refresh_authorizer_token(appid, old)) == 61023


def test_an_account_that_leaves_is_61003_everywhere(
    sim: Simulator, platform: Platform, server: Server, granted: dict[str, Any], appid: str
) -> None:
    assert sim.post(f"/sim/oa/{appid}/unauthorise")["was_authorised"]
    token, refresh = granted["authorizer_access_token"], granted["authorizer_refresh_token"]
    assert sim.get(f"/cgi-bin/menu/get?access_token={token}")["errcode"] == 61003
    assert code_of(lambda: platform.refresh_authorizer_token(appid, refresh)) == 61003
    assert code_of(lambda: platform.get_authorizer_info(appid)) == 61003
    server.wait(3)
    assert platform.hear(server.heard[2]).type == "unauthorized"
    page = sim.http.get(sim.url + authorize_url(appid, component_appid=platform.component_appid))
    assert "10015" in page.text


def test_messages_of_an_account_go_to_the_platform_under_its_own_appid(
    sim: Simulator, platform: Platform, server: Server, granted: dict[str, Any], appid: str
) -> None:
    before = len(server.wait(2))
    sim.post(f"/sim/oa/{appid}/follow", {"person": "lin"})
    push = server.wait(before + 1)[-1]
    assert push.path == f"/oa/M1/{appid}"
    crypto: WeChatCrypto = platform.crypto
    assert opened(crypto, push)["Event"] == "subscribe"


def test_the_page_of_consent(
    sim: Simulator, platform: Platform, server: Server, appid: str
) -> None:
    platform.starts(server)
    code = platform.create_preauthcode()["pre_auth_code"]
    query = {
        "component_appid": platform.component_appid,
        "pre_auth_code": code,
        "redirect_uri": BACK,
        "auth_type": "1",
    }
    desk = f"{sim.url}/cgi-bin/componentloginpage?{urlencode(query)}"
    assert "10003" in sim.http.get(desk).text  # not opened from the launch domain
    page = sim.http.get(desk, headers={"Referer": "http://127.0.0.1:8000/"})
    assert page.text.count("type=checkbox") == 10
    phone = query | {"action": "bindcomponent", "no_scan": "1", "biz_appid": appid}
    for path in ("/wxaopen/safe/bindcomponent", "/safe/bindcomponent"):
        page = sim.http.get(f"{sim.url}{path}?{urlencode(phone)}")
        assert page.text.count("<option") == 1
    foreign = phone | {"redirect_uri": "http://evil.example/oa"}
    assert "10003" in sim.http.get(f"{sim.url}/safe/bindcomponent?{urlencode(foreign)}").text
    form = {"pre_auth_code": code, "redirect_uri": BACK, "appid": appid, "func": ["1", "15"]}
    answer = sim.http.post(f"{sim.url}/sim/oa/consent", data=form, allow_redirects=False)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    found = platform.query_auth(back["auth_code"][0])["authorization_info"]
    assert [f["funcscope_category"]["id"] for f in found["func_info"]] == [1, 15]
    assert "61009" in sim.http.post(f"{sim.url}/sim/oa/consent", data=form).text  # once
    late = query | {"pre_auth_code": platform.create_preauthcode()["pre_auth_code"]}
    sim.advance(1801)
    again = f"{sim.url}/safe/bindcomponent?{urlencode(phone | late)}"
    assert "61010" in sim.http.get(again).text


def test_a_person_is_known_on_the_account_s_behalf(
    sim: Simulator, platform: Platform, client: Client, granted: dict[str, Any], appid: str
) -> None:
    own = client.openid("lin")
    link = authorize_url(appid, component_appid=platform.component_appid)
    answer = sim.http.get(sim.url + link, allow_redirects=False)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    secret = client.account["secret"]
    direct = f"appid={appid}&secret={secret}&code={code}&grant_type=authorization_code"
    assert sim.get(f"/sns/oauth2/access_token?{direct}")["errcode"] == 40029
    oauth = platform.get_component_oauth(appid)
    oauth._http.trust_env = False
    oauth.API_BASE_URL = f"{sim.url}/"
    assert oauth.fetch_access_token(code)["openid"] == own


@pytest.mark.parametrize(
    ("path", "change", "errcode"),
    [
        ("api_create_preauthcode", {"component_appid": "wx0"}, 61011),
        ("api_create_preauthcode", {"more": 1}, 47001),
        ("api_query_auth", {"authorization_code": 5}, 61009),
        ("api_authorizer_token", {"authorizer_appid": "wx0"}, 40013),
        ("api_authorizer_token", {"authorizer_refresh_token": ""}, 61023),
        ("api_get_authorizer_list", {"offset": 0, "count": 501}, 40097),
        ("get_authorizer_option", {"option_name": "nonsense"}, 40097),
    ],
)
def test_wrong_fields_are_refused(
    platform: Platform,
    granted: dict[str, Any],
    appid: str,
    path: str,
    change: dict[str, Any],
    errcode: int,
) -> None:
    body = {"component_appid": platform.component_appid}
    if "authorizer" in path and "list" not in path:
        body["authorizer_appid"] = appid
    said = platform.sim.post(
        f"/cgi-bin/component/{path}?access_token={platform.access_token}", body | change
    )
    assert said["errcode"] == errcode


def test_options_and_calls_are_counted(
    sim: Simulator, platform: Platform, granted: dict[str, Any], appid: str
) -> None:
    platform.set_authorizer_option(appid, "location_report", "1")
    found = platform.get_authorizer_option(appid, "location_report")
    assert found["option_value"] == "1"
    counted = {(r["path"], r["errcode"]): r["times"] for r in sim.get("/sim/calls")}
    assert counted[("/cgi-bin/component/api_component_token", 0)] == 1
