"""Template, subscription and one-time notices with their events. Source: wechat.md C5."""

from __future__ import annotations

import html
import re
import secrets
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, Response, request

from simulator.official import OFFICIAL, Template
from simulator.parties import PEOPLE
from simulator.wechat import oa_door, push
from simulator.wechat.oa_door import Body, Call, only, optional, text
from simulator.wechat.oauth import ApiError, _page
from simulator.wechat.replies import notice
from simulator.world import World

FUNC = 7
URL_MOST, CLIENT_ID_MOST = 1024, 32
SAME_ID_S = 600  # within it a repeated client_msg_id is one message
# What a keyword may hold, by the name it begins with.
KINDS = {
    "thing": r"[^\n]{1,20}",
    "character_string": r"[\x20-\x7e]{1,32}",
    "amount": r"[¥￥]?-?[0-9]{1,10}(\.[0-9]{1,2})?元?",
    "number": r"[0-9]{1,32}(\.[0-9]{1,6})?",
    "time": r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}-\d{2}-\d{2})?( ?\d{2}:\d{2}(:\d{2})?)?",
    "date": r"\d{4}年\d{1,2}月\d{1,2}日|\d{4}-\d{2}-\d{2}",
    "phrase": r"[\u4e00-\u9fff]{1,5}",
    "phone_number": r"[0-9+\-]{1,17}",
}
RESULTS = {
    "success": "success",
    "user_block": "failed:user block",
    "system_failed": "failed: system failed",
}
SWITCHES = {"template_result": ("success", tuple(RESULTS), "how template messages end")}


def mount(app: Flask, world: World) -> None:
    oa_door.mount(app, world, CALLS)

    def page() -> Response:
        return _once_page(world)

    app.add_url_rule("/mp/subscribemsg", "wechat.subscribemsg", page, methods=["GET"])


def _template(found: tuple[Template, ...], body: Body) -> Template:
    for one in found:
        if one.template_id == body.get("template_id"):
            return one
    raise ApiError(40037, "invalid template_id")


def _checked(template: Template, body: Body) -> dict[str, str]:
    """Each keyword's value. 47003: one is missing, unknown, or not of its kind."""
    data = body.get("data")
    keys = {key for key, _ in template.keys}
    if not isinstance(data, dict) or set(data) != keys:
        raise ApiError(47003, "argument invalid! data")
    values = {}
    for key, said in data.items():
        value = said.get("value") if isinstance(said, dict) else None
        pattern = KINDS[key.rstrip("0123456789")]
        if not isinstance(value, str) or not value or not re.fullmatch(pattern, value):
            raise ApiError(47003, f"argument invalid! data.{key}.value invalid")
        only(said, "value", "color")
        values[key] = value
    return values


def _links(body: Body, name: str) -> dict[str, Any]:
    url = optional(body, name, URL_MOST, 40165)
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise ApiError(40165, f"invalid {name}")
    app = body.get("miniprogram")
    if app is not None:
        if not isinstance(app, dict):
            raise ApiError(47001, "data format error: miniprogram")
        only(app, "appid", "pagepath")
        text(app, "appid", 64, 40013)
    return {"url": url} | ({"miniprogram": app} if app else {})


def _msgid() -> int:
    return 3 * 10**18 + secrets.randbelow(10**18)


def send(world: World, appid: str, body: Body) -> dict[str, Any]:
    """A template message to a person who follows the account."""
    person = oa_door.fan_of(world, appid, text(body, "touser", 128, 40003))
    template = _template(OFFICIAL[appid].templates, body)
    fan = world.oa.fan(appid, person)
    if fan.blocked:
        raise ApiError(43019, "require remove blacklist")
    if not fan.follows:
        raise ApiError(43004, "require subscribe")
    values, links = _checked(template, body), _links(body, "url")
    own = (appid, person, optional(body, "client_msg_id", CLIENT_ID_MOST))
    now = world.clock.time()
    at, before = world.oa.sent_ids.get(own, (0.0, 0))
    if own[2] and now - at < SAME_ID_S:
        return {"errcode": 0, "errmsg": "ok", "msgid": before}
    msgid = _msgid()
    world.oa.sent_ids[own] = (now, msgid)
    status = RESULTS[world.switches.get("wechat.template_result")]
    _show(world, appid, person, "template", template, values, msgid=msgid, status=status, **links)
    push.event(world, appid, person, "TEMPLATESENDJOBFINISH", MsgID=msgid, Status=status)
    return {"errcode": 0, "errmsg": "ok", "msgid": msgid}


def _show(
    world: World,
    appid: str,
    person: str,
    kind: str,
    template: Template,
    values: dict[str, str],
    **more: Any,
) -> None:
    title, number = template.title, template.template_id
    lines = [f"{label}：{values[key]}" for key, label in template.keys]
    notice(
        world,
        appid,
        person,
        kind,
        template_id=number,
        title=title,
        data=values,
        lines=lines,
        **more,
    )
    world.note("phone", f"微信通知 {OFFICIAL[appid].name}", f"{title}：{'，'.join(lines)}")


def templates(world: World, appid: str, _: Body) -> dict[str, Any]:
    return {
        "template_list": [
            {
                "template_id": one.template_id,
                "title": one.title,
                "primary_industry": "",
                "deputy_industry": "",
                "content": one.content,
                "example": "",
            }
            for one in OFFICIAL[appid].templates
        ]
    }


# --- 订阅通知: one send for each consent ---------------------------------------------------------


def consent(world: World, appid: str, person: str, answers: dict[str, str], name: str) -> None:
    """A person answered the pop-up (or changed the settings), template by template."""
    rows = []
    for template_id, answer in answers.items():
        _template(OFFICIAL[appid].subscribe_templates, {"template_id": template_id})
        key = (appid, person, template_id)
        with world.lock:
            accepted = world.oa.consents[key] + 1 if answer == "accept" else 0
            world.oa.consents[key] = accepted
        row = {"TemplateId": template_id, "SubscribeStatusString": answer}
        rows.append(row | ({"PopupScene": "1"} if name == "popup" else {}))
    shown: Any = rows[0] if len(rows) == 1 else rows  # a single object, as it happens upstream
    box = {"SubscribeMsgPopupEvent" if name == "popup" else "SubscribeMsgChangeEvent": shown}
    inside = {key: {"List": value} for key, value in box.items()}
    push.event(world, appid, person, f"subscribe_msg_{name}_event", **inside)


def bizsend(world: World, appid: str, body: Body) -> dict[str, Any]:
    person = oa_door.fan_of(world, appid, text(body, "touser", 128, 40003))
    template = _template(OFFICIAL[appid].subscribe_templates, body)
    values, links = _checked(template, body), _links(body, "page")
    key = (appid, person, template.template_id)
    if world.oa.consents[key] < 1:
        raise ApiError(43101, "user refuse to accept the msg")
    world.oa.consents[key] -= 1
    msgid = _msgid()
    _show(world, appid, person, "subscribe", template, values, msgid=msgid, **links)
    row = {
        "TemplateId": template.template_id,
        "MsgID": msgid,
        "ErrorCode": 0,
        "ErrorStatus": "success",
    }
    box = {"SubscribeMsgSentEvent": {"List": row}}
    push.event(world, appid, person, "subscribe_msg_sent_event", **box)
    return {"errcode": 0, "errmsg": "ok"}


# --- one-time 订阅消息 ---------------------------------------------------------------------------


def _once_page(world: World) -> Response:
    """Asks the person once; the answer goes back to redirect_url."""
    given = request.args
    appid, scene = given.get("appid", ""), given.get("scene", "")
    back, known = given.get("redirect_url", ""), OFFICIAL.get(appid)
    ids = {t.template_id for t in known.subscribe_templates} if known else set()
    host = urlsplit(back).hostname
    fine = (
        given.get("action") == "get_confirm"
        and scene.isdigit()
        and int(scene) <= 10_000
        and given.get("template_id") in ids
        and host == urlsplit(world.public_url).hostname
    )
    if not fine:
        return _page("<h1>参数错误，无法订阅</h1>")
    holder = request.cookies.get("sim_person", "")
    person = holder if holder in PEOPLE else "lin"
    chosen = given.get("decide", "")
    if chosen not in ("confirm", "cancel"):
        here = html.escape(f"/mp/subscribemsg?{request.query_string.decode()}")
        links = f'<a id=allow href="{here}&amp;decide=confirm">允许</a> '
        return _page(f'<h1>订阅一次消息</h1>{links}<a href="{here}&amp;decide=cancel">拒绝</a>')
    template_id = given["template_id"]
    said = {"template_id": template_id, "action": chosen, "scene": scene}
    if chosen == "confirm":
        with world.lock:
            world.oa.once[(appid, person, template_id, scene)] = True
            world.keep_oa()
        said = {"openid": world.openid(appid, person)} | said
    said |= {"reserved": given["reserved"]} if "reserved" in given else {}
    where = back + ("&" if "?" in back else "?") + urlencode(said, quote_via=quote)
    return Response(status=302, headers={"Location": where})


def send_once(world: World, appid: str, body: Body) -> dict[str, Any]:
    person = oa_door.fan_of(world, appid, text(body, "touser", 128, 40003))
    template = _template(OFFICIAL[appid].subscribe_templates, body)
    title, data = body.get("title"), body.get("data")
    if not isinstance(title, str) or not 1 <= len(title) <= 15:
        raise ApiError(47003, "argument invalid! title")
    content = data.get("content") if isinstance(data, dict) else None
    value = content.get("value") if isinstance(content, dict) else None
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise ApiError(47003, "argument invalid! data.content.value")
    links = _links(body, "url")
    key = (appid, person, template.template_id, str(body.get("scene", "")))
    if not world.oa.once.pop(key, False):
        raise ApiError(43101, "user refuse to accept the msg")
    number = template.template_id
    notice(world, appid, person, "once", template_id=number, title=title, lines=[value], **links)
    return {"errcode": 0, "errmsg": "ok"}


TO = ("touser", "template_id", "miniprogram", "data")


def _call(path: str, name: str, work: oa_door.Work, *fields: str) -> Call:
    return Call(f"/cgi-bin/{path}", f"wechat.{name}", work, fields, FUNC, verified=True)


CALLS = (
    _call("message/template/send", "template_send", send, *TO, "url", "client_msg_id"),
    _call("message/subscribe/bizsend", "subscribe_send", bizsend, *TO, "page"),
    _call("message/template/subscribe", "once_send", send_once, *TO, "url", "scene", "title"),
    Call(
        "/cgi-bin/template/get_all_private_template",
        "wechat.template_list",
        templates,
        (),
        FUNC,
        verified=True,
        methods=("GET",),
    ),
)
