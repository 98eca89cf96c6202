"""Asking Alipay whether the app's keys and a merchant's authorisation are right.

`alipay.open.auth.token.app.query` is the app's own call and changes nothing (alipay.md 3.3).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Final

from errors import GatewayRejected, GatewayUnknown
from gateways.alipay.gateway import AlipayClients
from gateways.base import AlipayAccount
from gateways.http import timed
from gateways.looks import GOOD, AlipayLook, GrantLook, Sure, Word

_QUERY: Final = "alipay.open.auth.token.app.query"
_NOBODY: Final = "000000BBnobodyhasthistoken000000000000"
_SHANGHAI: Final = timezone(timedelta(hours=8))
_APP: Final = frozenset(
    {"isv.invalid-app-id", "isv.insufficient-isv-permissions", "APP_NOT_ISV", "isv.missing-app-id"}
)
SILENT: Final = Word(Sure.UNKNOWN, why="支付宝没有回答，稍后再查")


class AlipayChecking:
    def __init__(self, clients: AlipayClients) -> None:
        self._clients = clients

    def look(self, account: AlipayAccount) -> AlipayLook:
        """Asks about a token that nobody has: "unknown" proves all keys, the newest of each.

        Never raises.
        """
        newest = f"{account.account_key}:look"
        account = replace(account, account_key=newest, older_public_keys=())
        try:
            self._ask(account, _NOBODY)
        except GatewayRejected as refused:
            return _door(refused)
        except GatewayUnknown as unknown:
            if "signature is wrong" in unknown.detail:
                return AlipayLook(
                    answered=Word(Sure.WRONG, why="支付宝应答的签名与保存的支付宝公钥对不上")
                )
            return AlipayLook(SILENT, SILENT, SILENT)
        return AlipayLook(GOOD, GOOD, GOOD)

    def grant(self, account: AlipayAccount, token: str) -> GrantLook:
        """A merchant's authorisation; `word` is good while it is valid."""
        try:
            node = self._ask(account, token)
        except GatewayRejected as refused:
            return GrantLook(Word(Sure.WRONG, refused.upstream_code, refused.upstream_message))
        except GatewayUnknown:
            return GrantLook(SILENT)
        methods = node.get("auth_methods")
        is_valid = node.get("status") == "valid"
        return GrantLook(
            word=GOOD if is_valid else Word(Sure.WRONG, "invalid", "无效的应用授权令牌"),
            pid=str(node.get("user_id") or ""),
            methods=tuple(str(one) for one in methods) if isinstance(methods, list) else (),
            until=_until(node.get("auth_end")),
        )

    def _ask(self, account: AlipayAccount, token: str) -> dict[str, object]:
        client = self._clients.get(account)
        with timed("alipay", "look"):
            node: dict[str, object] = client.server_api(_QUERY, {"app_auth_token": token})
        return node


def _door(refused: GatewayRejected) -> AlipayLook:
    code = refused.upstream_code
    no = Word(Sure.WRONG, code, refused.upstream_message)
    if code in ("isv.invalid-signature", "ACCOUNT_INVALID"):
        return AlipayLook(signed=no)
    if code in _APP:
        return AlipayLook(GOOD, GOOD, no)
    if refused.facts.get("code") == "40004":  # it was let in and heard: nobody has this token
        return AlipayLook(GOOD, GOOD, GOOD)
    return AlipayLook(*(Word(Sure.UNKNOWN, code, refused.upstream_message),) * 3)


def _until(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_SHANGHAI)
    except ValueError:
        return None
