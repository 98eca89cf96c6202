"""What a list or an overview asks for, whichever method and envelope it came by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from services.cloudpay.lists.window import Window


class Kind(IntEnum):
    """What a row is; the numbers are order_type's, whose 3 is payments and refunds."""

    PAYMENT = 1
    REFUND = 2
    FREEZE = 4
    UNFREEZE = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """A merchant's payments, refunds, holds and releases of a span of time.

    A kind of `made` is listed by when it was written down, in whatever state unless `only_done`.
    Every other kind is listed by when it was done, so only what is done. The filters are None
    where nothing was asked.
    """

    provider_id: int
    merchant_id: int
    window: Window
    kinds: tuple[Kind, ...]
    made: frozenset[Kind] = frozenset()
    only_done: bool = True
    store_id: int | None = None
    channels: tuple[str, ...] | None = None
    staff: str | None = None  # as clients say it: a till's own, or the number of a code's person
    device: str | None = None
    code_id: int | None = None
    source: int | None = None
    trade: int | None = None
    out_trade_no: str | None = None
    out_refund_no: str | None = None

    @property
    def is_added_up(self) -> bool:
        """The day totals answer it: by store and wallet alone, and by when money moved."""
        narrower = (
            *(self.staff, self.device, self.code_id, self.source, self.trade),
            *(self.out_trade_no, self.out_refund_no),
        )
        return not self.made and not any(one is not None for one in narrower) and self.is_money

    @property
    def is_money(self) -> bool:
        return set(self.kinds) <= {Kind.PAYMENT, Kind.REFUND}

    @property
    def values(self) -> dict[str, object]:
        """Of the names that the statements of `clauses` have."""
        return {
            "p": self.provider_id, "m": self.merchant_id, "store": self.store_id,
            "channels": list(self.channels or ()), "staff": self.staff, "device": self.device,
            "code": self.code_id, "source": self.source, "trade": self.trade,
            "trade_no": self.out_trade_no, "refund_no": self.out_refund_no,
        }  # fmt: skip
