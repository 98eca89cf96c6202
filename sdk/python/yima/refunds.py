"""Refunds: a call that was accepted is no refund yet, and can not be taken for one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yima.errors import Undecided
from yima.wire import Json

if TYPE_CHECKING:
    from yima.client import Yima

_EXTS = (
    ("wxpay_refund_order_content_ext", "state", {2}, {3, 5, 6}),
    ("alipay_refund_order_content_ext", "refund_status", {2}, {3, 5}),
    ("card_refund_order_content_ext", "state", {2}, {3}),
)


@dataclass(frozen=True)
class Refund:
    """One refund as the platform has it. Amounts are fen."""

    out_refund_no: str
    out_trade_no: str
    refund_fee: int
    is_done: bool  # the money is with the payer
    is_failed: bool  # it will not get there by itself
    raw: Json

    @property
    def is_final(self) -> bool:
        return self.is_done or self.is_failed


class RefundAsked:
    """A refund that was asked for and accepted. It has no state: `wait` asks what became of it."""

    def __init__(self, api: Yima, out_trade_no: str, out_refund_no: str) -> None:
        self._api = api
        self.out_trade_no = out_trade_no
        self.out_refund_no = out_refund_no

    def __bool__(self) -> bool:
        raise TypeError("a refund that was asked for is not refunded: call .wait()")

    def wait(self, timeout_s: float = 120.0, every_s: float = 2.0) -> Refund:
        """Ask until it is final. Undecided after `timeout_s`: to a bank card it can take hours."""
        end = time.monotonic() + timeout_s
        while True:
            found = self._api.query_refund_order(self.out_trade_no, self.out_refund_no)
            if found and found[0].is_final:
                return found[0]
            if time.monotonic() + every_s > end:
                raise Undecided(f"{self.out_refund_no} is still on its way; ask again later")
            time.sleep(every_s)


def refunds_of(rows: list[Json]) -> list[Refund]:
    return [_refund(row) for row in rows]


def _refund(row: Json) -> Refund:
    name, word, done, failed = next(kind for kind in _EXTS if kind[0] in row)
    state = int(row[name][word])
    return Refund(
        out_refund_no=row["out_refund_no"],
        out_trade_no=row["out_trade_no"],
        refund_fee=row["refund_fee"],
        is_done=state in done,
        is_failed=state in failed,
        raw=row,
    )
