"""Asking for tokens: the account's own, tickets, and those of a third-party platform.

Nothing is kept here. Source: wechat.md C2, C3, D.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from errors import GatewayUnknown
from gateways.http import Transport, timed
from gateways.wechat_oa.calls import called

LONGEST = 1024  # an access_token has at most 512 characters


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and for how many seconds from the asking it is good."""

    value: str = field(repr=False)
    life_s: int


@dataclass(frozen=True, slots=True)
class Authorised:
    """What an account granted us, or its token renewed. The refresh token may be a new one."""

    app_id: str
    access: Issued
    refresh_token: str = field(repr=False)
    granted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """What WeChat tells of an account, besides the permission sets that it granted."""

    app_id: str
    user_name: str
    nick_name: str
    principal_name: str
    service_type: int | None
    verify_type: int | None
    granted: tuple[int, ...]
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Platform:
    """A third-party platform and a token of its own."""

    app_id: str
    token: str = field(repr=False)


class WechatTokens:
    """Every method may raise GatewayRejected (upstream_code is WeChat's errcode) and
    GatewayUnknown: then a token may have been made that nobody heard of."""

    def __init__(self, *, api_base: str, transport: Transport) -> None:
        self._api, self._transport = api_base.rstrip("/") + "/cgi-bin/", transport

    def stable(self, app_id: str, secret: str, *, force: bool = False) -> Issued:
        """The same token for everybody until shortly before its end. `force` makes another: at
        most twenty times a day, at least 30 s apart."""
        wanted: dict[str, Any] = {
            "grant_type": "client_credential", "appid": app_id, "secret": secret,
        }  # fmt: skip
        if force:
            wanted["force_refresh"] = True
        return _issued(self._post("stable_token", wanted), "access_token")

    def ticket(self, token: str, kind: str) -> Issued:
        """`jsapi` or `wx_card`: what signatures of pages are made with."""
        found = self._call(f"ticket/getticket?access_token={token}&type={kind}", None)
        return _issued(found, "ticket")

    def component(self, app_id: str, secret: str, ticket: str) -> Issued:
        """The platform's own token. 61005, 61006: its ticket is over or not the newest."""
        found = self._post(
            "component/api_component_token",
            {
                "component_appid": app_id,
                "component_appsecret": secret,
                "component_verify_ticket": ticket,
            },
        )
        return _issued(found, "component_access_token")

    def start_tickets(self, app_id: str, secret: str) -> None:
        """Ask WeChat to push tickets to us again."""
        self._post(
            "component/api_start_push_ticket",
            {"component_appid": app_id, "component_secret": secret},
        )

    def pre_auth_code(self, platform: Platform) -> Issued:
        """Good once, for an account's administrator to open the page of consent with."""
        found = self._of("api_create_preauthcode", platform, {})
        return _issued(found, "pre_auth_code")

    def query_auth(self, platform: Platform, code: str) -> Authorised:
        """Exchange what came back with the consent, good once."""
        found = self._of("api_query_auth", platform, {"authorization_code": code})
        told = found.get("authorization_info")
        if not isinstance(told, dict):
            raise GatewayUnknown("an answer without authorization_info")
        return _authorised(told, str(told.get("authorizer_appid") or ""))

    def authorizer_token(self, platform: Platform, app_id: str, refresh_token: str) -> Authorised:
        """An account's next token. 61023: the refresh token is not, or no longer, good."""
        wanted = {"authorizer_appid": app_id, "authorizer_refresh_token": refresh_token}
        return _authorised(self._of("api_authorizer_token", platform, wanted), app_id)

    def authorizer_info(self, platform: Platform, app_id: str) -> AccountInfo:
        """61003: the account does not grant us anything any more."""
        found = self._of("api_get_authorizer_info", platform, {"authorizer_appid": app_id})
        told, auth = found.get("authorizer_info"), found.get("authorization_info")
        if not isinstance(told, dict) or not isinstance(auth, dict):
            raise GatewayUnknown("an answer without authorizer_info")
        return AccountInfo(
            app_id=app_id,
            user_name=_text(told, "user_name", 64),
            nick_name=_text(told, "nick_name", 64),
            principal_name=_text(told, "principal_name", 128),
            service_type=_number(told.get("service_type_info")),
            verify_type=_number(told.get("verify_type_info")),
            granted=_granted(auth.get("func_info")),
            refresh_token=_text(auth, "authorizer_refresh_token", LONGEST),
        )

    def refresh_token_of(self, platform: Platform, app_id: str) -> str:
        """The refresh token that WeChat has for an account, "" if none: the way back after an
        answer was lost."""
        offset = 0
        while True:
            found = self._of(
                "api_get_authorizer_list", platform, {"offset": offset, "count": 500}
            )  # fmt: skip
            rows = found.get("list")
            if not isinstance(rows, list):
                raise GatewayUnknown("an answer without list")
            for row in rows:
                if isinstance(row, dict) and row.get("authorizer_appid") == app_id:
                    return _text(row, "refresh_token", LONGEST)
            offset += len(rows)
            if len(rows) < 500:
                return ""

    def _of(self, name: str, platform: Platform, more: dict[str, Any]) -> dict[str, Any]:
        url = f"component/{name}?component_access_token={platform.token}"
        return self._call(url, {"component_appid": platform.app_id, **more})

    def _post(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        return self._call(path, data)

    def _call(self, path: str, data: dict[str, Any] | None) -> dict[str, Any]:
        operation = path.partition("?")[0].rpartition("/")[2]
        with timed("wechat_oa", operation):
            return called(self._transport, self._api + path, data)


def _issued(found: dict[str, Any], name: str) -> Issued:
    value, life = found.get(name), found.get("expires_in")
    if isinstance(life, str) and life.isdecimal():
        life = int(life)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isascii():
        raise GatewayUnknown(f"an answer without {name}")
    if not isinstance(life, int) or isinstance(life, bool) or not 0 < life <= 86400:
        raise GatewayUnknown("an answer without expires_in")
    return Issued(value, life)


def _authorised(told: dict[str, Any], app_id: str) -> Authorised:
    refresh = _text(told, "authorizer_refresh_token", LONGEST)
    if not app_id or not refresh:
        raise GatewayUnknown("an answer without the account or its refresh token")
    return Authorised(
        app_id, _issued(told, "authorizer_access_token"), refresh, _granted(told.get("func_info"))
    )


def _granted(told: Any) -> tuple[int, ...]:
    found = []
    for item in told if isinstance(told, list) else ():
        inside = item.get("funcscope_category") if isinstance(item, dict) else None
        number = _number(inside)
        if number is not None:
            found.append(number)
    return tuple(sorted(set(found)))


def _number(told: Any) -> int | None:
    value = told.get("id") if isinstance(told, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(told: dict[str, Any], name: str, longest: int) -> str:
    value = told.get(name)
    return value[:longest] if isinstance(value, str) else ""
