"""A provider with an address, and what its receiver does with what it hears."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

from gateways.outgoing.sender import CallbackSender
from models.provider import Provider
from services.accounts import seal_place
from services.callbacks.sweep import Outcome, claim_due, deliver
from services.deps import Deps
from services.onboarding import set_callback
from tests.harness.product import Product
from tests.harness.receiver import Heard, Receiver
from tests.integration.refunds.helping import MakePhone, pay

__all__ = ["MakePhone", "pay"]

OTHER = "sz02pQWE8MNBvCxz5k7T"
MAIN = "sz01lXKA6DKGjNzr2l4B"


def opened(product: Product, **more: Any) -> Deps:
    """The product's own parts, with a sender that may call this machine."""
    sender = CallbackSender(allow_private=True, allow_http=True, **{"whole_s": 2.0, **more})
    return with_sender(product, sender)


def with_sender(product: Product, sender: Any) -> Deps:
    return replace(product.deps, gateways=replace(product.deps.gateways, callbacks=sender))


def tell(
    product: Product, there: Receiver, *, on_refund: bool = False, out_mch_id: str = MAIN
) -> None:
    """The provider gives the receiver's address."""
    set_callback(opened(product), out_mch_id, there.url(), on_refund=on_refund, actor="test:a")


def post(deps: Deps) -> list[Outcome]:
    """Meet every callback that is due, one after the other, as the worker does."""
    outcomes = []
    while claims := claim_due(deps, 10):
        outcomes += [deliver(deps, claim) for claim in claims]
    return outcomes


def callbacks(product: Product) -> list[Any]:
    return product.sql("SELECT * FROM callback ORDER BY id")


def key_of(product: Product, out_mch_id: str = MAIN) -> str:
    """The provider's key, as it was told when it was made."""
    row = product.one(
        "SELECT seal_key, authen_key_sealed AS sealed FROM provider WHERE out_mch_id = :m",
        m=out_mch_id,
    )
    place = seal_place(Provider.__tablename__, "authen_key_sealed", row.seal_key)
    return product.deps.ring.open(row.sealed, place)


def understood(heard: Heard, authen_key: str) -> dict[str, Any]:
    """What an existing Cloud Pay receiver does: check the code over the text, then read it."""
    outer = json.loads(heard.body)
    assert set(outer) == {"request_content", "authen_info"}
    said = outer["authen_info"]["a"]
    text = outer["request_content"]
    assert isinstance(text, str)
    code = hmac.new(authen_key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
    assert said == {"authen_type": 1, "authen_code": code}
    assert heard.body.isascii()
    found: dict[str, Any] = json.loads(text)
    return found
