"""The standard envelope: content as a JSON string, with a code over exactly that string."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

Json = dict[str, Any]
DEFINITE = frozenset({101, 102, 104})


class NotGenuine(Exception):
    """The reply is not the platform's: it counts as no answer."""


def code_of(key: str, content: str) -> str:
    return hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest().upper()


def seal(content: Json, key: str) -> bytes:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    proof = {"a": {"authen_type": 1, "authen_code": code_of(key, text)}}
    return json.dumps({"request_content": text, "authen_info": proof}).encode()


def read(body: bytes, key: str) -> Json:
    """The reply's content; NotGenuine unless its code is right or it may have none (3, 101)."""
    try:
        outer = json.loads(body)
        text = outer["response_content"]
        content: Json = json.loads(text)
        status = content["status"]
        proof = outer.get("authen_info")
        if proof is None and status in (3, 101):
            return content
        if hmac.compare_digest(str(proof["a"]["authen_code"]), code_of(key, text)):
            return content
    except (ValueError, KeyError, TypeError):
        raise NotGenuine("not a reply of this protocol") from None
    raise NotGenuine("its authen_code is wrong")
