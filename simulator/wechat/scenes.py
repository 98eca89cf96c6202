"""Parametric codes and the account's fans: tags and who follows. Source: wechat.md C4, C7."""

from __future__ import annotations

import io
import secrets
from typing import Any

import segno
from flask import Flask, Response, request

from simulator.oa_state import Scene
from simulator.wechat import oa_door
from simulator.wechat.oa_door import Body, Call, only, text
from simulator.wechat.oauth import ApiError
from simulator.world import World

LONGEST_S, DEFAULT_S = 2_592_000, 60
PERMANENT_MOST = 100_000
TAGS_MOST, TAGGED_AT_ONCE = 100, 50


def mount_image(app: Flask, world: World) -> None:
    def image() -> Response:
        scene = world.oa.scenes.get(request.args.get("ticket", ""))
        if scene is None:
            return Response(status=404)
        out = io.BytesIO()
        segno.make_qr(scene.url).save(out, kind="png", scale=8)
        return Response(out.getvalue(), content_type="image/png")

    app.add_url_rule("/cgi-bin/showqrcode", "wechat.showqrcode", image, methods=["GET"])


def create(world: World, appid: str, body: Body) -> dict[str, Any]:
    """A code for a scene: for a while, or for ever."""
    action = body.get("action_name")
    if action not in ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"):
        raise ApiError(40052, "invalid action name")
    is_limit, is_text = "LIMIT" in str(action), "STR" in str(action)
    scene = _scene(body.get("action_info"), is_text=is_text, most=100_000 if is_limit else 2**32)
    life = _life(body, is_limit=is_limit)
    if is_limit and _permanent(world, appid) >= PERMANENT_MOST:
        raise ApiError(45029, "qrcode count out of limit")
    ticket = "gQ" + secrets.token_urlsafe(66)
    url = f"http://weixin.qq.com/q/02{secrets.token_urlsafe(16)}"
    ends = None if life is None else world.clock.time() + life
    world.oa.scenes[ticket] = Scene(appid, scene, url, ends)
    return {"ticket": ticket, "url": url} | ({"expire_seconds": life} if life else {})


def _life(body: Body, *, is_limit: bool) -> int | None:
    life = body.get("expire_seconds", DEFAULT_S)
    if is_limit:
        return None
    if type(life) is not int or not 1 <= life <= LONGEST_S:
        raise ApiError(40085, "invalid expire_seconds")
    return life


def _permanent(world: World, appid: str) -> int:
    return sum(s.appid == appid and s.expires_at is None for s in world.oa.scenes.values())


def _scene(info: Any, *, is_text: bool, most: int) -> str:
    wanted = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(wanted, dict):
        raise ApiError(40053, "invalid action info")
    only(info, "scene")
    only(wanted, "scene_str" if is_text else "scene_id")
    if is_text:
        return text(wanted, "scene_str", 64, 40053)
    number = wanted.get("scene_id")
    if type(number) is not int or not 1 <= number <= min(most, 2**32 - 1):
        raise ApiError(40053, "invalid action info")
    return str(number)


def scanned(world: World, ticket_or_url: str) -> tuple[str, Scene] | None:
    """The code with this ticket or address, while it lives."""
    for ticket, scene in world.oa.scenes.items():
        if ticket_or_url in (ticket, scene.url):
            alive = scene.expires_at is None or world.clock.time() < scene.expires_at
            return (ticket, scene) if alive else None
    return None


def user_info(world: World, appid: str, body: Body) -> dict[str, Any]:
    openid = text(body, "openid", 128, 40003)
    fan = world.oa.fan(appid, oa_door.fan_of(world, appid, openid))
    if not fan.follows:
        return {"subscribe": 0, "openid": openid}
    return {
        "subscribe": 1,
        "openid": openid,
        "language": "zh_CN",
        "subscribe_time": int(fan.since),
        "remark": "",
        "groupid": 0,
        "tagid_list": list(fan.tags),
        "subscribe_scene": "ADD_SCENE_QR_CODE" if fan.scene else "ADD_SCENE_SEARCH",
        "qr_scene": int(fan.scene) if fan.scene.isdigit() else 0,
        "qr_scene_str": "" if fan.scene.isdigit() else fan.scene,
    }


# --- tags ---------------------------------------------------------------------------------------


def create_tag(world: World, appid: str, body: Body) -> dict[str, Any]:
    tag = body.get("tag")
    if not isinstance(tag, dict):
        raise ApiError(47001, "data format error")
    only(tag, "name")
    name = tag.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 30:
        raise ApiError(45158, "tag name too long")
    known = world.oa.tags.setdefault(appid, {})
    if name in known.values():
        raise ApiError(45157, "invalid tag name: used")
    if len(known) >= TAGS_MOST:
        raise ApiError(45056, "too many tags")
    number = 100 + len(known)
    known[number] = name
    return {"tag": {"id": number, "name": name}}


def tags(world: World, appid: str, _: Body) -> dict[str, Any]:
    counted = [
        {
            "id": number,
            "name": name,
            "count": sum(
                number in f.tags for (owner, _p), f in world.oa.fans.items() if owner == appid
            ),
        }
        for number, name in world.oa.tags.get(appid, {}).items()
    ]
    return {"tags": counted}


def tag_people(world: World, appid: str, body: Body) -> dict[str, Any]:
    return _tag(world, appid, body, add=True)


def untag_people(world: World, appid: str, body: Body) -> dict[str, Any]:
    return _tag(world, appid, body, add=False)


def _tag(world: World, appid: str, body: Body, *, add: bool) -> dict[str, Any]:
    number, openids = body.get("tagid"), body.get("openid_list")
    if type(number) is not int or number not in world.oa.tags.get(appid, {}):
        raise ApiError(45159, "invalid tagid")
    if not isinstance(openids, list) or not 1 <= len(openids) <= TAGGED_AT_ONCE:
        raise ApiError(40032, "invalid openid list size")
    fans = [world.oa.fan(appid, oa_door.fan_of(world, appid, str(o))) for o in openids]
    if not all(fan.follows for fan in fans):
        raise ApiError(40003, "invalid openid: not following")
    for fan in fans:
        fan.tags = [t for t in fan.tags if t != number] + ([number] if add else [])
    return {"errcode": 0, "errmsg": "ok"}


CALLS = (
    Call(
        "/cgi-bin/qrcode/create",
        "wechat.qrcode",
        create,
        ("action_name", "expire_seconds", "action_info"),
        func=3,
        verified=True,
    ),
    Call(
        "/cgi-bin/user/info",
        "wechat.user_info",
        user_info,
        ("openid", "lang"),
        func=2,
        verified=True,
        methods=("GET",),
    ),
    Call("/cgi-bin/tags/create", "wechat.tags", create_tag, ("tag",), func=2),
    Call("/cgi-bin/tags/get", "wechat.tags", tags, (), func=2, methods=("GET",)),
    *(
        Call(f"/cgi-bin/tags/members/{path}", "wechat.tags", work, ("tagid", "openid_list"), func=2)
        for path, work in (("batchtagging", tag_people), ("batchuntagging", untag_people))
    ),
)
