"""Signed one-off links, as a merchant's own system makes them; and other things a test sets up."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from models.merchant import Merchant
from services.accounts import seal_place
from services.disposable import SIGNED
from tests.harness.product import Product

PATH = "/cpay/qrcode_disposable_payment"
NUMBER = "sz0100qhcsB0417001"


def one_off(product: Product, **changes: Any) -> str:
    """A link to pay ¥57.00 at 青禾茶事 once; `sign="…"` or other values to make it wrong."""
    values: dict[str, str] = {
        "out_shop_id": "qinghe-hubin",
        "total_fee": "5700",
        "trade_num": NUMBER,
        "ts": str(int(time.time())),
        "nonce": "n1",
    }
    sign = changes.pop("sign", "")
    values |= {name: str(value) for name, value in changes.items()}
    signed = "&".join(f"{name}={values[name]}" for name in SIGNED)
    right = hmac.new(_key(product).encode(), signed.encode(), hashlib.sha256).hexdigest().upper()
    return f"{PATH}?{urlencode({**values, 'sign': sign or right})}"


def _key(product: Product) -> str:
    def unit(session: Any) -> Merchant:
        found = session.scalar(select(Merchant).where(Merchant.order_prefix == "sz0100qhcs"))
        assert found is not None
        merchant: Merchant = found
        return merchant

    merchant = product.deps.transact(unit)
    place = seal_place("merchant", "authen_key_sealed", merchant.seal_key)
    key = product.deps.ring.open(merchant.authen_key_sealed, place)
    return key if isinstance(key, str) else key.decode()
