"""Messages and events to the account's server, or to its platform's. Source: wechat.md C6, D.

Up to 3 deliveries; a server answers within 5 s with `success`, nothing, or a reply. Of the
platform's own events only `success` counts.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import requests

from simulator.official import OFFICIAL, PLATFORM
from simulator.outbox import ANSWER_WITHIN_S, Parcel, Sent
from simulator.wechat import push_crypto, replies
from simulator.world import World

WAITS = (2.0, 2.0)  # before the second and the third delivery
OA, COMPONENT = "wechat.oa_push", "wechat.component_push"


@dataclass(frozen=True)
class Road:
    """Where an account's messages go, and under whose key; without key in plain."""

    url: str
    token: str
    encoding_aes_key: str = ""
    appid: str = ""  # that trails the sealed text


def road(world: World, appid: str) -> Road | None:
    """The platform that the account gave its messages (set 1), else its own server, else none."""
    grant = world.oa.grants.get(appid)
    if grant is not None and 1 in grant.funcs:
        if not is_pushing(world):
            return None
        url = f"{component_url(world)}/{appid}"
        return Road(url, PLATFORM.token, PLATFORM.encoding_aes_key, PLATFORM.appid)
    server, account = world.oa.servers.get(appid), OFFICIAL[appid]
    if server is None:
        return None
    key = account.encoding_aes_key if server.mode == "safe" else ""
    return Road(server.url, account.token, key, appid)


def is_pushing(world: World) -> bool:
    return world.switches.get("wechat.component_push") == "on"


def component_url(world: World) -> str:
    """授权事件URL; messages of accounts go to it with `/<appid>` behind."""
    return (
        world.switches.get("wechat.component_url") or f"{world.public_url.rstrip('/')}/oa/component"
    )


def to_account(world: World, appid: str, person: str, said: dict[str, Any]) -> bool:
    """One message or event of a person. False: nobody is told, the account has no server."""
    way = road(world, appid)
    if way is None:
        return False
    account, openid = OFFICIAL[appid], world.openid(appid, person)
    fields = {
        "ToUserName": account.user_name,
        "FromUserName": openid,
        "CreateTime": int(world.clock.time()),
        **said,
    }
    if said["MsgType"] != "event":
        fields["MsgId"] = str(secrets.randbelow(9 * 10**15) + 10**15)
    inner, outer = to_xml(fields), {"ToUserName": account.user_name}
    heard = replies.Ear(world, appid, person, account, way.encoding_aes_key, way.token, way.appid)
    build = _builder(world, way, inner, outer, {"openid": openid})
    name = str(said.get("Event") or said["MsgType"])
    world.outbox.post(Parcel(OA, f"{name} {appid}", build, heard.accepts, WAITS))
    return True


def event(world: World, appid: str, person: str, name: str, **more: Any) -> bool:
    return to_account(world, appid, person, {"MsgType": "event", "Event": name, **more})


def to_platform(world: World, info_type: str, **more: Any) -> bool:
    """A ticket or a change of authorisation, sealed with the platform's appid (D)."""
    if not is_pushing(world):
        return False
    fields = {
        "AppId": PLATFORM.appid,
        "CreateTime": int(world.clock.time()),
        "InfoType": info_type,
        **more,
    }
    way = Road(
        component_url(world), PLATFORM.token, PLATFORM.encoding_aes_key, appid=PLATFORM.appid
    )
    build = _builder(world, way, to_xml(fields), {"AppId": PLATFORM.appid}, {})
    world.outbox.post(Parcel(COMPONENT, info_type, build, _is_success, WAITS))
    return True


def _is_success(status: int, body: bytes) -> bool:
    return status == 200 and body.strip() == b"success"


def _builder(
    world: World, way: Road, inner: str, outer: dict[str, str], more: dict[str, str]
) -> Any:
    """Signed anew for each delivery; what it says stays the same."""
    name = OA if more else COMPONENT

    def build() -> Sent:
        body, query = inner, _signed(world, way.token) | more
        if way.encoding_aes_key:
            sealed = push_crypto.seal(way.encoding_aes_key, way.appid, inner)
            body = to_xml({**outer, "Encrypt": sealed})
            query["encrypt_type"] = "aes"
            query["msg_signature"] = push_crypto.signature(
                way.token, query["timestamp"], query["nonce"], sealed
            )
        if world.faults.take("bad_signature", name):
            spoilt = "msg_signature" if way.encoding_aes_key else "signature"
            query[spoilt] = query[spoilt][::-1]
        headers = {"Content-Type": "text/xml; charset=utf-8", "User-Agent": "Mozilla/4.0"}
        return Sent(_with_query(way.url, query), headers, body.encode())

    return build


def _signed(world: World, token: str) -> dict[str, str]:
    timestamp, nonce = str(int(world.clock.time())), str(secrets.randbelow(9 * 10**9) + 10**9)
    signed = push_crypto.signature(token, timestamp, nonce)
    return {"signature": signed, "timestamp": timestamp, "nonce": nonce}


def _with_query(url: str, query: dict[str, str]) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(query)


def check_url(world: World, appid: str, url: str) -> str:
    """The question before a server is taken: "" when it gave the echo back, else what is wrong."""
    echo = str(secrets.randbelow(9 * 10**18) + 10**18)
    query = _signed(world, OFFICIAL[appid].token) | {"echostr": echo}
    with requests.Session() as http:
        http.trust_env = False
        try:
            answer = http.get(
                _with_query(url, query), timeout=ANSWER_WITHIN_S, allow_redirects=False
            )
        except requests.RequestException as problem:
            return f"请求 URL 超时或失败：{type(problem).__name__}"
    if answer.status_code != 200:
        return f"请求 URL 返回 HTTP {answer.status_code}"
    return "" if answer.content == echo.encode() else "token 验证失败：没有原样返回 echostr"


def to_xml(fields: dict[str, Any]) -> str:
    return f"<xml>{_inside(fields)}</xml>"


def _inside(fields: dict[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, dict):
        return f"<{name}>{_inside(value)}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    text = str(value)
    said = escape(text) if "]]>" in text else f"<![CDATA[{text}]]>"
    return f"<{name}>{said}</{name}>"
