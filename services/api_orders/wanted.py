"""What a merchant's own system asks for, what it gets, and why it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from config.settings import Settings
from errors import AppError
from gateways import ordering
from gateways.base import Prepay
from gateways.ordering import Extras, Product
from models.order import AttemptMethod

LEAST: Final = timedelta(seconds=60)  # WeChat raises what is sooner (wechat.md A5)
PRODUCTS: Final = {
    AttemptMethod.JSAPI: Product.JSAPI,
    AttemptMethod.MINI: Product.JSAPI,
    AttemptMethod.NATIVE: Product.NATIVE,
    AttemptMethod.H5: Product.H5,
    AttemptMethod.APP: Product.APP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One order. The caller asks for a number with the same content only: `extras` are not kept."""

    out_trade_no: str
    channel: str
    method: AttemptMethod
    amount_fen: int
    asked_by: str  # a role and an id, as in the audit; never an openid
    description: str = ""  # the store's name where empty
    remark: str = ""
    expires_at: datetime | None = None
    payer: str = field(default="", repr=False)  # openid or Alipay's user id; "": whoever comes
    sub_appid: str | None = None  # the merchant's own app at WeChat, where it opens the sheet
    is_sub_payer: bool = False  # `payer` is known to that app
    goods_tag: str = ""  # the store's where empty
    undiscountable_fen: int | None = None
    extras: Extras = ordering.NONE


@dataclass(frozen=True, slots=True)
class Payable:
    """The wallet has it: what the payer's page or app needs."""

    prepay: Prepay


@dataclass(frozen=True, slots=True)
class Refusal:
    """The wallet's definite no, in its own code and words. The order has ended."""

    code: str
    words: str


class Over(StrEnum):
    """Nothing is payable under this number any more."""

    PAID = "paid"
    CLOSED = "closed"
    CLOSING = "closing"  # the wallet has not said so yet: it may still turn out paid


Outcome = Payable | Refusal | Over


class NumberTaken(AppError):
    """Another order has the number; it is left alone."""

    code = "ORDER_CONFLICT"
    status = 409
    title = "这个订单号已用于另一笔订单"
    steps = ("先前那笔订单不受影响。", "请换一个订单号。")


def lives_until(settings: Settings, wanted: datetime | None, now: datetime) -> datetime:
    """When the order is closed: as asked, within what wallets and their codes bear."""
    if wanted is None:
        return now + timedelta(seconds=settings.cpay_order_expires_s)
    most = now + timedelta(seconds=settings.cpay_order_longest_s)
    return min(max(wanted, now + LEAST), most)
