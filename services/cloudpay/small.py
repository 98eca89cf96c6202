"""Replies of the till methods fit into 4,096 bytes: old SDKs hold no more of the whole body.

What is dropped first is what a client sent us itself and can do without. Numbers, states and names
of the order are never dropped.
"""

from __future__ import annotations

from typing import Any, Final

from services.cloudpay.wire_json import ascii_json

MOST_BYTES: Final = 4095
_AROUND: Final = 420  # envelope, code, and the four members beside the result
# longest and least needed first
_OPTIONAL: Final = (
    "detail", "client_flow_id", "disable_pay_channels", "goods_tag", "product_id", "limit_pay",
    "sn_code", "sdk_version", "spbill_create_ip", "machine_no", "attach", "refund_reason", "remark",
    "client_refund_flow_id", "trade_state_desc", "body", "code_url",
)  # fmt: skip


def as_sent(members: dict[str, Any]) -> int:
    """How many bytes these members take inside a string inside the body."""
    return len(ascii_json(ascii_json(members)))


def fit(members: dict[str, Any], description: str, copies: int = 1) -> dict[str, Any]:
    """The same members, without as many optional ones as it takes. `copies`: how often the result
    stands in the reply."""
    room = (MOST_BYTES - _AROUND - as_sent({"d": description})) // copies
    if _at_most(members) <= room or as_sent(members) <= room:
        return members
    kept = members
    for name in _OPTIONAL:
        kept = _without(kept, name)
        if as_sent(kept) <= room:
            break
    return kept


def _at_most(value: Any) -> int:
    """A quick bound: a letter takes up to seven bytes as sent."""
    if isinstance(value, str):
        return len(value) * 7 + 6
    if isinstance(value, dict):
        return 4 + sum(len(name) + 8 + _at_most(inner) for name, inner in value.items())
    if isinstance(value, list):
        return 4 + sum(_at_most(inner) + 1 for inner in value)
    return 22


def _without(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, name) for key, inner in value.items() if key != name}
    return [_without(inner, name) for inner in value] if isinstance(value, list) else value
