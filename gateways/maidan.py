"""买单's list of providers and sub-merchants, by an adapter that the deployment names.

WeChat publishes no such interface: the adapter speaks the three small calls of docs/console.md,
and the simulator does so too. A grant comes from 买单's administrator, who scans a code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_json
from gateways.http import Answer, Transport, timed


@dataclass(frozen=True, slots=True)
class Listed:
    """One sub-merchant as it is listed; `number` is its place in the list, from 1.

    Nothing is cut or cleaned here: what cannot be taken is told with its place.
    """

    number: int
    sp_mchid: str
    sub_mchid: str
    name: str
    short_name: str = ""
    device: str = ""  # serial of the 小绿盒 that it used


@dataclass(frozen=True, slots=True)
class ListPage:
    rows: tuple[Listed, ...]
    after: str | None  # where the next page begins; None: this was the last
    total: int | None


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """A code to be scanned by 买单's administrator."""

    ticket: str
    url: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class LinkWord:
    """What became of a code. `providers` are (sp_mchid, name), with a grant when confirmed."""

    state: str  # waiting, confirmed, over
    providers: tuple[tuple[str, str], ...] = ()
    grant: str = field(default="", repr=False)


class MaidanDirectory:
    """The adapter's client. `base` "" means that there is none: only files are taken."""

    def __init__(self, *, base: str, transport: Transport) -> None:
        self._base, self._transport = base.rstrip("/"), transport

    @property
    def is_there(self) -> bool:
        return bool(self._base)

    def offer(self) -> LinkOffer:
        """A fresh code. GatewayUnknown when no usable answer came."""
        wire = self._ask("offer", "POST", "/maidan/links", {})
        try:
            ticket, url = strict_json.word(wire, "ticket"), strict_json.word(wire, "url")
            life = wire["expires_in"]
        except (KeyError, ValueError):
            ticket = url = life = None
        if not ticket or not url or not isinstance(life, int) or not 0 < life <= 86400:
            raise GatewayUnknown("no code in the answer")
        return LinkOffer(ticket, url, life)

    def look(self, ticket: str) -> LinkWord:
        """What became of a code; an unknown one is over."""
        wire = self._ask("look", "POST", "/maidan/links/look", {"ticket": ticket})
        state = wire.get("state")
        if state not in ("waiting", "confirmed", "over"):
            raise GatewayUnknown("a state that is in no table")
        found = wire.get("providers", [])
        try:
            providers = tuple((str(p["sp_mchid"]), str(p["name"])) for p in found)
            grant = str(wire["grant"]) if state == "confirmed" else ""
        except (KeyError, TypeError):
            raise GatewayUnknown("the answer can not be read") from None
        return LinkWord(str(state), providers, grant)

    def page(self, grant: str, after: str, most: int) -> ListPage:
        """One page of all sub-merchants of the grant's providers, in the list's own order.

        GatewayRejected GRANT_OVER: the administrator has to scan again.
        """
        target = "/maidan/sub_merchants?" + urlencode({"after": after, "most": most})
        wire = self._ask("list", "GET", target, None, grant)
        items, total, onward = wire.get("items"), wire.get("total"), wire.get("next")
        if not isinstance(items, list) or not isinstance(onward, str | None):
            raise GatewayUnknown("no list in the answer")
        try:
            rows = tuple(_listed(item) for item in items)
        except (KeyError, TypeError, ValueError):
            raise GatewayUnknown("a row of the list can not be read") from None
        if onward is not None and not rows:
            raise GatewayUnknown("an empty page that says it goes on")
        return ListPage(rows, onward, total if isinstance(total, int) else None)

    def _ask(
        self, operation: str, method: str, target: str, body: Mapping[str, Any] | None,
        grant: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        headers = {"Accept": "application/json", "User-Agent": "yima/1"}
        raw = b""
        if body is not None:
            raw = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if grant:
            headers["Authorization"] = f"Bearer {grant}"
        with timed("maidan", operation):
            return _content(self._transport.send(method, self._base + target, headers, raw))


def _content(answer: Answer) -> dict[str, Any]:
    try:
        found = strict_json.loads(answer.body)
    except ValueError:
        raise GatewayUnknown(f"HTTP {answer.status}") from None
    if answer.status == 200:
        return found
    code = found.get("code")
    if 400 <= answer.status < 500 and answer.status != 429 and isinstance(code, str):
        raise GatewayRejected(code, str(found.get("message") or "")[:200])
    raise GatewayUnknown(f"HTTP {answer.status}")


def _listed(item: Any) -> Listed:
    texts = {name: item.get(name, "") for name in ("short_name", "device")}
    texts |= {name: item[name] for name in ("sp_mchid", "sub_mchid", "name")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise ValueError("not a text")
    return Listed(int(item["number"]), **texts)
