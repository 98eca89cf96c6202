from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from errors import GatewayRejected, GatewayUnknown
from gateways.http import Answer
from gateways.wechat_oa.oauth import CODE_ERRORS, SNAPSHOT_USER, WechatOAuth
from tests.unit.gateways.wallets import Wire

_GOOD = {
    "access_token": "t",
    "expires_in": 7200,
    "refresh_token": "r",
    "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    "scope": "snsapi_base",
}


def _oauth(found: Any = None, status: int = 200) -> tuple[WechatOAuth, Wire]:
    raw = found if isinstance(found, bytes) else json.dumps(found).encode()
    wire = Wire(Answer(status, {}, raw))
    oauth = WechatOAuth(
        api_base="http://127.0.0.1:1/", open_base="http://127.0.0.1:2", transport=wire
    )
    return oauth, wire


def test_the_authorise_url_keeps_wechats_order_and_fragment() -> None:
    url = _oauth()[0].authorize_url("wx1", "https://p.example/q/1?a=b&c", "s1")
    assert url == (
        "http://127.0.0.1:2/connect/oauth2/authorize?appid=wx1"
        "&redirect_uri=https%3A%2F%2Fp.example%2Fq%2F1%3Fa%3Db%26c"
        "&response_type=code&scope=snsapi_base&state=s1#wechat_redirect"
    )


def test_the_component_comes_last_before_the_fragment() -> None:
    url = _oauth()[0].authorize_url("wx1", "https://p.example/", "s1", component_appid="wxc")
    assert url.endswith("&scope=snsapi_base&state=s1&component_appid=wxc#wechat_redirect")


@pytest.mark.parametrize("state", ["", "a b", "a-b", "状", "x" * 129])
def test_a_state_that_wechat_would_refuse_is_refused(state: str) -> None:
    with pytest.raises(ValueError, match="state"):
        _oauth()[0].authorize_url("wx1", "https://p.example/", state)


def test_the_code_is_exchanged_for_the_openid() -> None:
    oauth, wire = _oauth(_GOOD)
    assert oauth.openid("wx1", "s3cret", "c&1") == _GOOD["openid"]
    method, url, _, body = wire.sent[0]
    assert (method, body) == ("GET", b"")
    assert url.partition("?")[0] == "http://127.0.0.1:1/sns/oauth2/access_token"
    assert parse_qsl(urlsplit(url).query) == [
        ("appid", "wx1"),
        ("secret", "s3cret"),
        ("code", "c&1"),
        ("grant_type", "authorization_code"),
    ]


@pytest.mark.parametrize("code", sorted({*CODE_ERRORS, "40013", "40125"}))
def test_a_refused_code_keeps_wechats_number(code: str) -> None:
    with pytest.raises(GatewayRejected) as refused:
        _oauth({"errcode": int(code), "errmsg": "invalid"})[0].openid("wx1", "s3cret", "c")
    assert refused.value.upstream_code == code


def test_a_snapshot_visitor_is_refused() -> None:
    with pytest.raises(GatewayRejected) as refused:
        _oauth({**_GOOD, "is_snapshotuser": 1})[0].openid("wx1", "s3cret", "c")
    assert refused.value.upstream_code == SNAPSHOT_USER


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"errcode": -1, "errmsg": "busy"}, 200),
        (_GOOD, 500),
        (_GOOD, 302),
        (b"<html>", 200),
        ({}, 200),
        ({**_GOOD, "openid": ""}, 200),
        ({**_GOOD, "openid": 5}, 200),
    ],
    ids=range(7),
)
def test_an_answer_that_decides_nothing_is_unknown(found: Any, status: int) -> None:
    with pytest.raises(GatewayUnknown):
        _oauth(found, status)[0].openid("wx1", "s3cret", "c")


def test_neither_secret_nor_code_nor_openid_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _oauth(_GOOD)[0].openid("wx1", "s3cret", "c0de")
    text = str([record.__dict__ for record in caplog.records])
    assert "'outcome': 'ok'" in text
    for word in ("s3cret", "c0de", _GOOD["openid"]):
        assert str(word) not in text
