"""An Alipay client written from alipay.md 1 alone: it shares no code with the simulator."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus

import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

CHINA = dt.timezone(dt.timedelta(hours=8))
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes
    text: str
    root: str
    node: dict[str, Any]
    signed_text: str
    sign: str | None

    @property
    def code(self) -> str:
        return str(self.node.get("code"))

    @property
    def sub_code(self) -> str:
        return str(self.node.get("sub_code"))


@cache
def private_key(pem: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


@cache
def public_key(pem: str) -> RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    return key


def sign_text(params: dict[str, str], without: tuple[str, ...] = ("sign",)) -> str:
    kept = sorted(k for k, v in params.items() if k not in without and v)
    return "&".join(f"{k}={params[k]}" for k in kept)


def node_span(text: str) -> tuple[str, str]:
    """Root name and the exact object text, minding strings and backslashes (1.4)."""
    start = text.index("{", 1)
    root = text[2 : text.index('"', 2)]
    depth, at, in_string = 0, start, False
    while True:
        char = text[at]
        if in_string:
            if char == "\\":
                at += 1
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "{}":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return root, text[start : at + 1]
        at += 1


class Client:
    def __init__(self, base: str, holdings: dict[str, Any], token: str | None = None) -> None:
        self.base = base
        self.url = base + "/gateway.do"
        self.holdings = holdings
        self.app_id = str(holdings["app_id"])
        self.token: str | None = token or str(holdings["app_auth_token"])
        self.key = private_key(holdings["app_private_key"])
        self.theirs = public_key(holdings["alipay_public_key"])
        self.http = requests.Session()
        self.http.trust_env = False

    def params(
        self, method: str, biz: dict[str, Any] | str | None = None, /, **extra: str | None
    ) -> dict[str, str]:
        """`extra` adds to or replaces common parameters; None takes one out. Unsigned."""
        common: dict[str, str | None] = {
            "app_id": self.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": dt.datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "app_auth_token": self.token,
        }
        if isinstance(biz, dict):
            biz = json.dumps(biz, ensure_ascii=False, separators=(",", ":"))
        if biz is not None:
            common["biz_content"] = biz
        common.update(extra)
        return {k: v for k, v in common.items() if v is not None}

    def signed(self, params: dict[str, str]) -> dict[str, str]:
        codec = "gbk" if params.get("charset", "").lower().startswith("gb") else "utf-8"
        text = sign_text(params).encode(codec, "replace")
        return params | {"sign": self.signature(text)}

    def signature(self, text: bytes) -> str:
        return base64.b64encode(self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()

    def verify(self, text: bytes, signature: str) -> None:
        """Raises InvalidSignature."""
        self.theirs.verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())

    def call(
        self, method: str, biz: dict[str, Any] | str | None = None, **extra: str | None
    ) -> Answer:
        return self.send(self.signed(self.params(method, biz, **extra)))

    def send(self, params: dict[str, str], shape: str = "split") -> Answer:
        """split: common in the query; get: all in the query; form: only charset in the query."""
        codec = "gbk" if params.get("charset", "").lower().startswith("gb") else "utf-8"
        query = {k: v for k, v in params.items() if k != "biz_content"}
        if shape == "get":
            answer = self.http.get(f"{self.url}?{encoded(params, codec)}", timeout=10)
        else:
            if shape == "form":
                query = {"charset": params["charset"]}
            body = {k: v for k, v in params.items() if k not in query}
            answer = self.http.post(
                f"{self.url}?{encoded(query, codec)}",
                data=encoded(body, codec).encode("ascii"),
                headers={"Content-Type": f"{FORM};charset={params.get('charset', 'utf-8')}"},
                timeout=10,
            )
        return self.read(answer)

    def read(self, answer: requests.Response) -> Answer:
        kind = answer.headers["Content-Type"]
        codec = "gbk" if "charset=gb" in kind.lower() else "utf-8"
        text = answer.content.decode(codec)
        if not text.startswith("{"):
            return Answer(
                answer.status_code, dict(answer.headers), answer.content, text, "", {}, "", None
            )
        root, inner = node_span(text)
        signature = json.loads(text).get("sign")
        if signature is not None:
            self.verify(inner.encode(codec), signature)
        return Answer(
            answer.status_code,
            dict(answer.headers),
            answer.content,
            text,
            root,
            json.loads(inner),
            inner,
            signature,
        )


def encoded(params: dict[str, str], codec: str = "utf-8") -> str:
    return "&".join(
        f"{quote(k)}={quote_plus(v.encode(codec, 'replace'))}" for k, v in params.items()
    )
