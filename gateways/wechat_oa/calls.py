"""One call of the official account's JSON interface, without wechatpy, which is slow to import."""

from __future__ import annotations

import json
from typing import Any

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_json
from gateways.http import Transport

# A token that is no longer the latest, unreadable, or over: a fresh one cures it.
TOKEN_ERRORS = frozenset({"40001", "40014", "42001"})


def called(transport: Transport, url: str, data: dict[str, Any] | None) -> dict[str, Any]:
    """One call: POST with a body, else GET. GatewayRejected with WeChat's errcode; GatewayUnknown
    when it is busy or silent, then it may have been done."""
    headers = {"Accept": "application/json", "User-Agent": "yima/1"}
    if data is None:
        answer = transport.send("GET", url, headers)
    else:
        body = json.dumps(data, ensure_ascii=False).encode()
        answer = transport.send("POST", url, headers | {"Content-Type": "application/json"}, body)
    if answer.status != 200:
        raise GatewayUnknown(f"HTTP {answer.status}")
    try:
        found = strict_json.loads(answer.body)
    except ValueError:
        raise GatewayUnknown("the answer can not be read") from None
    errcode = found.get("errcode") or 0
    if errcode == -1:
        raise GatewayUnknown("WeChat is busy", upstream_code="-1")
    if errcode != 0:
        raise GatewayRejected(str(errcode), str(found.get("errmsg") or "")[:200])
    return found
