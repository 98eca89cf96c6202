"""What a wallet that holds deposits takes and gives: 押金 at WeChat Pay, 预授权 at Alipay.

A hold is named by our `out_freeze_no`. The outcomes are those of `gateways/base.py`: a value,
`GatewayRejected`, `GatewayUnknown`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from gateways.base import RefundRequest, RefundWord, Reversal, Trade


class FreezeState(StrEnum):
    """A hold as the wallet tells it."""

    WAITING = "waiting"  # the payer has yet to agree
    FROZEN = "frozen"
    ENDED = "ended"  # nothing is held any more: consumed, released, or given up by the wallet
    FAILED = "failed"  # nothing was or will be held
    NOT_EXIST = "not_exist"  # the wallet does not know the number (yet)


@dataclass(frozen=True, slots=True)
class FreezeRequest:
    """What is asked of a wallet for one hold. Sent once, never again."""

    out_freeze_no: str
    freeze_fen: int
    description: str
    expires_at: datetime
    auth_code: str = field(default="", repr=False)  # "": the payer will scan ours
    terminal_ip: str = "127.0.0.1"
    goods_tag: str = ""  # WeChat
    no_credit: bool = False  # WeChat: credit cards are not taken
    pay_channels: str = ""  # Alipay: JSON text of the channels that are taken


@dataclass(frozen=True, slots=True)
class FreezeWord:
    """What a wallet says about one of our holds. `payer` is personal: never log it."""

    channel: str
    out_freeze_no: str
    state: FreezeState
    raw_state: str
    freeze_fen: int | None = None
    freeze_id: str | None = None  # WeChat transaction_id, Alipay auth_no
    operation_id: str | None = None  # Alipay
    payee: str | None = None
    frozen_at: datetime | None = None
    consumed_fen: int | None = None  # so far, where the wallet says so
    rest_fen: int | None = None  # still held
    is_moving: bool = False  # the wallet is at a consumption of it

    @property
    def was_held(self) -> bool:
        """It is held, or has been: one that was never agreed to ends without a time."""
        if self.freeze_fen is None or self.freeze_id is None:
            return False
        seen = self.frozen_at is not None or bool(self.consumed_fen)
        return self.state is FreezeState.FROZEN or (self.state is FreezeState.ENDED and seen)

    @property
    def was_consumed(self) -> bool:
        return self.was_held and bool(self.consumed_fen)


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that is frozen, as the calls about it name it."""

    out_freeze_no: str
    freeze_id: str
    freeze_fen: int


@dataclass(frozen=True, slots=True)
class ConsumeRequest:
    """What is asked for one consumption. Sent once, never again."""

    hold: Hold
    out_trade_no: str  # the attempt's: at WeChat the hold's own number, for there is no other
    amount_fen: int
    ends: bool  # the rest goes back to the payer at once; WeChat can not do otherwise
    description: str
    notify_url: str


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What is asked for one release. The same request may be sent again unchanged."""

    hold: Hold
    out_unfreeze_no: str
    amount_fen: int  # WeChat: all of it, nothing else can be released; 0: asked, not known
    remark: str


@dataclass(frozen=True, slots=True)
class ReleaseWord:
    """What a wallet says about one release. Not done: it may be sent (again)."""

    is_done: bool
    raw_state: str
    release_id: str | None = None
    done_at: datetime | None = None
    amount_fen: int | None = None  # where the wallet says so


class Deposits(Protocol):
    """A wallet that holds a payer's money for a merchant."""

    channel: str
    numbers_consumptions: bool  # False: the wallet knows a consumption by the hold's number only
    releases_parts: bool

    def is_ready(self, account: Any) -> bool:
        """Whether the account holds all that deposits need."""
        ...

    def freeze(self, account: Any, req: FreezeRequest) -> FreezeWord:
        """Hold by a payer's code: FROZEN, or WAITING while the payer types the password.

        GatewayRejected only for what surely did not and will not happen.
        """
        ...

    def offer(self, account: Any, req: FreezeRequest) -> str:
        """The address that the payer scans. GatewayRejected(UNSUPPORTED) where there is none."""
        ...

    def query_freeze(self, account: Any, out_freeze_no: str) -> FreezeWord:
        """Ask how a hold stands; an unknown number is FreezeState.NOT_EXIST, no error."""
        ...

    def cancel(self, account: Any, out_freeze_no: str) -> Reversal:
        """End a hold in doubt: nothing of it is kept. May be repeated."""
        ...

    def consume(self, account: Any, req: ConsumeRequest) -> Trade:
        """Charge a hold: SUCCESS, or PAYING where the wallet has only accepted it."""
        ...

    def consumption(self, account: Any, out_trade_no: str) -> Trade:
        """Ask how a consumption stands, by the attempt's number. NOT_EXIST: not consumed (yet)."""
        ...

    def release(self, account: Any, req: ReleaseRequest) -> ReleaseWord:
        """Give money back to the payer."""
        ...

    def query_release(self, account: Any, req: ReleaseRequest) -> ReleaseWord:
        """Ask how a release stands."""
        ...

    def refund(self, account: Any, hold: Hold, req: RefundRequest) -> RefundWord:
        """Refund what was consumed, as `PayGateway.refund` does of a payment."""
        ...

    def query_refund(self, account: Any, out_trade_no: str, out_refund_no: str) -> RefundWord: ...
