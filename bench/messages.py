"""WeChat's notifications as the simulator sends them, made beforehand: signing is not measured."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.stack import MAIN, Stack
from gateways import rsa


def _china_time() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600))


class Sender:
    """Signs and seals with the simulator's own test keys."""

    def __init__(self, stack: Stack) -> None:
        said = requests.get(f"{stack.sim_url}/sim/credentials", timeout=10).json()["wechat"]
        keys = json.loads((stack.settings.data_dir / "sim" / "keys.json").read_text())
        self.wechat: dict[str, Any] = said
        self.key: RSAPrivateKey = rsa.private_key(keys[f"wechat-public:{said['sp_mchid']}"])
        self._cipher = AESGCM(said["apiv3_key"].encode())
        self._port = stack.settings.port

    def trade(self, out_trade_no: str, payer: str = "oSim" + "0" * 24) -> dict[str, Any]:
        """A success of 12.34 yuan."""
        return {
            "sp_mchid": self.wechat["sp_mchid"],
            "sub_mchid": "1900000109",
            "sp_appid": self.wechat["sp_appid"],
            "out_trade_no": out_trade_no,
            "transaction_id": f"4200{out_trade_no[-24:]}",
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": _china_time(),
            "payer": {"sp_openid": payer},
            "amount": {
                "total": 1234,
                "payer_total": 1234,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }

    def request(self, out_trade_no: str) -> bytes:
        nonce, sealed = secrets.token_hex(6), json.dumps(self.trade(out_trade_no)).encode()
        text = self._cipher.encrypt(nonce.encode(), sealed, b"transaction")
        body = json.dumps(
            {
                "id": f"EV-{secrets.token_hex(12)}",
                "create_time": _china_time(),
                "resource_type": "encrypt-resource",
                "event_type": "TRANSACTION.SUCCESS",
                "summary": "支付成功",
                "resource": {
                    "original_type": "transaction",
                    "algorithm": "AEAD_AES_256_GCM",
                    "ciphertext": base64.b64encode(text).decode(),
                    "associated_data": "transaction",
                    "nonce": nonce,
                },
            },
            ensure_ascii=False,
        ).encode()
        stamp, mark = str(int(time.time())), secrets.token_hex(16)
        signature = rsa.sign(self.key, f"{stamp}\n{mark}\n".encode() + body + b"\n")
        head = (
            f"POST /notify/wechat/{MAIN} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            "User-Agent: Mozilla/4.0\r\nContent-Type: application/json\r\nAccept: */*\r\n"
            f"Wechatpay-Timestamp: {stamp}\r\nWechatpay-Nonce: {mark}\r\n"
            f"Wechatpay-Signature: {signature}\r\n"
            f"Wechatpay-Serial: {self.wechat['public_key_id']}\r\n"
            "Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
