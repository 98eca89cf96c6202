"""A Cloud Pay client of the tests, written from the protocol's description and not from our code.

It signs the exact string that it sends, checks every reply as the strictest clients do, and gives
back the parsed content.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import Merchant, Store
from models.provider import Provider
from services.demo_info import demo_info
from services.merchants.keys import live_keys
from tests.harness.product import Product

WITHOUT_CODE = (3, 101)


def code_of(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


@dataclass
class Till:
    """One till of one merchant's shop."""

    http: FlaskClient
    out_mch_id: str
    out_sub_mch_id: str
    out_shop_id: str
    key: str = field(repr=False)
    prefix: str
    answers: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, product: Product, merchant: int = 0, shop: int = 0) -> Till:
        """A till of the demo's `merchant`-th merchant."""
        info = demo_info(product.deps)
        its = info["merchants"][merchant]
        return cls(
            product.app.test_client(),
            info["provider"]["out_mch_id"],
            its["out_sub_mch_id"],
            its["stores"][shop]["out_shop_id"],
            its["authen_key"],
            its["order_prefix"],
        )

    @classmethod
    def elsewhere(cls, product: Product, out_mch_id: str = "sz02pQWE8MNBvCxz5k7T") -> Till:
        """A till of the first merchant of the other provider."""

        def unit(session: Session) -> tuple[Any, ...]:
            found = session.execute(
                select(Merchant, Store.out_shop_id)
                .join(Provider, Provider.id == Merchant.provider_id)
                .join(Store, Store.merchant_id == Merchant.id)
                .where(Provider.out_mch_id == out_mch_id)
                .order_by(Merchant.id, Store.id)
            ).first()
            assert found is not None
            merchant, out_shop_id = found
            key = live_keys(product.deps, merchant, product.deps.now())[0]
            return merchant.out_sub_mch_id, out_shop_id, key, merchant.order_prefix

        return cls(product.app.test_client(), out_mch_id, *product.deps.transact(unit))

    def number(self) -> str:
        return self.prefix + secrets.token_hex(7)

    def mch_key(self, **more: Any) -> dict[str, Any]:
        return {
            "out_mch_id": self.out_mch_id,
            "out_sub_mch_id": self.out_sub_mch_id,
            "out_shop_id": self.out_shop_id,
            **more,
        }

    def client(self, **more: Any) -> dict[str, Any]:
        return {
            "device_id": "1",
            "staff_id": "1003",
            "terminal_type": 2,
            "machine_no": "32-62-A8-14-B3-C0",
            "sdk_version": "1.0",
            "spbill_create_ip": "192.168.100.75",
            **more,
        }

    def pay(self, code: str, fen: int, number: str | None = None, **more: Any) -> dict[str, Any]:
        """The content of a micro_pay; `more` goes into pay_content."""
        return {
            "pay_content": {
                "out_trade_no": number or self.number(),
                "author_code": code,
                "total_fee": fen,
                "fee_type": "CNY",
                "body": "咖啡",
                **more,
            },
            "pay_mch_key": self.mch_key(pay_platform=1),
            "order_client": self.client(),
            "nonce_str": secrets.token_hex(16),
        }

    def call(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send and check; the parsed response_content."""
        text = json.dumps(content, ensure_ascii=False)
        return self.read(self.send(method, text))

    def send(self, method: str, text: str, key: str | None = None) -> bytes:
        code = code_of(key or self.key, text)
        body = {
            "request_content": text,
            "authen_info": {"a": {"authen_type": 1, "authen_code": code}},
        }
        return self.post(method, json.dumps(body).encode())

    def post(self, method: str, raw: bytes) -> bytes:
        answered = self.http.post(f"/cpay/{method}", data=raw, content_type="application/json")
        assert answered.status_code == 200
        sent: bytes = answered.data
        return sent

    def read(self, raw: bytes) -> dict[str, Any]:
        """Check as C, Java and Go clients together do."""
        assert raw.isascii()
        outer = json.loads(raw)
        text = outer["response_content"]
        assert isinstance(text, str)
        content: dict[str, Any] = json.loads(text)
        for name, kind in (
            ("status", int), ("description", str), ("log_id", int), ("internal_status", int),
        ):  # fmt: skip
            assert isinstance(content[name], kind), name
        if content["status"] in WITHOUT_CODE:
            assert "authen_info" not in outer
        else:
            proof = outer["authen_info"]["a"]
            assert proof == {"authen_type": 1, "authen_code": code_of(self.key, text)}
        self.answers.append(content)
        return content

    def brief(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
        """The compact envelope of devices."""
        text = json.dumps(content, ensure_ascii=False)
        raw = self.post(method, json.dumps({"r": text, "a": code_of(self.key, text)}).encode())
        outer = json.loads(raw)
        found: dict[str, Any] = json.loads(outer["rc"])
        if found["s"] in WITHOUT_CODE:
            assert "a" not in outer
        else:
            assert outer["a"] == code_of(self.key, outer["rc"])
        return found
