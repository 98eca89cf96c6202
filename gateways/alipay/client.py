"""python-alipay-sdk, made to sign and verify with `cryptography` and to send by our session.

Import this module late: the SDK brings pyOpenSSL and pycryptodomex along. What differs from the
SDK, and why, stands at each method (alipay.md 1.3 and 1.4).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from errors import GatewayRejected, GatewayUnknown
from gateways import rsa, strict_json
from gateways.alipay.mapping import china_time
from gateways.base import AlipayAccount
from gateways.http import Transport

_AliPay: Any = import_module("alipay").AliPay

# These travel in the body, out of reach of access logs; the gateway merges both (alipay.md 1.3).
_IN_BODY = frozenset({"biz_content", "app_auth_token", "auth_token", "code", "refresh_token"})
_SUCCESS = frozenset({"10000", "10003"})
# Refusals of the gateway itself; early ones are unsigned (alipay.md 1.4 and 1.5).
_GATEWAY_REFUSALS = frozenset({"20001", "40001", "40002", "40003", "40006"})
_OAUTH_TOKEN = "alipay_system_oauth_token_response"


class AlipayClient(_AliPay):  # type: ignore[misc]
    """The client of one (account_key, version); the merchant's token is given per call."""

    def __init__(
        self,
        account: AlipayAccount,
        *,
        gateway_url: str,
        transport: Transport,
        now: Callable[[], datetime],
        charset: str = "utf-8",
    ) -> None:
        """Load the keys. ValueError, without a word of them, when one is not usable."""
        self._transport, self._now, self._charset = transport, now, charset
        self._older_keys = [rsa.public_key(pem) for pem in account.older_public_keys]
        super().__init__(
            appid=account.app_id,
            app_private_key_string=account.app_private_key,
            alipay_public_key_string=account.alipay_public_key,
            sign_type="RSA2",
        )
        self._gateway = gateway_url  # the SDK knows Alipay's two hosts only

    def _load_key(self) -> None:
        self._app_private_key = rsa.private_key(self._app_private_key_string)
        self._alipay_public_key = rsa.public_key(self._alipay_public_key_string)

    def _sign(self, unsigned_string: str) -> str:
        """The SDK signs with pycryptodomex, at more than twice the cost."""
        return rsa.sign(self._app_private_key, unsigned_string.encode(self._charset))

    def _verify(self, raw_content: str, signature: str) -> bool:
        raw = raw_content.encode(self._charset)
        keys = (self._alipay_public_key, *self._older_keys)
        return any(rsa.verify(key, raw, signature) for key in keys)

    def _ordered_data(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Sort by name, without empty values (they are neither sent nor signed); the SDK keeps
        them, escapes Chinese and changes `data`."""
        return sorted((name, _text(value)) for name, value in data.items() if value)

    def build_body(
        self, method: str, biz_content: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The SDK writes this machine's own time; Alipay wants China's, and we our clock's."""
        return {
            "app_id": self._appid,
            "method": method,
            "format": "JSON",
            "charset": self._charset,
            "sign_type": self._sign_type,
            "timestamp": china_time(self._now()),
            "version": "1.0",
            "biz_content": biz_content,
            **kwargs,
        }

    def sign_data(self, data: Mapping[str, Any]) -> str:
        """All parameters as one query string, for a browser to take along (wap.pay)."""
        return urlencode(self.signed_items(data), encoding=self._charset)

    def signed_items(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        ordered = self._ordered_data(data)
        return [*ordered, ("sign", self._sign(_joined(ordered)))]

    def is_signed_form(self, form: Mapping[str, str], *, keeps_sign_type: bool = False) -> bool:
        """Verify a notification's decoded fields: those with a value first, then all (PHP and Node
        drop empty values, Java keeps them). Trade notices leave sign_type out of the signed text,
        messages to the app gateway keep it (alipay.md 2.1)."""
        left_out = ("sign",) if keeps_sign_type else ("sign", "sign_type")
        every = sorted((name, value) for name, value in form.items() if name not in left_out)
        signature, valued = form.get("sign") or "", [item for item in every if item[1]]
        if not signature:
            return False
        if self._verify(_joined(valued), signature):
            return True
        return len(valued) != len(every) and self._verify(_joined(every), signature)

    def verified_sync_response(self, data: Mapping[str, Any], response_type: str) -> dict[str, Any]:
        """POST: common parameters in the query, business and secret ones in the form (the SDK
        puts everything into the query of a GET, on a connection of its own)."""
        items = self.signed_items(data)
        query = urlencode([item for item in items if item[0] not in _IN_BODY])
        form = urlencode([item for item in items if item[0] in _IN_BODY], encoding=self._charset)
        headers = {
            "Content-Type": f"application/x-www-form-urlencoded;charset={self._charset}",
            "User-Agent": "yima/1",
        }
        url = f"{self._gateway}?{query}"
        answer = self._transport.send("POST", url, headers, form.encode("ascii"))
        if answer.status != 200:
            raise GatewayUnknown(f"HTTP {answer.status}")
        try:
            raw = answer.body.decode(self._charset)
        except UnicodeDecodeError:
            raise GatewayUnknown("the answer is in another charset") from None
        return self._verify_and_return_sync_response(raw, response_type)

    def _verify_and_return_sync_response(
        self, raw_string: str, response_type: str
    ) -> dict[str, Any]:
        """Return the answer's node.

        GatewayRejected: a definite refusal, `upstream_code` the sub_code, `facts["code"]` the
        code. GatewayUnknown: unreadable, unsigned where it must be signed, wrongly signed, busy.
        """
        try:
            node, signed_text, sign = _node_of(raw_string, response_type)
        except ValueError as error:
            raise GatewayUnknown(f"the answer can not be read: {error}") from None
        code = node.get("code")
        if sign and not self._verify(signed_text, sign):
            raise GatewayUnknown("the answer's signature is wrong")
        if not sign and code not in _GATEWAY_REFUSALS:
            raise GatewayUnknown(f"an unsigned answer: {code}")
        if code in _SUCCESS or _is_token(node, response_type):
            return node
        raise _refusal(node)


def _is_token(node: Mapping[str, Any], response_type: str) -> bool:
    """The good answer of alipay.system.oauth.token has no code (alipay.md 4.5)."""
    return response_type == _OAUTH_TOKEN and "code" not in node and "access_token" in node


def _refusal(node: Mapping[str, Any]) -> GatewayRejected | GatewayUnknown:
    """Decide on code, then sub_code; never on the text (alipay.md 1.5)."""
    code, sub_code = str(node.get("code")), str(node.get("sub_code") or "")
    if code == "40004" and sub_code and not sub_code.endswith(("SYSTEM_ERROR", "unknow-error")):
        return _rejected(code, sub_code, node)
    if code in _GATEWAY_REFUSALS:
        return _rejected(code, sub_code or code, node)
    return GatewayUnknown(f"{code} {sub_code}", upstream_code=sub_code or code)


def _rejected(code: str, sub_code: str, node: Mapping[str, Any]) -> GatewayRejected:
    # sub_msg of a wrong signature holds the whole request (alipay.md 1.5), tokens included.
    text = "" if sub_code == "isv.invalid-signature" else str(node.get("sub_msg") or "")[:200]
    return GatewayRejected(sub_code, text, code=code)


def _node_of(raw: str, response_type: str) -> tuple[dict[str, Any], str, str]:
    """Find the answer's node, its exact characters, and the signature.

    The members are walked with the JSON scanner itself, so braces and quotes inside strings
    can not mislead, and the order of node, certificate number and sign does not matter.
    """
    spans = _members(raw)
    name = response_type if response_type in spans else "error_response"
    if name not in spans:
        raise ValueError("no node")
    node, text = spans[name]
    if not isinstance(node, dict):
        raise ValueError("the node is not an object")
    sign = spans.get("sign", ("", ""))[0]
    return node, text, sign if isinstance(sign, str) else ""


def _members(raw: str) -> dict[str, tuple[Any, str]]:
    """The top level of an object: name to (value, its characters as received)."""
    found: dict[str, tuple[Any, str]] = {}
    at = _past(raw, 0, "{")
    while True:
        name, end = _value(raw, at)
        if not isinstance(name, str) or name in found:
            raise ValueError("a name is missing or comes twice")
        start = _skip(raw, _past(raw, end, ":"))
        value, end = _value(raw, start)
        found[name] = value, raw[start:end]
        at = _skip(raw, end)
        if raw[at : at + 1] == "}":
            if raw[at + 1 :].strip():
                raise ValueError("something follows the object")
            return found
        at = _past(raw, at, ",")


def _value(raw: str, at: int) -> tuple[Any, int]:
    try:
        value, end = strict_json.DECODER.raw_decode(raw, _skip(raw, at))
    except RecursionError:
        raise ValueError("nested too deep") from None
    strict_json.check_depth(value)
    return value, end


def _past(raw: str, at: int, sign: str) -> int:
    at = _skip(raw, at)
    if raw[at : at + 1] != sign:
        raise ValueError(f"{sign} expected")
    return at + 1


def _skip(raw: str, at: int) -> int:
    while raw[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


def _joined(items: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in items)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
