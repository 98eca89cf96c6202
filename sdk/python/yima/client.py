"""One shop's client. Calls are synchronous; a lost answer is asked for again, unchanged."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from types import TracebackType

import httpx

from yima.errors import Refused, Undecided
from yima.payments import Payment, PaymentAsked, payment_of
from yima.refunds import Refund, RefundAsked, refunds_of
from yima.wire import DEFINITE, Json, NotGenuine, read, seal

SDK_VERSION = "yima-py0.1"  # at most ten characters
_ANSWER_S = 10.0
_AGAIN_S = 3.0


@dataclass(frozen=True)
class Shop:
    """Whose money it is: the ids and the merchant's key, as the console shows them."""

    out_mch_id: str
    out_sub_mch_id: str
    out_shop_id: str
    authen_key: str = field(repr=False)
    device_id: str = "1"
    staff_id: str = ""


class Yima:
    """`base_url` is the platform's address without a path, e.g. `https://pay.example.com`."""

    def __init__(
        self, base_url: str, shop: Shop, *, http: httpx.Client | None = None, patience_s: float = 30
    ) -> None:
        """`patience_s`: how long a call that gets no decisive answer is repeated, unchanged."""
        self.shop = shop
        self._base = base_url.rstrip("/")
        self._http = http or httpx.Client(timeout=_ANSWER_S)
        self._patience_s = patience_s

    def __enter__(self) -> Yima:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def micro_pay(
        self,
        out_trade_no: str,
        author_code: str,
        total_fee: int,
        *,
        body: str = "",
        attach: str = "",
        pay_platform: int | None = None,
    ) -> PaymentAsked:
        """Charge the code that a payer shows, `total_fee` fen. Raises Refused, Undecided."""
        pay: Json = {
            "out_trade_no": out_trade_no,
            "author_code": author_code,
            "total_fee": total_fee,
            "fee_type": "CNY",
        }
        if body:
            pay["body"] = body
        if attach:
            pay["attach"] = attach
        platform = {} if pay_platform is None else {"pay_platform": pay_platform}
        said = self.call("micro_pay", self._trade(platform, pay_content=pay))
        return PaymentAsked(self, payment_of(said["micro_pay"]["order_content"]))

    def scan_code_pay(
        self, out_trade_no: str, total_fee: int, *, pay_platform: int, body: str = ""
    ) -> str:
        """The text of a QR code that a payer of that wallet scans. Raises Refused, Undecided."""
        pay = {
            "out_trade_no": out_trade_no,
            "total_fee": total_fee,
            "fee_type": "CNY",
            "body": body,
        }
        said = self.call(
            "scan_code_pay", self._trade({"pay_platform": pay_platform}, pay_content=pay)
        )
        return str(said["scan_code_pay"]["code_url"])

    def query_order(self, out_trade_no: str) -> Payment:
        """How an order stands now. Raises Refused with internal_status 400 for an unknown one."""
        said = self.call("query_order", self._trade({}, out_trade_no=out_trade_no))
        return payment_of(said["query_order"]["order_content"])

    def refund(
        self,
        out_trade_no: str,
        out_refund_no: str,
        *,
        total_fee: int,
        refund_fee: int,
        reason: str = "",
    ) -> RefundAsked:
        """Ask for money back. What is returned says that it was asked for, and no more."""
        content: Json = {
            "out_trade_no": out_trade_no,
            "out_refund_no": out_refund_no,
            "total_fee": total_fee,
            "refund_fee": refund_fee,
            "refund_fee_type": "CNY",
        }
        if reason:
            content["refund_reason"] = reason
        self.call("refund", self._trade({}, refund_content=content))
        return RefundAsked(self, out_trade_no, out_refund_no)

    def query_refund_order(self, out_trade_no: str, out_refund_no: str = "") -> list[Refund]:
        """The refunds of an order, or the one of that number; empty where there is none."""
        more = {"out_refund_no": out_refund_no} if out_refund_no else {}
        try:
            said = self.call(
                "query_refund_order", self._trade({}, out_trade_no=out_trade_no, **more)
            )
        except Refused as no:
            if no.internal_status == 426:
                return []
            raise
        return refunds_of(said["query_refund_order"]["refund_order_content"])

    def close_order(self, out_trade_no: str) -> None:
        """Nobody can pay it any more. Raises Refused where it is paid."""
        self.call("close_order", self._trade({}, out_trade_no=out_trade_no))

    def reverse(self, out_trade_no: str) -> None:
        """Undo a payment by code whose outcome is in doubt; never after internal_status 407."""
        self.call("reverse", self._trade({}, out_trade_no=out_trade_no))

    def call(self, method: str, content: Json) -> Json:
        """Any method of the API. Sends the same bytes again until something decides."""
        body = seal(content, self.shop.authen_key)
        end = time.monotonic() + self._patience_s
        while True:
            said = self._once(method, body)
            status = 3 if said is None else said["status"]
            if said is not None and status == 0:
                return said
            if said is not None and status in DEFINITE:
                raise Refused(status, said["internal_status"], said["description"], said["log_id"])
            if time.monotonic() + _AGAIN_S >= end:
                why = "no answer" if said is None else said["description"]
                raise Undecided(f"{method}: {why}; query later, with the same number")
            time.sleep(_AGAIN_S)

    def _once(self, method: str, body: bytes) -> Json | None:
        try:
            answer = self._http.post(
                f"{self._base}/cpay/{method}",
                content=body,
                headers={"content-type": "application/json"},
            )
            answer.raise_for_status()
            return read(answer.content, self.shop.authen_key)
        except (httpx.HTTPError, NotGenuine):
            return None

    def _trade(self, platform: Json, **members: object) -> Json:
        shop = self.shop
        return {
            **members,
            "pay_mch_key": {
                **platform,
                "out_mch_id": shop.out_mch_id,
                "out_sub_mch_id": shop.out_sub_mch_id,
                "out_shop_id": shop.out_shop_id,
            },
            "order_client": {
                "device_id": shop.device_id,
                "staff_id": shop.staff_id,
                "terminal_type": 100,
                "machine_no": f"py-{shop.device_id}"[:32],
                "sdk_version": SDK_VERSION,
                "spbill_create_ip": "127.0.0.1",
            },
            "nonce_str": secrets.token_hex(16),
        }
