"""The two envelopes, as bytes in and bytes out (Cloud Pay, "standard envelope", "brief envelope").

Content travels as a JSON string that holds JSON: the code is over that string as it was decoded
from the outer JSON, byte for byte, before anybody parses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services.cloudpay.authen import HMAC_SHA256, code_of
from services.cloudpay.statuses import Internal, Refused, Status
from services.cloudpay.wire_json import ascii_json, read_object


class Envelope(StrEnum):
    STANDARD = "standard"
    BRIEF = "brief"  # of devices: r, a / rc, a


_CONTENT = {Envelope.STANDARD: "request_content", Envelope.BRIEF: "r"}
# status, description, log_id, internal_status
_BASE = {
    Envelope.STANDARD: ("status", "description", "log_id", "internal_status"),
    Envelope.BRIEF: ("s", "d", "li", "is"),
}


@dataclass(frozen=True, slots=True)
class Received:
    """What came, unproven: `content` is the string that a code is over."""

    content: str = field(repr=False)
    authen_type: int = HMAC_SHA256
    authen_code: str | None = field(default=None, repr=False)
    sign: str | None = field(default=None, repr=False)


def read(envelope: Envelope, raw: bytes) -> Received:
    """Raises Refused with status 101 and the member's name: nothing is authenticated yet."""
    try:
        outer = read_object(raw)
    except ValueError as problem:
        raise _unreadable(f"请求{problem}") from None
    name = _CONTENT[envelope]
    content = outer.get(name)
    if not isinstance(content, str) or not content:
        raise _unreadable(f"参数{name}应为字符串，内容是JSON文本")
    if not _is_text(content):
        raise _unreadable(f"参数{name}不是UTF-8编码")
    if envelope is Envelope.BRIEF:
        return Received(content, authen_code=_text(outer.get("a"), "a"))
    return _standard(content, outer.get("authen_info"))


def _standard(content: str, info: Any) -> Received:
    if info is not None and not isinstance(info, dict):
        raise _unreadable("参数authen_info应为对象")
    a, s = (info or {}).get("a"), (info or {}).get("s")
    for given, name in ((a, "a"), (s, "s")):
        if given is not None and not isinstance(given, dict):
            raise _unreadable(f"参数authen_info.{name}应为对象")
    a, s = a or {}, s or {}
    sign = s.get("sign") or s.get("signature")  # the oldest sample says "signature"
    return Received(
        content,
        _kind(a.get("authen_type")),
        _text(a.get("authen_code"), "authen_info.a.authen_code"),
        _text(sign, "authen_info.s.sign"),
    )


def _kind(value: Any) -> int:
    """AuthenType; a text of digits is that number, as PHP's forms send it."""
    if value is None or value == "":
        return HMAC_SHA256
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 9:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise _unreadable("参数authen_info.a.authen_type应为整数")
    return int(value)


def _text(value: Any, path: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _is_text(value):
        raise _unreadable(f"参数{path}应为字符串")
    return value


def _is_text(value: str) -> bool:
    """Whether it can be written as UTF-8 at all: half of a surrogate pair can not."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unreadable(description: str) -> Refused:
    return Refused(description, internal=Internal.NOT_JSON, reply_status=Status.FAILED)


def content_of(
    envelope: Envelope,
    *,
    status: int,
    description: str,
    log_id: int,
    internal: int,
    results: dict[str, Any],
) -> str:
    """The reply's content as the string that is sent and signed."""
    base = dict(zip(_BASE[envelope], (status, description, log_id, internal), strict=True))
    return ascii_json(base | results)


def sealed(envelope: Envelope, content: str, key: str | None) -> bytes:
    """The whole body; without `key` it carries no code (statuses 3 and 101)."""
    outer: dict[str, Any]
    if envelope is Envelope.BRIEF:
        outer = {"rc": content} | ({} if key is None else {"a": code_of(key, content)})
    else:
        outer = {"response_content": content}
        if key is not None:
            code = code_of(key, content)
            outer["authen_info"] = {"a": {"authen_type": HMAC_SHA256, "authen_code": code}}
    return ascii_json(outer).encode("ascii")
