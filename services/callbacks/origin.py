"""What the merchant's own system said when it asked for an order through the API; pure.

An order that a page of ours made has none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_CLIENT: Final = (
    *("device_id", "staff_id", "shop_id", "terminal_type", "sub_terminal_type", "machine_no"),
    *("sdk_version", "spbill_create_ip", "sn_code"),
)
_BRIEF: Final = {"di": "device_id", "sc": "sn_code", "stt": "sub_terminal_type"}
_CONTENT: Final = ("detail", "client_flow_id")
_WXPAY: Final = ("goods_tag", "product_id", "limit_pay")


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that made it. `asked` is its content, without codes and payers' ids."""

    trade_type: int | None = None
    nonce: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> Mapping[str, Any]:
        return _object(self.asked, "pay_content")


OURS: Final = Origin()


def order_client(origin: Origin, device_id: str) -> dict[str, Any]:
    """Who asked. What the documents require is never missing; of a page of ours `device_id` is the
    code that was scanned."""
    made: dict[str, Any] = {
        "device_id": device_id,
        "terminal_type": 100,  # neither Windows nor a phone of the merchant's
        "sub_terminal_type": 0,
        "sdk_version": "1.0",
        "spbill_create_ip": "127.0.0.1",  # ours: the payer's is not kept
    }
    said = _object(origin.asked, "order_client")
    made |= {name: said[name] for name in _CLIENT if said.get(name) not in (None, "")}
    short = {_BRIEF[name]: origin.asked[name] for name in _BRIEF if origin.asked.get(name)}
    return made | short


def content(origin: Origin) -> dict[str, Any]:
    """Members of OrderContent that are the client's own words."""
    said = origin.content
    return {name: said[name] for name in _CONTENT if said.get(name)}


def wxpay_ext(origin: Origin) -> dict[str, Any]:
    """Members of wxpay_order_content_ext that are the client's own words."""
    said = origin.content
    ext = _object(said, "wxpay_pay_content_ext")
    attach = ext.get("attach") or said.get("attach")
    made = {"attach": attach} if attach else {}
    return made | {name: ext[name] for name in _WXPAY if ext.get(name)}


def body(origin: Origin) -> str:
    return str(origin.content.get("body") or origin.asked.get("bd") or "")


def _object(inside: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = inside.get(name)
    return found if isinstance(found, dict) else {}
