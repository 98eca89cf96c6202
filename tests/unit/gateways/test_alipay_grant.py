"""A merchant's consent: the link, and the code turned into a token."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from errors import GatewayRejected, GatewayUnknown
from gateways.alipay.gateway import AlipayClients
from gateways.alipay.oauth import AlipayOAuth
from gateways.http import Answer
from tests.unit.gateways.wallets import ALIPAY_ACCOUNT, Clock, Wire, alipay_answer

METHOD = "alipay.open.auth.token.app"
TOKEN = "202611BBtheMerchantsToken0123456789X01"
GOOD = {"code": "10000", "msg": "Success", "app_auth_token": TOKEN, "user_id": "2088000000000109"}


def oauth(answer: Answer | None = None) -> tuple[AlipayOAuth, Wire]:
    wire = Wire(answer)
    clients = AlipayClients(base="https://gw.example/gateway.do", transport=wire, now=Clock())
    return AlipayOAuth(clients, auth_base="https://openauth.alipay.com"), wire


def test_the_consent_page_gets_the_app_and_the_way_back() -> None:
    url = oauth()[0].grant_url(ALIPAY_ACCOUNT, "https://p.example/?a=b&c", "sub01")
    assert url.startswith("https://openauth.alipay.com/oauth2/appToAppAuth.htm?")
    assert parse_qs(urlsplit(url).query) == {
        "app_id": ["2021000000000001"],
        "redirect_uri": ["https://p.example/?a=b&c"],
        "state": ["sub01"],
    }


def test_the_code_becomes_a_token_and_the_pid_that_consented() -> None:
    asked, wire = oauth(alipay_answer(METHOD, GOOD))
    grant = asked.exchange_grant(ALIPAY_ACCOUNT, "code1")
    assert (grant.pid, grant.app_auth_token) == ("2088000000000109", TOKEN)
    assert TOKEN not in repr(grant)
    _, url, _, body = wire.sent[0]
    assert json.loads(parse_qs(body.decode())["biz_content"][0]) == {
        "grant_type": "authorization_code",
        "code": "code1",
    }
    assert "code1" not in url
    assert "app_auth_token" not in parse_qs(body.decode())


@pytest.mark.parametrize(
    "node",
    [{**GOOD, "user_id": ""}, {**GOOD, "app_auth_token": None}, {**GOOD, "user_id": ["x"]}],
)
def test_an_answer_that_lacks_half_is_unknown(node: dict[str, Any]) -> None:
    with pytest.raises(GatewayUnknown):
        oauth(alipay_answer(METHOD, node))[0].exchange_grant(ALIPAY_ACCOUNT, "code1")


def test_a_used_code_is_refused_by_its_own_code() -> None:
    node = {"code": "40004", "msg": "Business Failed", "sub_code": "AUTH_CODE_NOT_VALID"}
    with pytest.raises(GatewayRejected) as raised:
        oauth(alipay_answer(METHOD, node))[0].exchange_grant(ALIPAY_ACCOUNT, "code1")
    assert raised.value.upstream_code == "AUTH_CODE_NOT_VALID"
