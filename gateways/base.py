"""What a wallet's gateway takes and gives: dataclasses and Protocols, no Flask, no SQLAlchemy.

Names are WeChat Pay APIv3's; another wallet's spelling stays in its own `mapping.py`. Money is
integer fen, times are aware UTC. Three outcomes: a value; `GatewayRejected` (a definite no);
`GatewayUnknown` (it may have happened: ask).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gateways import ordering
from gateways.ordering import Extras, Product


class TradeState(StrEnum):
    """A trade as the wallet tells it, in the words of the one table of states."""

    PAYING = "paying"  # not paid yet, may still be
    SUCCESS = "success"  # paid (whatever was refunded since)
    CLOSED = "closed"  # will never be paid
    FAILED = "failed"  # a definite failure, also never paid
    NOT_EXIST = "not_exist"  # the wallet does not know the number (yet)


@dataclass(frozen=True, slots=True)
class Trade:
    """What a wallet says about one of our attempts, whether asked (query) or told (notify).

    `payee` is WeChat's sub_mchid or Alipay's seller_id; None only if the wallet's answer has none
    (a trade that is not paid). `payer` is the openid or buyer id, personal: never log it.
    """

    channel: str
    out_trade_no: str
    state: TradeState
    raw_state: str
    payee: str | None = None
    app: str | None = None  # sp_appid or the Alipay app_id that the wallet says took the order
    amount_fen: int | None = None
    currency: str = "CNY"
    transaction_id: str | None = None
    paid_at: datetime | None = None
    refunded: bool = False  # the wallet says that some of it went back
    given_back: bool = False  # paid, then closed with all of it back: how Alipay tells a reversal
    payer: str | None = field(default=None, repr=False)


class RefundState(StrEnum):
    """A refund as the wallet tells it."""

    PROCESSING = "processing"  # accepted, the money is not back yet
    SUCCESS = "success"
    CLOSED = "closed"  # will never be paid out under this number
    ABNORMAL = "abnormal"  # the payer's account takes nothing: the merchant must hand it over
    NOT_FOUND = "not_found"  # not accepted (yet); Alipay can not tell this from "not done yet"


class RefundFunds(StrEnum):
    """Which of the merchant's money a refund is paid out of, in WeChat's words; Alipay asks not."""

    UNSETTLED = "UNSETTLED"  # taken and not settled yet
    AVAILABLE = "AVAILABLE"  # the balance, topped up where need be


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is asked of a wallet for one refund. The same request may be sent again unchanged."""

    out_trade_no: str
    out_refund_no: str
    refund_fen: int
    total_fen: int  # of the trade
    reason: str
    notify_url: str
    funds: RefundFunds | None = None  # None: the wallet's own choice


@dataclass(frozen=True, slots=True)
class RefundWord:
    """What a wallet says about one of our refunds, whether asked or told."""

    channel: str
    out_trade_no: str
    out_refund_no: str
    state: RefundState
    raw_state: str
    amount_fen: int | None = None
    refund_id: str | None = None
    succeeded_at: datetime | None = None
    funds_account: str | None = None  # what it is paid out of, in WeChat's words, where told


@dataclass(frozen=True, slots=True)
class RefundNotice:
    """A verified notification about a refund; wallets send these to the pay URL too.

    It never says "paid now": the order stays paid, the refund is looked up. `trade` is what the
    notice says about the order itself, where it does (Alipay): paid, with `refunded` set.
    """

    channel: str
    out_trade_no: str
    out_refund_no: str | None  # Alipay leaves it out now and then: ask for the order's refunds
    raw_state: str  # WeChat refund_status, Alipay trade_status
    payee: str | None = None
    refund_id: str | None = None
    refund_fen: int | None = None  # of this one refund; Alipay tells a running total only: None
    refunded_total_fen: int | None = None  # of all refunds of the order so far, Alipay only
    trade: Trade | None = None
    word: RefundWord | None = None  # where the notice says how the refund itself stands: WeChat


@dataclass(frozen=True, slots=True)
class WechatAccount:
    """A provider's WeChat Pay identity, with the merchant a call is for; repr has no secret."""

    version: int  # credential version: clients are cached per (account_key, version)
    account_key: str  # names the account without secrets, e.g. "3:wechat"
    sp_mchid: str
    sp_appid: str
    sub_mchid: str
    merchant_serial: str
    merchant_private_key: str = field(repr=False)  # PEM
    apiv3_key: str = field(repr=False)  # 32 ASCII characters
    public_key_id: str = ""  # PUB_KEY_ID_…, "" when the provider has platform certificates only
    public_key: str = field(default="", repr=False)  # PEM
    platform_certificates: tuple[str, ...] = field(
        default=(), repr=False
    )  # PEM, several during a switch
    sub_appid: str | None = None
    # APIv2, which payment codes are paid by; both are "" where the provider takes none
    apiv2_key: str = field(default="", repr=False)  # 32 ASCII characters
    merchant_certificate: str = field(default="", repr=False)  # PEM, for mutual TLS
    # (id, PEM) of public keys that were replaced: notifications on their way are signed with them
    older_public_keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class AlipayAccount:
    """A provider's Alipay ISV app, with the merchant's grant. Secrets are not in repr."""

    version: int
    account_key: str
    app_id: str
    app_private_key: str = field(repr=False)  # PEM
    alipay_public_key: str = field(repr=False)  # PEM
    app_auth_token: str | None = field(default=None, repr=False)
    seller_id: str | None = None  # the merchant's PID (2088…)
    sys_service_provider_id: str | None = None  # the provider's PID, earns the rebate
    older_public_keys: tuple[str, ...] = field(default=(), repr=False)  # good during a change


ChannelAccount = WechatAccount | AlipayAccount


@dataclass(frozen=True, slots=True)
class PrepayRequest:
    """What is asked of a wallet for one attempt. The same request may be sent again unchanged."""

    out_trade_no: str
    amount_fen: int
    description: str
    notify_url: str
    expires_at: datetime
    payer: str = field(repr=False)  # WeChat openid; Alipay user_id (2088…) or open_id; "": anyone
    goods_tag: str | None = None  # WeChat coupons (STO-3)
    undiscountable_fen: int | None = None  # Alipay only (STO-2)
    store_id: str | None = None
    return_url: str | None = None  # Alipay wap.pay only
    product: Product = Product.JSAPI
    is_sub_payer: bool = False  # `payer` is the sub_openid, at the account's sub_appid
    extras: Extras = ordering.NONE


@dataclass(frozen=True, slots=True)
class Prepay:
    """What the payer's page or app needs: `bridge` as it is, or a `redirect`; or a code to scan."""

    prepay_id: str | None  # WeChat prepay_id, Alipay trade_no
    bridge: Mapping[str, Any] | None = None
    redirect: str | None = None
    code_url: str | None = None  # what a QR code is made of


class PayGateway(Protocol):
    """One wallet. Every method may raise GatewayRejected or GatewayUnknown."""

    channel: str

    def prepay(self, account: Any, req: PrepayRequest) -> Prepay: ...

    def bridge(
        self,
        account: Any,
        prepay_id: str,
        product: Product = Product.JSAPI,
        *,
        is_sub_payer: bool = False,
    ) -> Mapping[str, Any]:
        """Sign the bridge's (or app's) parameters again for a prepay we hold; no call upstream."""
        ...

    def query(self, account: Any, out_trade_no: str) -> Trade:
        """Ask for one attempt; an unknown number is TradeState.NOT_EXIST, no error."""
        ...

    def close(self, account: Any, out_trade_no: str) -> TradeState:
        """Close an unpaid trade: CLOSED or NOT_EXIST when nobody can pay it any more.

        SUCCESS when it was paid. PAYING when the wallet refused to close and still calls it
        unpaid: somebody can pay it yet.
        """
        ...

    def refund(self, account: Any, req: RefundRequest) -> RefundWord:
        """Ask for money back; the same number with the same content may be sent again.

        GatewayRejected is a definite no to this request, `NotEnough` one that a top-up cures.
        """
        ...

    def query_refund(self, account: Any, out_trade_no: str, out_refund_no: str) -> RefundWord:
        """Ask how one refund stands; an unknown number is RefundState.NOT_FOUND, no error."""
        ...

    def parse_notify(
        self, account: Any, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Trade | RefundNotice:
        """Verify and read a notification; NotifyInvalid when it must not be believed.

        GatewayUnknown when it is genuine but names a state that we do not know.
        """
        ...


@dataclass(frozen=True, slots=True)
class CodePayRequest:
    """What is asked of a wallet to charge a payment code (付款码). Sent once, never again."""

    out_trade_no: str
    amount_fen: int
    description: str
    auth_code: str = field(repr=False)  # good once, for about a minute
    notify_url: str  # Alipay only: WeChat notifies nothing
    expires_at: datetime
    terminal_ip: str = "127.0.0.1"
    goods_tag: str | None = None  # WeChat coupons
    undiscountable_fen: int | None = None  # Alipay only
    store_id: str | None = None
    extras: Extras = ordering.NONE


class ReversalState(StrEnum):
    """What a wallet says to a reversal."""

    DONE = "done"  # nothing of it is kept: closed unpaid, or given back
    NOT_EXIST = "not_exist"  # there was nothing (yet) to reverse
    AGAIN = "again"  # not done, to be called again: recall Y, retry_flag Y
    REFUSED = "refused"  # a definite no: the trade is as it was, ask


@dataclass(frozen=True, slots=True)
class Reversal:
    """The answer to a reversal, with the wallet's own word."""

    state: ReversalState
    raw_state: str


class CodePay(Protocol):
    """A wallet whose payment codes can be charged. Asking is `PayGateway.query`."""

    channel: str

    def is_ready(self, account: Any) -> bool:
        """Whether the account holds all that paying by code and reversing need."""
        ...

    def pay_code(self, account: Any, req: CodePayRequest) -> Trade:
        """Charge a code: SUCCESS, or PAYING while the payer types the password.

        GatewayRejected only for what surely did not and will not happen; any code that is in no
        list is GatewayUnknown.
        """
        ...

    def reverse(self, account: Any, out_trade_no: str) -> Reversal:
        """End a payment in doubt: close it, or give it back. May be repeated."""
        ...


@runtime_checkable
class NotifySerials(Protocol):
    """A gateway whose notifications name the key they are signed with."""

    def notify_serial(self, headers: Mapping[str, str]) -> str | None: ...


class BillNotReady(Exception):
    """The wallet is still writing it, or does not say yet whether there is one: ask later."""


class BillBroken(Exception):
    """A bill that can not be believed: nothing of it is used. `line` from 1; 0: the whole."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class BillTotals:
    """What a verified bill holds, as its own summary says too. `fee_millifen`: 1/100000 yuan."""

    trades: int = 0
    trade_fen: int = 0
    refunds: int = 0
    refund_fen: int = 0
    fee_millifen: int = 0


@runtime_checkable
class BillSource(Protocol):
    """A wallet that tells afterwards, in one file a day, what it did."""

    def fetch(self, account: Any, on: date, folder: Path, into: Path) -> BillTotals | None:
        """Download the day's bill, check it and write its rows to `into` (`gateways.bill_rows`).

        None: nothing happened that day. Raises BillNotReady, BillBroken, GatewayRejected and
        GatewayUnknown; then `into` does not exist. `folder` is the caller's, for what is needed on
        the way. Bounded in memory, size and time.
        """
        ...


@runtime_checkable
class KeptNotices(Protocol):
    """A gateway that can read a notification again that was verified when it came."""

    def read_kept(self, account: Any, body: bytes) -> Trade | RefundNotice:
        """Check what can still be checked. Raises NotifyInvalid and GatewayUnknown."""
        ...
