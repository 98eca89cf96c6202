"""Refund notifications: REFUND.*, or APIv2's XML where no notify_url was sent. Source: A10."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulator import second
from simulator.books import Refund, Trade
from simulator.clock import SHANGHAI
from simulator.outbox import Parcel, Sent
from simulator.parties import WechatProvider
from simulator.wechat import notify
from simulator.world import World

NAME = "wechat.refund_notify"
# APIv2's words for the money that a refund comes out of, by APIv3's.
V2_FUNDS = {
    "UNSETTLED": "REFUND_SOURCE_UNSETTLED_FUNDS",
    "AVAILABLE": "REFUND_SOURCE_RECHARGE_FUNDS",
}
# … and for how a refund stands.
V2_STATES = {
    "SUCCESS": "SUCCESS",
    "PROCESSING": "PROCESSING",
    "CLOSED": "REFUNDCLOSE",
    "ABNORMAL": "CHANGE",
}
SUMMARIES = {"SUCCESS": "退款成功", "ABNORMAL": "退款异常", "CLOSED": "退款关闭"}


def post(world: World, provider: WechatProvider, trade: Trade, refund: Refund) -> None:
    """Tell how the refund ended; nobody where neither the refund nor its order named an address."""
    url = refund.facts["notify_url"]
    if not url:
        v2_url = refund.facts.get("v2_notify_url") or trade.facts.get("notify_url")
        if v2_url:
            _post_v2(world, provider, trade, refund, v2_url)
        return

    def body(event_id: str, created: str) -> bytes:
        event = (f"REFUND.{refund.state}", SUMMARIES[refund.state], "refund")
        key = second.apiv3_key(world, provider)
        return notify.sealed_event(key, event_id, created, event, _said(world, trade, refund))

    notify.post(world, provider, NAME, trade.out_trade_no, url, body)


def _said(world: World, trade: Trade, refund: Refund) -> dict[str, Any]:
    more = 1 if world.faults.take("wrong_amount", NAME) else 0
    said: dict[str, Any] = {
        "sp_mchid": trade.mchid,
        "sub_mchid": trade.sub_mchid,
        "transaction_id": trade.transaction_id,
        "out_trade_no": trade.out_trade_no,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "refund_status": refund.state,
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": trade.amount_fen,
            "refund": refund.amount_fen + more,
            "payer_total": trade.amount_fen,
            "payer_refund": refund.amount_fen + more,
        },
    }
    if "success_time" in refund.facts:
        said["success_time"] = refund.facts["success_time"]
    return said


def _post_v2(
    world: World, provider: WechatProvider, trade: Trade, refund: Refund, url: str
) -> None:
    def build() -> Sent:
        body = _xml(
            {
                "return_code": "SUCCESS",
                "appid": trade.facts["sp_appid"],
                "mch_id": trade.mchid,
                "sub_mch_id": trade.sub_mchid,
                "nonce_str": secrets.token_hex(16),
                "req_info": _sealed_v2(
                    second.apiv2_key(world, provider), _xml(_said_v2(trade, refund), "root")
                ),
            }
        )
        return Sent(url, {"Content-Type": "text/xml"}, body.encode())

    def accepted(status: int, answer: bytes) -> bool:
        return status == 200 and b"SUCCESS" in answer

    parcel = Parcel(NAME, trade.out_trade_no, build, accepted, notify.WAITS)
    world.outbox.post(parcel)


def _said_v2(trade: Trade, refund: Refund) -> dict[str, str]:
    said = {
        "transaction_id": str(trade.transaction_id),
        "out_trade_no": trade.out_trade_no,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "total_fee": str(trade.amount_fen),
        "refund_fee": str(refund.amount_fen),
        "cash_refund_fee": str(refund.amount_fen),
        "settlement_refund_fee": str(refund.amount_fen),
        "refund_status": V2_STATES[refund.state],
        "refund_recv_accout": "支付用户零钱",
        "refund_account": V2_FUNDS[refund.facts["funds_account"]],
        "refund_request_source": "API",
    }
    if "success_time" in refund.facts:
        at = datetime.fromisoformat(refund.facts["success_time"]).astimezone(SHANGHAI)
        said["success_time"] = f"{at:%Y-%m-%d %H:%M:%S}"
    return said


def _xml(fields: dict[str, str], root: str = "xml") -> str:
    inside = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<{root}>{inside}</{root}>"


def _sealed_v2(apiv2_key: str, text: str) -> str:
    """AES-256-ECB, PKCS7, under the lower-case hex MD5 of the APIv2 key."""
    key = hashlib.md5(apiv2_key.encode(), usedforsecurity=False).hexdigest().encode()
    padder = padding.PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
