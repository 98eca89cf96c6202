"""One content that succeeds, for every method of the API: what the generated tests start from.

Written from the protocol's description. `Party` is a till with things of every kind that its
merchant owns; a maker takes it and gives the content of one call that answers status 0.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.harness.cloudpay import Till
from tests.harness.product import Product

Content = dict[str, Any]
FEN = 600


@dataclass
class Party:
    """A merchant's till and the ids that only this merchant owns."""

    product: Product
    till: Till
    ids: dict[str, str] = field(default_factory=dict)

    def code(self, wallet: str = "wechat") -> str:
        said = self.product.simulator.post(f"/sim/{wallet}/paycode", {"person": "zhou"})
        return str(said["auth_code"])

    def trade(self, platform: int = 1, **members: Any) -> Content:
        return {
            **members,
            "pay_mch_key": self.till.mch_key(pay_platform=platform),
            "order_client": self.till.client(),
            "nonce_str": secrets.token_hex(16),
        }

    def paid(self) -> str:
        """A new order, paid by a payment code."""
        number = self.till.number()
        said = self.till.call("micro_pay", self.till.pay(self.code(), FEN, number))
        assert said["status"] == 0, said
        return number

    def waiting(self) -> str:
        """A new order that nobody has paid."""
        content = MAKERS["scan_code_pay"](self)
        said = self.till.call("scan_code_pay", content)
        assert said["status"] == 0, said
        return str(content["pay_content"]["out_trade_no"])

    def refunded(self) -> tuple[str, str]:
        """(order, refund): accepted, a part of it."""
        order = self.paid()
        content = MAKERS["refund"](self, order)
        said = self.till.call("refund", content)
        assert said["status"] == 0, said
        return order, str(content["refund_content"]["out_refund_no"])


def _pay(party: Party, **more: Any) -> Content:
    return {
        "out_trade_no": party.till.number(),
        "total_fee": FEN,
        "fee_type": "CNY",
        "body": "咖啡",
        **more,
    }


def _jsapi(party: Party) -> Content:
    content = party.trade(pay_content=_pay(party), trade_type=3)
    payer = {"sub_open_id": party.ids["sub_open_id"]} if "sub_open_id" in party.ids else {
        "open_id": party.ids["open_id"]
    }  # fmt: skip
    content["pay_mch_key"]["wxpay_pay_mch_key_ext"] = payer
    return content


def _refund(party: Party, order: str | None = None) -> Content:
    return party.trade(
        refund_content={
            "out_trade_no": order or party.paid(),
            "out_refund_no": party.till.number(),
            "total_fee": FEN,
            "refund_fee": 100,
            "refund_fee_type": "CNY",
        }
    )


def _query_refund(party: Party) -> Content:
    order, refund = party.refunded()
    return party.trade(out_trade_no=order, out_refund_no=refund)


def _list(party: Party, **more: Any) -> Content:
    now = int(time.time())
    return {
        "out_sub_mch_id": party.till.out_sub_mch_id,
        "out_shop_id": party.till.out_shop_id,
        "order_type": 3,
        "start_time": now - 86_400,
        "end_time": now + 86_400,
        "nonce_str": secrets.token_hex(16),
        **more,
    }


def _shops(party: Party, **more: Any) -> Content:
    return {
        "out_mch_id": party.till.out_mch_id,
        "out_sub_mch_id": party.till.out_sub_mch_id,
        "nonce_str": secrets.token_hex(16),
        **more,
    }


def _client(party: Party, **more: Any) -> Content:
    return {
        **_shops(party),
        "out_shop_id": party.till.out_shop_id,
        "order_client": party.till.client(),
        **more,
    }


def _brief(party: Party, **more: Any) -> Content:
    return {"osi": party.till.out_shop_id, "ns": secrets.token_hex(16), **more}


def _brief_list(party: Party, **more: Any) -> Content:
    now = int(time.time())
    return _brief(
        party, spps=[], osmi=party.till.out_sub_mch_id, di="1", ot=3, st=now - 86_400,
        et=now + 86_400, **more,
    )  # fmt: skip


Maker = Callable[..., Content]
MAKERS: dict[str, Maker] = {
    "micro_pay": lambda p: p.till.pay(p.code(), FEN),
    "scan_code_pay": lambda p: p.trade(pay_content=_pay(p)),
    "official_account_pay": _jsapi,
    "query_order": lambda p: p.trade(out_trade_no=p.paid()),
    "close_order": lambda p: p.trade(out_trade_no=p.waiting(), trade_type=2),
    "reverse": lambda p: p.trade(out_trade_no=p.paid()),
    "refund": _refund,
    "query_refund_order": _query_refund,
    "query_order_list": lambda p: _list(p, page_num=1, page_size=50),
    "query_order_list_overview": _list,
    "query_sub_mch_shop_info": lambda p: _shops(p, page_num=1, page_size=10),
    "sdk_query_sub_mch_info": lambda p: _shops(p, page_num=1, page_size=1),
    "brief_micro_pay": lambda p: _brief(
        p, sc="BF_M100_BF91RA00001", otn=p.till.number(), ac=p.code(), tf=FEN, bd="咖啡", di="1",
        stt=1111,
    ),
    "brief_query_order": lambda p: _brief(p, otn=p.paid()),
    "brief_query_order_list": lambda p: _brief_list(p, pn=1, ps=10),
    "brief_query_order_list_overview": _brief_list,
}  # fmt: skip
