"""A merchant's token for an app: consented to, renewed, and what a renewal ends (3.1, 3.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from simulator.world import World
from tests.simulator.alipay.client import Answer, Client

PID = "2088000000000133"


def exchanged(client: Client, **biz: str) -> Answer:
    return client.call("alipay.open.auth.token.app", biz, app_auth_token=None)


@pytest.fixture
def granted(client: Client, world: World) -> dict[str, Any]:
    query = {"app_id": client.app_id, "redirect_uri": "http://127.0.0.1:8000/cb", "pid": PID}
    page = client.base + "/oauth2/appToAppAuth.htm"
    back = requests.get(page, params=query, allow_redirects=False, timeout=10)
    code = dict(parse_qsl(urlsplit(back.headers["Location"]).query))["app_auth_code"]
    return exchanged(client, grant_type="authorization_code", code=code).node


def renewed(client: Client, refresh_token: str) -> Answer:
    return exchanged(client, grant_type="refresh_token", refresh_token=refresh_token)


def serves(client: Client, token: str) -> str:
    """ACQ.TRADE_NOT_EXIST: the call got as far as the merchant's trades."""
    biz = {"out_trade_no": "nobody"}
    return client.call("alipay.trade.query", biz, app_auth_token=token).sub_code


def test_after_a_renewal_the_former_token_serves_ten_minutes(
    client: Client, world: World, granted: dict[str, Any]
) -> None:
    former = granted["app_auth_token"]
    node = renewed(client, granted["app_refresh_token"]).node
    assert (node["code"], node["user_id"], node["auth_app_id"]) == (
        "10000",
        PID,
        granted["auth_app_id"],
    )
    assert node["app_auth_token"] != former
    assert node["app_refresh_token"] != granted["app_refresh_token"]
    for token in (former, node["app_auth_token"]):
        assert serves(client, token) == "ACQ.TRADE_NOT_EXIST"
    world.clock.advance(601)
    assert serves(client, former) == "aop.invalid-app-auth-token"
    assert serves(client, node["app_auth_token"]) == "ACQ.TRADE_NOT_EXIST"


def test_a_token_that_a_renewal_ended_is_no_longer_looked_up(
    client: Client, world: World, granted: dict[str, Any]
) -> None:
    once = renewed(client, granted["app_refresh_token"]).node
    twice = renewed(client, once["app_refresh_token"]).node
    world.clock.advance(601)
    for node, sub_code in ((once, "AUTH_TOKEN_NOT_EXISTED"), (twice, "None")):
        mine = {"app_auth_token": node["app_auth_token"]}
        answer = client.call("alipay.open.auth.token.app.query", mine, app_auth_token=None)
        assert answer.sub_code == sub_code
    assert answer.node["user_id"] == PID


def test_a_refresh_token_serves_once(client: Client, world: World, granted: dict[str, Any]) -> None:
    token = granted["app_refresh_token"]
    assert renewed(client, token).code == "10000"
    assert renewed(client, token).sub_code == "REFRESH_TOKEN_NOT_VALID"
    assert renewed(client, "nobody").sub_code == "REFRESH_TOKEN_NOT_EXIST"
    assert renewed(client, "").sub_code == "REFRESH_TOKEN_NOT_EXIST"


def test_a_refresh_token_ends(client: Client, world: World, granted: dict[str, Any]) -> None:
    world.clock.advance(31536000)
    token = granted["app_refresh_token"]
    assert renewed(client, token).sub_code == "REFRESH_TOKEN_TIME_OUT"


def test_another_apps_refresh_token_is_refused(
    client: Client, world: World, granted: dict[str, Any]
) -> None:
    token = granted["app_refresh_token"]
    world.tokens[token].app = "2021000000000002"
    assert renewed(client, token).sub_code == "APP_ID_NOT_CONSISTENT"
    assert exchanged(client, grant_type="password").sub_code == "GRANT_TYPE_INVALID"


def test_a_payers_refresh_token_renews_no_merchant(
    client: Client, world: World, granted: dict[str, Any]
) -> None:
    world.tokens[granted["app_refresh_token"]].kind = "alipay-refresh"
    assert renewed(client, granted["app_refresh_token"]).sub_code == "REFRESH_TOKEN_NOT_EXIST"
