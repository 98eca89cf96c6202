"""An integrator's client, written from the specification alone (wechat.md A1, A2, A4, A6)."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BASE = "/v3/pay/partner/transactions"
FRESH_S = 1.0  # a connection that has waited longer is not trusted
HEADERS = {"Accept": "application/json", "User-Agent": "independent-client/1"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"]) if self.body else ""

    @property
    def number(self) -> int:
        """The digits after the last "-" of Request-ID."""
        return int(self.headers["request-id"].rpartition("-")[2])


@dataclass
class Changes:
    """What a test does wrong on purpose."""

    timestamp: int | None = None
    nonce: str | None = None
    key: rsa.RSAPrivateKey | None = None
    serial: str | None = None
    mchid: str | None = None
    sent_body: bytes | None = None  # after signing
    signed_target: str | None = None
    authorization: str | None = None
    request_line: str | None = None  # e.g. absolute-form
    headers: dict[str, str | None] = field(default_factory=dict)  # None removes


class Merchant:
    """Signs as one service provider; `creds` is the wechat part of GET /sim/credentials."""

    def __init__(self, url: str, creds: dict[str, Any]) -> None:
        self.host = url.removeprefix("http://")
        self.creds = creds
        key = serialization.load_pem_private_key(creds["merchant_private_key"].encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key = key
        self._line: http.client.HTTPConnection | None = None
        self._used = 0.0

    # --- requests ---

    def call(
        self, method: str, target: str, body: Any = None, changes: Changes | None = None
    ) -> Answer:
        """`body`: None, bytes as they are, or anything JSON."""
        wrong = changes or Changes()
        raw = body if isinstance(body, bytes) else b"" if body is None else dumps(body)
        headers: dict[str, str | None] = {**HEADERS}
        if body is not None:
            headers["Content-Type"] = "application/json"
        headers["Authorization"] = wrong.authorization or self.authorization(
            method, wrong.signed_target or target, raw, wrong
        )
        headers |= wrong.headers
        sent = raw if wrong.sent_body is None else wrong.sent_body
        return self.send(method, wrong.request_line or target, sent, headers)

    def authorization(
        self, method: str, target: str, body: bytes, wrong: Changes | None = None
    ) -> str:
        w = wrong or Changes()
        stamp = str(int(time.time()) if w.timestamp is None else w.timestamp)
        nonce = w.nonce or secrets.token_hex(16).upper()
        text = f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        said = {
            "mchid": w.mchid or self.creds["sp_mchid"],
            "nonce_str": nonce,
            "signature": rsa_sign(w.key or self.key, text),
            "timestamp": stamp,
            "serial_no": w.serial or self.creds["merchant_serial"],
        }
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{k}="{v}"' for k, v in said.items())

    def send(self, method: str, target: str, body: bytes, headers: dict[str, str | None]) -> Answer:
        if time.monotonic() - self._used > FRESH_S:
            self.hang_up()  # the server may have let go of it by now
        self._used = time.monotonic()
        if self._line is None:
            self._line = http.client.HTTPConnection(self.host, timeout=20)
        line = self._line
        try:
            line.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                if value is not None:
                    line.putheader(name, value)
            if body or method == "POST":
                line.putheader("Content-Length", str(len(body)))
            line.endheaders(body or None)
            answer = line.getresponse()
            said = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, said, answer.read())
        except (http.client.HTTPException, OSError):
            self.hang_up()
            raise

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    # --- what the tests do all the time ---

    def parties(self, **more: Any) -> dict[str, Any]:
        return {
            "sp_mchid": self.creds["sp_mchid"],
            "sub_mchid": self.creds["sub_mchid"],
        } | more

    def order(self, openid: str = "", **more: Any) -> dict[str, Any]:
        """The thinnest JSAPI order; without openid, of the other products."""
        body = self.parties(
            sp_appid=self.creds["sp_appid"],
            description="青禾茶事-柜台",
            out_trade_no=trade_no(),
            notify_url="https://pay.example.com/notify/wechat",
            amount={"total": 1230, "currency": "CNY"},
        )
        if openid:
            body["payer"] = {"sp_openid": openid}
        return body | more

    def place(self, body: dict[str, Any], product: str = "jsapi") -> Answer:
        return self.call("POST", f"{BASE}/{product}", body)

    def query(self, out_trade_no: str, **more: Any) -> Answer:
        who = self.parties(**more)
        query = f"sp_mchid={who['sp_mchid']}&sub_mchid={who['sub_mchid']}"
        return self.call("GET", f"{BASE}/out-trade-no/{out_trade_no}?{query}")

    def close(self, out_trade_no: str, **more: Any) -> Answer:
        return self.call("POST", f"{BASE}/out-trade-no/{out_trade_no}/close", self.parties(**more))

    def bridge(self, prepay_id: str, appid: str = "", **more: str) -> dict[str, Any]:
        """Parameters of getBrandWCPayRequest."""
        appid = appid or self.creds["sp_appid"]
        stamp, nonce, package = (
            str(int(time.time())),
            secrets.token_hex(16),
            f"prepay_id={prepay_id}",
        )
        text = f"{appid}\n{stamp}\n{nonce}\n{package}\n".encode()
        return {
            "appId": appid,
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": rsa_sign(self.key, text),
        } | more

    # --- answers and notifications ---

    def verify(self, headers: dict[str, str], body: bytes) -> str:
        """The serial that signed; raises when the signature does not hold."""
        serial = headers["wechatpay-serial"]
        text = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode()
        self.public_key(serial).verify(
            base64.b64decode(headers["wechatpay-signature"], validate=True),
            text + body + b"\n",
            padding.PKCS1v15(),
            hashes.SHA256(),
        )
        assert headers["wechatpay-signature-type"] == "WECHATPAY2-SHA256-RSA2048"
        return serial

    def public_key(self, serial: str) -> rsa.RSAPublicKey:
        built = x509.load_pem_x509_certificate(self.creds["platform_certificate"].encode())
        keys: dict[str, Any] = {
            self.creds["public_key_id"]: serialization.load_pem_public_key(
                self.creds["public_key"].encode()
            ),
            f"{built.serial_number:040X}": built.public_key(),
        }
        key = keys[serial]
        assert isinstance(key, rsa.RSAPublicKey)
        return key

    def open(self, sealed: dict[str, str]) -> bytes:
        """Decrypts with the APIv3 key."""
        assert sealed["algorithm"] == "AEAD_AES_256_GCM"
        return AESGCM(self.creds["apiv3_key"].encode()).decrypt(
            sealed["nonce"].encode(),
            base64.b64decode(sealed["ciphertext"]),
            sealed["associated_data"].encode(),
        )


def dumps(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def rsa_sign(key: rsa.RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def trade_no() -> str:
    return "T" + secrets.token_hex(12)
