"""What WeChat knows of official accounts: fans, menus, scene codes, grants, notices."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

NOTICES_KEPT = 20_000


@dataclass
class Fan:
    """A person as one account sees them."""

    follows: bool = False
    since: float = 0.0
    blocked: bool = False  # on the account's black list
    tags: list[int] = field(default_factory=list)
    scene: str = ""  # of the code by which they came


@dataclass
class Server:
    """The account's server configuration (服务器配置)."""

    url: str
    mode: str  # plain, safe


@dataclass
class Menu:
    default: list[dict[str, Any]] | None = None
    menuid: int = 0
    conditional: dict[int, dict[str, Any]] = field(default_factory=dict)  # {button, matchrule}


@dataclass
class Scene:
    """A parametric code (C7)."""

    appid: str
    scene: str
    url: str
    expires_at: float | None  # None: for ever


@dataclass
class PreAuth:
    expires_at: float
    used: bool = False


@dataclass
class AuthCode:
    appid: str
    expires_at: float
    used: bool = False


@dataclass
class Grant:
    """An account that has authorised the platform."""

    refresh_token: str
    funcs: tuple[int, ...]
    since: float
    previous: str = ""  # the refresh token before, while it still serves
    options: dict[str, str] = field(default_factory=dict)


@dataclass
class OaState:
    fans: dict[tuple[str, str], Fan] = field(default_factory=dict)  # by appid and person
    servers: dict[str, Server] = field(default_factory=dict)
    menus: dict[str, Menu] = field(default_factory=dict)
    tags: dict[str, dict[int, str]] = field(default_factory=dict)  # by appid: id -> name
    scenes: dict[str, Scene] = field(default_factory=dict)  # by ticket
    preauth: dict[str, PreAuth] = field(default_factory=dict)
    auth_codes: dict[str, AuthCode] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)  # by appid
    tickets: dict[str, float] = field(default_factory=dict)  # verify ticket -> when it was made
    is_pushing: bool = False  # the platform is told of tickets and changes
    pushing: int = 0  # counts the starts of the ticket push, so that an older one ends
    consents: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    once: dict[tuple[str, str, str, str], bool] = field(default_factory=dict)
    sent_ids: dict[tuple[str, str, str], tuple[float, int]] = field(default_factory=dict)
    forced: dict[str, list[float]] = field(default_factory=dict)  # force_refresh, by appid
    notices: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=NOTICES_KEPT))
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)  # by path and errcode

    def fan(self, appid: str, person: str) -> Fan:
        return self.fans.setdefault((appid, person), Fan())

    def menu(self, appid: str) -> Menu:
        return self.menus.setdefault(appid, Menu())
