"""Payments: what was asked for, and how it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yima.errors import Refused, Undecided
from yima.wire import Json

if TYPE_CHECKING:
    from yima.client import Yima

_EXTS = ("wxpay_order_content_ext", "alipay_order_content_ext", "card_order_content_ext")
_PAID = {_EXTS[0]: {2, 3}, _EXTS[1]: {2, 6}, _EXTS[2]: {2}}
_REFUNDED = {_EXTS[0]: {4}, _EXTS[1]: set(), _EXTS[2]: {4}}
_ENDED = {_EXTS[0]: {5, 7, 8, 10, 11}, _EXTS[1]: {5, 7}, _EXTS[2]: {5}}


@dataclass(frozen=True)
class Payment:
    """One order as the platform has it. Amounts are fen."""

    out_trade_no: str
    total_fee: int
    is_paid: bool
    is_ended: bool  # it never will be paid, or all of it went back
    state: int  # the wallet's own current_trade_state
    why: str
    raw: Json

    @property
    def is_final(self) -> bool:
        return self.is_paid or self.is_ended


class PaymentAsked:
    """A payment that was asked for. `first` is how it stood then; `wait` says what became of it."""

    def __init__(self, api: Yima, first: Payment) -> None:
        self._api = api
        self.first = first
        self.out_trade_no = first.out_trade_no

    def __bool__(self) -> bool:
        raise TypeError("a payment that was asked for is not a payment: call .wait()")

    def wait(self, timeout_s: float = 120.0, every_s: float = 2.0) -> Payment:
        """Ask until it is final; Undecided after `timeout_s` (the platform's own two minutes)."""
        found, end = self.first, time.monotonic() + timeout_s
        while not found.is_final:
            if time.monotonic() + every_s > end:
                raise Undecided(f"{self.out_trade_no} is not decided yet; query it later")
            time.sleep(every_s)
            try:
                found = self._api.query_order(self.out_trade_no)
            except Refused as no:
                if no.internal_status != 400:
                    raise
        return found


def payment_of(content: Json) -> Payment:
    name = next(name for name in _EXTS if name in content)
    ext = content[name]
    state = int(ext["current_trade_state"])
    return Payment(
        out_trade_no=content["out_trade_no"],
        total_fee=content["total_fee"],
        is_paid=state in _PAID[name],
        is_ended=state in _ENDED[name] or state in _REFUNDED[name],
        state=state,
        why=str(ext.get("trade_state_desc", "")),
        raw=content,
    )
