"""买单's list of sub-merchants, as a deployment's own adapter would give it: three calls.

Nothing of it is WeChat's published interface. Merchants are made from their number, so that a list
of fifty thousand costs nothing; those that came by an application join it the day after.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from simulator import wire
from simulator.applyment_desk import page
from simulator.clock import SHANGHAI
from simulator.parties import PEOPLE
from simulator.wallets import register_operations
from simulator.wechat import applyment
from simulator.world import World

PROVIDERS: Final = (("1800000001", "青禾买单"), ("1800000002", "青禾买单二部"))
ADMIN: Final = "lin"  # the administrator of 买单's provider assistant
LIFE_S: Final = 300
MOST: Final = 500
LIES: Final = ("", "doubles", "bad", "renamed", "all")
LIST, OFFER, LOOK = "maidan.list", "maidan.offer", "maidan.look"


class No(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Granted:
    """What a grant says of itself: how many of the providers there were when it was given."""

    providers: int


def register(app: Flask, world: World) -> None:
    world.switches.declare("maidan.count", "40", (), "sub-merchants in 买单's list")
    world.switches.declare("maidan.providers", "2", ("1", "2"), "providers of 买单's administrator")
    world.switches.declare("maidan.lies", "", LIES, "what is wrong with 买单's list")
    world.switches.declare("maidan.grant", "valid", ("valid", "over"), "over: scan again")
    register_operations(app, LIST, OFFER, LOOK)
    tickets: dict[str, list[Any]] = {}  # ticket -> [until, state, grant]

    def mount(rule: str, name: str, method: str, work: Callable[[], ResponseReturnValue]) -> None:
        app.add_url_rule(rule, name, lambda: _served(world, name, work), methods=[method])

    mount("/maidan/links", OFFER, "POST", lambda: _offer(world, tickets))
    mount("/maidan/links/look", LOOK, "POST", lambda: _look(world, tickets))
    mount("/maidan/sub_merchants", LIST, "GET", lambda: _list(world))

    @app.route("/sim/maidan/link/<ticket>", methods=["GET", "POST"])
    def scanned(ticket: str) -> ResponseReturnValue:
        """What the administrator sees who has scanned the code, and his press."""
        person = request.form.get("person") or request.cookies.get("sim_person", ADMIN)
        held = tickets.get(ticket)
        if held is None or held[0] < world.clock.time():
            return page("二维码已过期", "<p>请在控制台重新生成</p>", 404)
        if request.method == "POST" and held[1] == "waiting":
            if person != ADMIN:
                return page("没有权限", "<p>你不是买单服务商助手的管理员</p>", 403)
            count = int(world.switches.get("maidan.providers"))
            held[1:] = ["confirmed", _grant(world, ticket, count)]
        return page("关联买单服务商", _asking(held[1], person))


def _asking(state: str, person: str) -> str:
    if state == "confirmed":
        return "<p>已关联，可以关闭本页。</p>"
    name = html.escape(PEOPLE[person].name if person in PEOPLE else person)
    return (
        f"<p>{name}，你名下所有买单服务商的子商户将同步到这个控制台。</p>"
        f"<form method=post><input type=hidden name=person value={html.escape(person)}>"
        "<button>确认关联</button></form>"
    )


def _served(
    world: World, name: str, work: Callable[[], ResponseReturnValue]
) -> ResponseReturnValue:
    fault = wire.arrive(world.faults, request.environ, name, request.path)
    if fault is not None:
        return jsonify(code="SYSTEM_ERROR", message="系统异常"), 500
    try:
        answer = work()
    except No as no:
        answer = (jsonify(code=no.code, message=str(no)), no.status)
    wire.leave(world.faults, request.environ, name, request.path)
    return answer


def _offer(world: World, tickets: dict[str, list[Any]]) -> ResponseReturnValue:
    if request.get_json(silent=True) != {}:
        raise No(400, "PARAM_ERROR", "the body is {}")
    ticket = secrets.token_hex(16)
    tickets[ticket] = [world.clock.time() + LIFE_S, "waiting", ""]
    url = f"{request.host_url}sim/maidan/link/{ticket}"
    return jsonify(ticket=ticket, url=url, expires_in=LIFE_S)


def _look(world: World, tickets: dict[str, list[Any]]) -> ResponseReturnValue:
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or set(body) != {"ticket"}:
        raise No(400, "PARAM_ERROR", "the body is {ticket}")
    until, state, grant = tickets.get(str(body["ticket"]), [0.0, "over", ""])
    if state == "waiting" and until < world.clock.time():
        state = "over"
    if state != "confirmed":
        return jsonify(state=state)
    count = int(grant[3])
    named = [{"sp_mchid": number, "name": name} for number, name in PROVIDERS[:count]]
    return jsonify(state=state, grant=grant, providers=named)


def _grant(world: World, ticket: str, count: int) -> str:
    """It says itself what it is good for, so that it outlives a start anew."""
    return f"mdg{count}-{ticket}-{_proof(world, ticket, count)}"


def _proof(world: World, ticket: str, count: int) -> str:
    numbers = world.keys.get("maidan").private_numbers()
    return hashlib.sha256(f"{numbers.d}:{ticket}:{count}".encode()).hexdigest()[:32]


def _granted(world: World) -> Granted:
    kind, _, grant = request.headers.get("Authorization", "").partition(" ")
    said = re.fullmatch(r"mdg([12])-([0-9a-f]{32})-([0-9a-f]{32})", grant)
    is_good = said is not None and _proof(world, said[2], int(said[1])) == said[3]
    if kind != "Bearer" or not is_good or world.switches.get("maidan.grant") == "over":
        raise No(401, "GRANT_OVER", "授权已失效，请管理员重新扫码")
    assert said is not None
    return Granted(int(said[1]))


def _list(world: World) -> ResponseReturnValue:
    granted = _granted(world)
    if set(request.args) != {"after", "most"}:
        raise No(400, "PARAM_ERROR", "after and most, nothing else")
    after, most = request.args["after"] or "0", request.args["most"]
    if not after.isdecimal() or not most.isdecimal() or not 1 <= int(most) <= MOST:
        raise No(400, "PARAM_ERROR", f"after is a place, most 1 to {MOST}")
    first, rows = int(after), _Rows(world, granted)
    found = list(rows.between(first, first + int(most)))
    end = first + len(found)
    return jsonify(items=found, total=rows.total, next=str(end) if end < rows.total else None)


class _Rows:
    """The list as one grant sees it, by place."""

    def __init__(self, world: World, granted: Granted) -> None:
        self._lies = world.switches.get("maidan.lies")
        self._providers = PROVIDERS[: granted.providers]
        count = int(world.switches.get("maidan.count"))
        self._made = count if granted.providers == 2 else -(-count // 2)
        self._doubled = self._made // 10 if self._lies in ("doubles", "all") else 0
        self._joined = list(_joined(world))
        self.total = self._made + self._doubled + len(self._joined)

    def between(self, first: int, end: int) -> Iterator[dict[str, Any]]:
        for place in range(first, min(end, self.total)):
            yield {"number": place + 1, **self._at(place)}

    def _at(self, place: int) -> dict[str, str]:
        if place >= self._made + self._doubled:
            return self._joined[place - self._made - self._doubled]
        if self._doubled:  # each tenth is told twice
            block, within = divmod(place, 11)
            place = block * 10 + min(within, 9)
        return self._made_up(place)

    def _made_up(self, n: int) -> dict[str, str]:
        n = n if len(self._providers) == 2 else n * 2
        if self._lies in ("bad", "all") and n in (3, 7, 11):
            return {
                3: {"sp_mchid": PROVIDERS[0][0], "sub_mchid": "17000003x", "name": "号码有误"},
                7: {"sp_mchid": PROVIDERS[0][0], "sub_mchid": f"17{n:08d}", "name": ""},
                11: {"sp_mchid": "1899999999", "sub_mchid": f"17{n:08d}", "name": "别家的"},
            }[n]
        renamed = "（新）" if self._lies in ("renamed", "all") else ""
        row = {
            "sp_mchid": PROVIDERS[n % 2][0], "sub_mchid": f"17{n:08d}",
            "name": f"买单商户{n:05d}{renamed}", "short_name": f"买单{n:05d}{renamed}",
        }  # fmt: skip
        return row | ({"device": f"GH{n:08d}"} if n % 5 == 0 else {})


def _joined(world: World) -> Iterator[dict[str, str]]:
    """Merchants of applications, from the day after (product SYN-3)."""
    today = dt.datetime.fromtimestamp(world.clock.time(), SHANGHAI).date()
    with world.lock:
        for form in world.applyments.forms.values():
            applyment.age(world, form)
            at = form.finished_at
            if at is not None and dt.datetime.fromtimestamp(at, SHANGHAI).date() < today:
                yield {
                    "sp_mchid": form.sp_mchid, "sub_mchid": form.sub_mchid, "name": form.name,
                    "short_name": form.short_name,
                }  # fmt: skip
