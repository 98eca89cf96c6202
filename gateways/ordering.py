"""What a merchant's own system may say about an order, beyond what every order has.

All of it is optional and a wallet takes what it knows of it. Money is integer fen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Product(StrEnum):
    """How the payer comes to the wallet's sheet; the words are WeChat's paths."""

    JSAPI = "jsapi"  # from a page or a mini program inside of the wallet
    NATIVE = "native"  # by scanning a code that is made for this one order
    H5 = "h5"  # from a page in another browser of the phone
    APP = "app"  # from the merchant's own app


@dataclass(frozen=True, slots=True)
class Goods:
    """One line of a receipt."""

    goods_id: str
    name: str
    quantity: int
    price_fen: int  # of one


@dataclass(frozen=True, slots=True)
class Basket:
    """单品: what coupons on single goods are reckoned by."""

    goods: tuple[Goods, ...] = ()
    cost_fen: int | None = None  # of the whole receipt, where it is paid in parts
    receipt_id: str = ""


@dataclass(frozen=True, slots=True)
class BrowserScene:
    """Where an H5 order is paid from. `kind`: Wap, iOS, Android."""

    payer_ip: str = field(repr=False)
    kind: str
    app_name: str = ""
    app_url: str = ""
    bundle_id: str = ""
    package_name: str = ""


@dataclass(frozen=True, slots=True)
class Extras:
    """`no_credit` and `scene` are WeChat's; discounts, channels and `extend` Alipay's."""

    attach: str = ""  # the caller's own words, cut to what the wallet takes
    no_credit: bool = False
    basket: Basket | None = None
    scene: BrowserScene | None = None
    discountable_fen: int | None = None
    disabled_channels: str = ""
    extend: Mapping[str, str] = field(default_factory=dict)


NONE = Extras()
