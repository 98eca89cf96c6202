"""One account's APIv3 client: signs requests, verifies answers and notifications, keeps keys."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from errors import GatewayRejected, GatewayUnknown
from gateways import rsa, strict_json
from gateways.base import WechatAccount
from gateways.http import Answer, Transport
from gateways.wechat_pay import crypto

log = logging.getLogger("gateways")

_WINDOW_S = 300  # a signature is believed for less than five minutes, either way
_REFRESH_EVERY = timedelta(minutes=1)
_SHARE_WAIT_S = 1.0
_CERTIFICATE_SERIAL = re.compile(r"[0-9A-F]{40}")

# 4xx codes that decide nothing: throttled, or the status does not fit the code (wechat.md A5, A9).
_UNDECIDED = frozenset(
    {"SYSTEM_ERROR", "SYSTEMERROR", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "RATE_LIMITED"}
)


class BadSignature(Exception):
    """A signature that is missing, empty, stale, of an unknown key, or wrong."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The headers of a signed message."""

    serial: str
    timestamp: str
    nonce: str
    signature: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Signed:
        """Take them from headers (looked up in lower case); BadSignature if one is missing."""
        kind = headers.get("wechatpay-signature-type")
        found = cls(
            serial=headers.get("wechatpay-serial") or "",
            timestamp=headers.get("wechatpay-timestamp") or "",
            nonce=headers.get("wechatpay-nonce") or "",
            signature=headers.get("wechatpay-signature") or "",
        )
        if not (found.serial and found.timestamp and found.nonce and found.signature):
            raise BadSignature("a signature header is missing or empty")
        if kind and kind != crypto.SCHEME:
            raise BadSignature("another signature type")
        return found


class WechatPayClient:
    """The client of one (account_key, version). Thread-safe; the merchant is named per call."""

    def __init__(
        self,
        account: WechatAccount,
        *,
        base: str,
        transport: Transport,
        now: Callable[[], datetime],
    ) -> None:
        """Load the keys. ValueError, without a word of them, when one is not usable."""
        self._account, self._transport, self._now = account, transport, now
        self._base, self._prefix = base.rstrip("/"), urlsplit(base).path.rstrip("/")
        self._key = rsa.private_key(account.merchant_private_key)
        self._cipher = crypto.cipher(account.apiv3_key)
        self._keys = _configured_keys(account)
        self._refresh_lock = Lock()
        self._refreshed_at: datetime | None = None

    def call(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None = None,
        *,
        sealed_by: str = "",
    ) -> dict[str, Any]:
        """Make one call; `target` is path and query as sent. An empty answer (204) is {}.

        GatewayRejected: 4xx with a code, `upstream_code` and `facts["number"]` (the internal
        number of Request-ID, or None). GatewayUnknown: no answer, 429, 5xx, 202, an answer that
        can not be read or whose signature is missing or wrong. Only 2xx answers are signed.
        `sealed_by` names the key of `sealing_key` where a field of the body is sealed.
        """
        raw = b"" if body is None else _compact(body)
        return self._read(self._send(method, target, raw, sealed_by or None))

    def upload(self, target: str, filename: str, kind: str, content: bytes) -> dict[str, Any]:
        """Send a picture, `kind` its media type. Errors as `call`. Only its description is signed
        (wechat.md A1)."""
        meta = _compact({"filename": filename, "sha256": hashlib.sha256(content).hexdigest()})
        mark = secrets.token_hex(16)
        parts = (
            (b'name="meta"\r\nContent-Type: application/json', meta),
            (
                f'name="file"; filename="{filename}"\r\nContent-Type: {kind}'.encode(),
                content,
            ),
        )
        head = f"--{mark}\r\nContent-Disposition: form-data; ".encode()
        body = b"".join(head + words + b"\r\n\r\n" + part + b"\r\n" for words, part in parts)
        body += f"--{mark}--\r\n".encode()
        form = f"multipart/form-data; boundary={mark}"
        return self._read(self._send("POST", target, body, signed=meta, kind=form))

    def sealing_key(self) -> tuple[str, RSAPublicKey]:
        """The key that sensitive fields are encrypted to, with the serial that names it.

        WeChat's public key, or the platform certificate that began last (wechat.md A3, A4).
        """
        named = self._account.public_key_id
        if named:
            return named, self._keys[named]
        items = self.call("GET", "/v3/certificates").get("data")
        try:
            newest = max(items or [], key=lambda one: datetime.fromisoformat(one["effective_time"]))
            ((serial, key),) = _certificate_keys(
                self.open(newest["encrypt_certificate"]), self._now()
            ).items()
        except (KeyError, TypeError, ValueError):
            raise GatewayUnknown("no usable platform certificate") from None
        return serial, key

    def _read(self, answer: Answer) -> dict[str, Any]:
        if not 200 <= answer.status < 300:
            raise _refusal(answer)
        if not self._is_genuine(answer):
            raise GatewayUnknown("the answer's signature is missing or wrong")
        if answer.status not in (200, 204):
            raise GatewayUnknown(f"HTTP {answer.status}")
        return _content(answer)

    def ask(self, target: str, *, named: str) -> Answer:
        """One signed GET, its answer as it came: nothing of it is verified or decided.

        `named` is the key that the answer is to be signed with (Wechatpay-Serial), "" for none.
        """
        return self._send("GET", target, b"", named)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Check a message of WeChat's by the key it names; BadSignature when it does not hold.

        `headers` are looked up in lower case. An unknown serial asks once for new certificates,
        at most once a minute; `WECHATPAY/SIGNTEST/` probes fail as any wrong signature does.
        """
        signed = Signed.of(headers)
        _check_fresh(signed, now)
        key = self._keys.get(signed.serial) or self._key_after_refresh(signed.serial)
        if key is None:
            raise BadSignature("signed with a key that we do not hold")
        _check(key, signed, body)

    def open(self, resource: dict[str, Any]) -> bytes:
        """Decrypt a notification's resource; ValueError when it does not open."""
        return crypto.decrypt(self._cipher, resource)

    def bridge(self, prepay_id: str, appid: str = "") -> dict[str, str]:
        """Sign the parameters of WeixinJSBridge's getBrandWCPayRequest, for `appid`'s page or
        mini program (sp_appid's where none is named)."""
        timestamp, nonce = str(int(self._now().timestamp())), secrets.token_hex(16)
        appid, package = appid or self._account.sp_appid, f"prepay_id={prepay_id}"
        return {
            "appId": appid,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": crypto.pay_sign(self._key, appid, timestamp, nonce, package),
        }

    def app_bridge(self, prepay_id: str, appid: str, partner_id: str) -> dict[str, str]:
        """Sign the parameters that an app hands to WeChat's SDK: the bare prepay_id is signed
        (wechat.md A6). `partner_id` is the merchant's sub_mchid."""
        timestamp, nonce = str(int(self._now().timestamp())), secrets.token_hex(16)
        return {
            "appid": appid,
            "partnerid": partner_id,
            "prepayid": prepay_id,
            "package": "Sign=WXPay",
            "noncestr": nonce,
            "timestamp": timestamp,
            "sign": crypto.pay_sign(self._key, appid, timestamp, nonce, prepay_id),
        }

    def download_headers(self, target: str) -> dict[str, str]:
        """What a download is asked with: signed as any request, its answer is not (wechat.md A11).

        `target` is path and query of the address as WeChat gave it.
        """
        return {
            "Authorization": self._authorization("GET", target, b""),
            "Accept": "*/*",
            "User-Agent": "yima/1",
        }

    def _send(
        self,
        method: str,
        target: str,
        body: bytes,
        named: str | None = None,
        *,
        signed: bytes | None = None,
        kind: str = "application/json",
    ) -> Answer:
        """`named` is the key that sealed its fields and that the answer is to be signed with, ""
        for none. `signed` stands in for the body in the signature, where that is not the body."""
        whole = body if signed is None else signed
        headers = {
            "Authorization": self._authorization(method, self._prefix + target, whole),
            "Accept": "application/json",
            "User-Agent": "yima/1",
        }
        if body:
            headers["Content-Type"] = kind
        serial = self._account.public_key_id if named is None else named
        if serial:
            headers["Wechatpay-Serial"] = serial
        return self._transport.send(method, self._base + target, headers, body)

    def _authorization(self, method: str, target: str, body: bytes) -> str:
        timestamp, nonce = str(int(self._now().timestamp())), secrets.token_hex(16)
        message = crypto.request_message(method, target, timestamp, nonce, body)
        mchid, serial = self._account.sp_mchid, self._account.merchant_serial
        signature = rsa.sign(self._key, message)
        return crypto.authorization(mchid, serial, timestamp, nonce, signature)

    def _is_genuine(self, answer: Answer) -> bool:
        try:
            self.verify(answer.headers, answer.body, self._now())
        except BadSignature:
            return False
        return True

    def _key_after_refresh(self, serial: str) -> RSAPublicKey | None:
        """Look `serial` up after one refresh; several threads share it, none loops.

        A public key's id is not asked for (certificates only come from there), and nobody waits
        long for another's refresh: anyone can send an unknown serial.
        """
        if not _CERTIFICATE_SERIAL.fullmatch(serial):
            return None
        if self._refresh_lock.acquire(timeout=_SHARE_WAIT_S):
            try:
                self._refresh_if_due(serial)
            finally:
                self._refresh_lock.release()
        return self._keys.get(serial)

    def _refresh_if_due(self, serial: str) -> None:
        now, last = self._now(), self._refreshed_at
        if serial not in self._keys and (last is None or abs(now - last) >= _REFRESH_EVERY):
            self._refreshed_at = now
            self._refresh(now)

    def _refresh(self, now: datetime) -> None:
        try:
            found = self._downloaded_keys(now)
        except (GatewayRejected, GatewayUnknown, BadSignature, ValueError) as error:
            # An account without platform certificates is answered 404 here: nothing to add.
            facts = {"account_key": self._account.account_key, "reason": type(error).__name__}
            log.warning("platform certificates not refreshed", extra=facts)
            return
        self._keys = {**self._keys, **found}

    def _downloaded_keys(self, now: datetime) -> dict[str, RSAPublicKey]:
        """GET /v3/certificates. The answer may be signed with a certificate that it brings itself:
        that only our APIv3 key opens it is what makes the first one trustworthy."""
        answer = self._send("GET", "/v3/certificates", b"")
        if answer.status != 200:
            raise _refusal(answer)
        found: dict[str, RSAPublicKey] = {}
        for sealed in _sealed_certificates(answer.body):
            found.update(_certificate_keys(self.open(sealed), now))
        signed = Signed.of(answer.headers)
        _check_fresh(signed, now)
        key = {**found, **self._keys}.get(signed.serial)
        if key is None:
            raise BadSignature("signed with a key that we do not hold")
        _check(key, signed, answer.body)
        return found


def _configured_keys(account: WechatAccount) -> dict[str, RSAPublicKey]:
    """Serial to key, looked up by exact value: in a switch both kinds arrive (wechat.md A2)."""
    keys: dict[str, RSAPublicKey] = {}
    for pem in account.platform_certificates:
        keys.update(_certificate_keys(pem, None))
    for name, pem in account.older_public_keys:
        keys[name] = rsa.public_key(pem)
    if account.public_key_id:
        keys[account.public_key_id] = rsa.public_key(account.public_key)
    return keys


def _sealed_certificates(body: bytes) -> list[dict[str, Any]]:
    items = strict_json.loads(body).get("data")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("not a list of certificates")
    sealed = [item.get("encrypt_certificate") for item in items]
    return [one for one in sealed if isinstance(one, dict)]


def _certificate_keys(pem: str | bytes, now: datetime | None) -> dict[str, RSAPublicKey]:
    found = rsa.certificate(pem)
    if now is not None and now >= found.not_valid_after_utc:
        return {}
    key = found.public_key()
    assert isinstance(key, RSAPublicKey)  # rsa.certificate has looked
    return {f"{found.serial_number:040X}": key}


def _check_fresh(signed: Signed, now: datetime) -> None:
    digits = signed.timestamp
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise BadSignature("not a time")
    if abs(now.timestamp() - int(digits)) >= _WINDOW_S:
        raise BadSignature("older or newer than five minutes")


def _check(key: RSAPublicKey, signed: Signed, body: bytes) -> None:
    message = crypto.answer_message(signed.timestamp, signed.nonce, body)
    if not rsa.verify(key, message, signed.signature):
        raise BadSignature("the signature is wrong")


def _compact(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _content(answer: Answer) -> dict[str, Any]:
    if not answer.body:
        return {}
    try:
        return strict_json.loads(answer.body)
    except ValueError:
        raise GatewayUnknown("the answer can not be read") from None


def _refusal(answer: Answer) -> GatewayRejected | GatewayUnknown:
    """What an answer other than 2xx means; such answers carry no signature."""
    try:
        found = strict_json.loads(answer.body)
        code = strict_json.word(found, "code")
    except ValueError:
        found, code = {}, None
    if not 400 <= answer.status < 500 or answer.status == 429 or not code or code in _UNDECIDED:
        return GatewayUnknown(f"HTTP {answer.status} {code or ''}".rstrip(), upstream_code=code)
    message = str(found.get("message") or "")[:200]
    number, field = _internal_number(answer), _field(found.get("detail"))
    return GatewayRejected(code, message, number=number, status=answer.status, field=field)


def _field(detail: Any) -> str:
    """Which field of the body stands against it, as WeChat writes it; "" where it does not say."""
    named = detail.get("field") if isinstance(detail, dict) else None
    return named[:200] if isinstance(named, str) else ""


def _internal_number(answer: Answer) -> int | None:
    """The digits after the last `-` of Request-ID: what WeChat's support calls the error number."""
    digits = (answer.headers.get("request-id") or "").rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else None
