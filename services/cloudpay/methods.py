"""What a method is: its name, members, key, result and the function behind it.

The tables of the groups (`services/cloudpay/*/methods.py`) hold one `Method` each; `table` joins
them. The documents and the OpenAPI file are made from the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.cloudpay.call import Answer, Call
from services.cloudpay.envelope import Envelope
from services.cloudpay.shapes import Asked, Told


class Key(StrEnum):
    """Which key authenticates a call (Cloud Pay, "which key authenticates what")."""

    MERCHANT = "merchant"  # the sub-merchant's authen_key
    DEVICE = "device"  # the device's own init key
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Once:
    """A method that is done once per number, whatever is repeated.

    `number` is the path of the number in the content; `kind` is what the number counts. `clash` is
    the internal status of the same number with other content.
    """

    kind: str  # pay, refund, freeze, unfreeze
    number: str
    trade_type: int | None = None  # TradeType of the order that is made
    is_reentry: bool = False  # answers 104 with 407 on a clash: micro_pay; others say 102


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One row. `summary` is (Chinese, English), for the documents."""

    name: str
    asked: type[Asked]
    told: type[Told] | None
    run: Callable[[Call, Any], Answer]
    result: str | None  # the name of the result object
    summary: tuple[str, str]
    group: str  # heading in the documents: pays, orders, deposits, lists, shops, devices
    also: tuple[str, ...] = ()  # other names under which old clients look for the result
    inline: bool = False  # the result's members also stand beside status (brief lists)
    capital_status: bool = False  # Internal_status too: two of the old tables spell it so
    key: Key = Key.MERCHANT
    envelope: Envelope = Envelope.STANDARD
    once: Once | None = None
    takes_signature: bool = False  # authen_info.s in place of a: refund, reverse
    is_small: bool = False  # its reply stays below 4,096 bytes
