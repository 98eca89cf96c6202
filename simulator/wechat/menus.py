"""Menus of official accounts, plain and conditional, with every limit. Source: wechat.md C4."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from simulator.official import OFFICIAL
from simulator.wechat import oa_door
from simulator.wechat.oa_door import Body, Call, only, text
from simulator.wechat.oauth import ApiError
from simulator.world import World

FUNC = 15
URL_MOST, KEY_MOST = 1024, 128
CONDITIONAL_MOST = 100
DOMAINS_MOST = 3
KEYED = (
    *("click", "scancode_push", "scancode_waitmsg", "location_select"),
    *("pic_sysphoto", "pic_photo_or_album", "pic_weixin"),
)
FIELDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(KEYED, ("key",)),
    "view": ("url",),
    "media_id": ("media_id",),
    "view_limited": ("media_id",),
    "miniprogram": ("url", "appid", "pagepath"),
    "article_id": ("article_id",),
    "article_view_limited": ("article_id",),
}
# Of a button and of a sub-button: wrong number, type, name, key, URL.
TOP = {"count": 40016, "type": 40017, "name": 40018, "key": 40019, "url": 40020}
SUB = {"count": 40023, "type": 40024, "name": 40025, "key": 40026, "url": 40027}


def check(buttons: Any) -> list[dict[str, Any]]:
    """The buttons as they were given. Raises ApiError with the code of the first mistake."""
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise ApiError(40016, "invalid button size")
    for button in buttons:
        _check_top(button)
    return buttons


def _check_top(button: Any) -> None:
    if not isinstance(button, dict):
        raise ApiError(40017, "invalid button type")
    subs = button.get("sub_button", [])
    if not isinstance(subs, list):
        raise ApiError(40023, "invalid sub button size")
    if not subs:
        return _check_one({k: v for k, v in button.items() if k != "sub_button"}, TOP, 16)
    only(button, "name", "sub_button")
    text(button, "name", 16, TOP["name"])
    if len(subs) > 5:
        raise ApiError(40023, "invalid sub button size")
    for sub in subs:
        if not isinstance(sub, dict):
            raise ApiError(40024, "invalid sub button type")
        if sub.get("sub_button"):
            raise ApiError(40022, "invalid sub button level")
        _check_one({k: v for k, v in sub.items() if k != "sub_button"}, SUB, 60)
    return None


def _check_one(button: Body, codes: dict[str, int], name_most: int) -> None:
    text(button, "name", name_most, codes["name"])
    kind = button.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise ApiError(codes["type"], "invalid button type")
    only(button, "name", "type", *FIELDS[kind])
    for name in FIELDS[kind]:
        if name == "url":
            _check_url(text(button, name, URL_MOST, codes["url"]))
        else:
            text(button, name, KEY_MOST if name == "key" else 1024, codes["key"])


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise ApiError(65317, "the url is not valid")


def _leaves(buttons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [leaf for top in buttons for leaf in (top.get("sub_button") or [top])]


def create(world: World, appid: str, body: Body) -> dict[str, Any]:
    menu = world.oa.menu(appid)
    menu.default = check(body.get("button"))
    menu.menuid = _menuid()
    return {"errcode": 0, "errmsg": "ok"}


def _menuid() -> int:
    return 400_000_000 + secrets.randbelow(99_999_999)


def get(world: World, appid: str, _: Body) -> dict[str, Any]:
    menu = world.oa.menu(appid)
    if menu.default is None:
        raise ApiError(46003, "menu no exist")
    found: dict[str, Any] = {"menu": {"button": _filled(menu.default)}}
    if menu.conditional:
        found["menu"]["menuid"] = menu.menuid
        found["conditionalmenu"] = [
            {"button": _filled(one["button"]), "matchrule": one["matchrule"], "menuid": number}
            for number, one in menu.conditional.items()
        ]
    return found


def _filled(buttons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Upstream shows an empty list of sub-buttons where there are none."""
    return [
        {**top, "sub_button": [{**s, "sub_button": []} for s in top.get("sub_button", [])]}
        for top in buttons
    ]


def current(world: World, appid: str, _: Body) -> dict[str, Any]:
    menu = world.oa.menu(appid)
    if menu.default is None:
        return {"is_menu_open": 0, "selfmenu_info": {"button": []}}
    shown = [
        {"name": top["name"], "sub_button": {"list": top["sub_button"]}}
        if top.get("sub_button")
        else {k: v for k, v in top.items() if k != "sub_button"}
        for top in menu.default
    ]
    return {"is_menu_open": 1, "selfmenu_info": {"button": shown}}


def delete(world: World, appid: str, _: Body) -> dict[str, Any]:
    """All menus, the conditional ones too."""
    world.oa.menus.pop(appid, None)
    return {"errcode": 0, "errmsg": "ok"}


# --- conditional menus --------------------------------------------------------------------------


def add_conditional(world: World, appid: str, body: Body) -> dict[str, Any]:
    _check_account(world, appid)
    menu = world.oa.menu(appid)
    if menu.default is None:
        raise ApiError(65303, "there is no selfmenu, please create selfmenu first")
    buttons, rule = body.get("button"), body.get("matchrule")
    if not buttons:
        raise ApiError(65307, "the conditional menu is empty")
    if not isinstance(rule, dict) or not any(rule.values()):
        raise ApiError(65304, "match rule empty")
    _check_rule(world, appid, rule)
    _check_domains(check(buttons))
    if len(menu.conditional) >= CONDITIONAL_MOST:
        raise ApiError(65305, "product count limit")
    number = _menuid()
    menu.conditional[number] = {"button": buttons, "matchrule": dict(rule)}
    return {"menuid": str(number)}


def _check_account(world: World, appid: str) -> None:
    if not OFFICIAL[appid].is_verified:
        raise ApiError(65306, "this account can not use conditional menus")
    oa_door.check_verified(world, appid)


def _check_rule(world: World, appid: str, rule: Body) -> None:
    only(rule, "tag_id", "client_platform_type")
    tag = rule.get("tag_id", "")
    if tag != "" and str(tag) not in map(str, world.oa.tags.get(appid, {})):
        raise ApiError(45159, "invalid tag_id")
    if str(rule.get("client_platform_type") or "1") not in ("1", "2", "3"):
        raise ApiError(65304, "client_platform_type")


def _check_domains(buttons: list[dict[str, Any]]) -> None:
    """Links to at most three foreign domains."""
    hosts = {urlsplit(leaf["url"]).hostname for leaf in _leaves(buttons) if leaf.get("url")}
    if len(hosts) > DOMAINS_MOST:
        raise ApiError(65316, "the count of foreign domains is over the limit")


def del_conditional(world: World, appid: str, body: Body) -> dict[str, Any]:
    given = str(body.get("menuid", ""))
    menu = world.oa.menu(appid)
    if not given.isdigit() or menu.conditional.pop(int(given), None) is None:
        raise ApiError(65301, "not exist this menuid")
    return {"errcode": 0, "errmsg": "ok"}


def try_match(world: World, appid: str, body: Body) -> dict[str, Any]:
    person = oa_door.fan_of(world, appid, text(body, "user_id", 128, 40003))
    found = menu_of(world, appid, person)
    if found is None:
        raise ApiError(46003, "menu no exist")
    return {"button": _filled(found)}


def menu_of(world: World, appid: str, person: str, platform: str = "1") -> list[Any] | None:
    """What this person sees: the conditional menu made last that fits, else the default one."""
    menu, tags = world.oa.menu(appid), world.oa.fan(appid, person).tags
    for number in reversed(menu.conditional):
        rule = menu.conditional[number]["matchrule"]
        wanted, device = rule.get("tag_id"), rule.get("client_platform_type")
        if wanted and int(wanted) not in tags:
            continue
        if device and str(device) != platform:
            continue
        found: list[Any] = menu.conditional[number]["button"]
        return found
    return menu.default


def _call(path: str, name: str, work: oa_door.Work, *fields: str) -> Call:
    methods = ("POST",) if fields else ("GET",)
    return Call(f"/cgi-bin/{path}", f"wechat.menu_{name}", work, fields, FUNC, methods=methods)


CALLS = (
    _call("menu/create", "create", create, "button"),
    _call("menu/get", "get", get),
    _call("get_current_selfmenu_info", "current", current),
    _call("menu/delete", "delete", delete),
    _call("menu/addconditional", "add_conditional", add_conditional, "button", "matchrule"),
    _call("menu/delconditional", "del_conditional", del_conditional, "menuid"),
    _call("menu/trymatch", "try_match", try_match, "user_id"),
)
