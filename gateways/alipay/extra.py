"""What a merchant's own system may say about an order, on Alipay's wire; pure (alipay.md 4.1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gateways.money import yuan_from_fen
from gateways.ordering import Basket, Extras

_GOODS_ID_LENGTH = 64
_GOODS_NAME_LENGTH = 256
_PASSBACK_LENGTH = 512  # URL-encoded


def added(content: dict[str, Any], extras: Extras) -> dict[str, Any]:
    """biz_content with what Alipay knows of it. Our own extend_params win over the caller's."""
    made = dict(content)
    if extras.discountable_fen is not None:
        made["discountable_amount"] = yuan_from_fen(extras.discountable_fen)
    if extras.disabled_channels:
        made["disable_pay_channels"] = extras.disabled_channels
    if extras.extend:
        made["extend_params"] = {**extras.extend, **made.get("extend_params", {})}
    if extras.basket is not None and extras.basket.goods:
        made["goods_detail"] = _goods(extras.basket)
    if extras.attach:
        made["passback_params"] = _passback(extras.attach)
    return made


def _passback(words: str) -> str:
    """URL-encoded by the sender, as Alipay wants it (alipay.md 2.2); cut between characters."""
    made = ""
    for letter in words:
        more = quote(letter, safe="")
        if len(made) + len(more) > _PASSBACK_LENGTH:
            break
        made += more
    return made


def _goods(basket: Basket) -> list[dict[str, Any]]:
    return [
        {
            "goods_id": one.goods_id[:_GOODS_ID_LENGTH],
            "goods_name": (one.name or one.goods_id)[:_GOODS_NAME_LENGTH],
            "quantity": one.quantity,
            "price": yuan_from_fen(one.price_fen),
        }
        for one in basket.goods
    ]
