"""One account's APIv2 client: flat XML signed with the APIv2 key, mutual TLS where it is asked.

APIv2 lives on because payment codes are paid by it alone (wechat.md A8). Every answer is HTTP 200:
`return_code` says whether WeChat could read us and, failing, is not signed; `result_code` says what
came of it and is signed like the request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from errors import GatewayUnknown
from gateways import rsa, strict_xml
from gateways.base import WechatAccount
from gateways.http import Transport

SIGN_TYPE = "HMAC-SHA256"
# Paths that want the API certificate (wechat.md A8, F).
SECURE = frozenset(
    {"/secapi/pay/reverse", "/deposit/consume", "/deposit/reverse", "/deposit/refund"}
)
# Makes the transport that presents (certificate PEM, private key PEM) to whoever asks for it.
Presenting = Callable[[str, str], Transport]


class V2Client:
    """The client of one (account_key, version). Thread-safe; the merchant is named per call, and so
    is its sub_appid, among the fields."""

    def __init__(
        self, account: WechatAccount, *, base: str, transport: Transport, presenting: Presenting
    ) -> None:
        """ValueError, without a word of a secret, when what APIv2 needs is missing or no pair."""
        if len(account.apiv2_key) != 32:
            raise ValueError("the APIv2 key has 32 characters")
        _check_pair(account)
        self._account, self._base, self._transport = account, base.rstrip("/"), transport
        self._secure = presenting(account.merchant_certificate, account.merchant_private_key)
        # A front that ends TLS before the upstream hands the certificate on in this header. Only
        # where there is no TLS to present it in: with the simulator on loopback.
        self._shown = quote(account.merchant_certificate, safe="")

    def call(self, path: str, sub_mchid: str, fields: Mapping[str, str]) -> dict[str, str]:
        """Send signed fields below our identity; the signed answer's fields, whatever they say.

        GatewayUnknown: no answer, not 200, unreadable, `return_code` FAIL, a signature that is
        missing or wrong, or an answer to somebody else.
        """
        said = {
            "appid": self._account.sp_appid,
            "mch_id": self._account.sp_mchid,
            "sub_mch_id": sub_mchid,
            "nonce_str": secrets.token_hex(16),
            "sign_type": SIGN_TYPE,
            **{name: value for name, value in fields.items() if value},
        }
        said["sign"] = signature(said, self._account.apiv2_key)
        return self._read(self._send(path, strict_xml.dumps(said)), sub_mchid)

    def _send(self, path: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/xml; charset=utf-8", "User-Agent": "yima/1"}
        transport = self._transport
        if path in SECURE:
            transport = self._secure
            if urlsplit(self._base).scheme == "http":
                headers["X-SSL-Client-Cert"] = self._shown
        answer = transport.send("POST", self._base + path, headers, body)
        if answer.status != 200:
            raise GatewayUnknown(f"HTTP {answer.status}")
        return answer.body

    def _read(self, body: bytes, sub_mchid: str) -> dict[str, str]:
        try:
            found = strict_xml.loads(body)
        except ValueError as error:
            raise GatewayUnknown(f"the answer can not be read: {error}") from None
        if found.get("return_code") != "SUCCESS":
            raise GatewayUnknown(f"not read: {found.get('return_msg', '')[:100]}")
        ours = signature(found, self._account.apiv2_key)
        if not hmac.compare_digest(found.get("sign", "").encode(), ours.encode()):
            raise GatewayUnknown("the answer's signature is missing or wrong")
        parties = (found.get("mch_id"), found.get("sub_mch_id"))
        if parties != (self._account.sp_mchid, sub_mchid):
            raise GatewayUnknown("an answer to somebody else")
        return found


def signature(fields: Mapping[str, str], key: str) -> str:
    """HMAC-SHA256 of the sorted fields that have a value, `sign` left out, the key last."""
    text = "&".join(f"{n}={fields[n]}" for n in sorted(fields) if fields[n] and n != "sign")
    return hmac.new(key.encode(), f"{text}&key={key}".encode(), hashlib.sha256).hexdigest().upper()


def _check_pair(account: WechatAccount) -> None:
    if not account.merchant_certificate:
        raise ValueError("the API certificate is missing: reversing wants it")
    shown = rsa.certificate(account.merchant_certificate).public_key()
    if shown != rsa.private_key(account.merchant_private_key).public_key():
        raise ValueError("the API certificate is not the private key's")
