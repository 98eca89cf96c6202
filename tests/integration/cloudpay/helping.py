"""Tills of the tests: what the phone shows, what the wallet was asked, what the books have."""

from __future__ import annotations

from typing import Any

from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.codepay.helping import PASSWORD, paycode

CODES = {"wechat": 1, "alipay": 2}
EXT = {1: "wxpay_order_content_ext", 2: "alipay_order_content_ext", 3: "card_order_content_ext"}


def calls(product: Product, what: str = "wechat.micropay") -> int:
    """How often the wallet was asked."""
    rows = product.simulator.get("/sim/trail")
    return sum(1 for row in rows if row["way"] in ("in", "call") and row["what"] == what)


def scan(product: Product, till: Till, wallet: str = "wechat", fen: int = 1234, **more: Any) -> Any:
    """The content of a micro_pay with a fresh code of that wallet."""
    content = till.pay(paycode(product, wallet), fen, **more)
    content["pay_mch_key"]["pay_platform"] = CODES[wallet]
    return content


def paid(product: Product, till: Till, wallet: str = "wechat", fen: int = 1234, **more: Any) -> str:
    """A paid order's number."""
    content = scan(product, till, wallet, fen, **more)
    answer = till.call("micro_pay", content)
    assert state(answer["micro_pay"]) == 2, answer
    return str(content["pay_content"]["out_trade_no"])


def waiting(product: Product, till: Till, wallet: str = "wechat", fen: int = 1234) -> str:
    """The number of an order whose payer is asked for the password."""
    product.simulator.switch(*PASSWORD[wallet])
    content = scan(product, till, wallet, fen)
    answer = till.call("micro_pay", content)
    assert state(answer["micro_pay"]) == {"wechat": 9, "alipay": 4}[wallet], answer
    return str(content["pay_content"]["out_trade_no"])


def state(result: dict[str, Any]) -> int:
    """As an SDK reads it: by the platform that the reply names."""
    ext = EXT[result["pay_mch_key"]["pay_platform"]]
    return int(result["order_content"][ext]["current_trade_state"])


def asking(till: Till, number: str, **more: Any) -> dict[str, Any]:
    """The content of a query, a closing or a reversal."""
    return {
        "out_trade_no": number,
        "pay_mch_key": till.mch_key(),
        "order_client": till.client(),
        "nonce_str": "0" * 32,
        **more,
    }


def query(till: Till, number: str) -> dict[str, Any]:
    """The result of query_order."""
    answer = till.call("query_order", asking(till, number))
    assert answer["status"] == 0, answer
    return dict(answer["query_order"])


def refusal(answer: dict[str, Any]) -> tuple[int, int]:
    return answer["status"], answer["internal_status"]
