"""WeChat's side of the pushes: an outside implementation of the cipher signs and seals."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from xml.sax.saxutils import escape

import requests
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from gateways.wechat_oa import push_xml

TOKEN, KEY = "pushtoken2026", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def xml(**fields: object) -> bytes:
    inside = "".join(f"<{n}>{escape(str(v))}</{n}>" for n, v in fields.items())
    return f"<xml>{inside}</xml>".encode()


def signed(*values: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*values)
    made: str = signer.signature
    return made


@dataclass
class Pusher:
    """Pushes to one address; `key` "" is plain mode."""

    url: str
    app_id: str
    token: str = TOKEN
    key: str = KEY

    def send(
        self, body: bytes, *, age_s: int = 0, change: dict[str, str] | None = None
    ) -> requests.Response:
        stamp, nonce = str(int(time.time()) - age_s), secrets.token_hex(8)
        query, sent = self.sealed(body, stamp, nonce)
        return self.post(query | (change or {}), sent)

    def sealed(self, body: bytes, stamp: str, nonce: str) -> tuple[dict[str, str], bytes]:
        query = {
            "signature": signed(self.token, stamp, nonce), "timestamp": stamp, "nonce": nonce,
        }  # fmt: skip
        if not self.key:
            return query, body
        crypto = WeChatCrypto(self.token, self.key, self.app_id)
        outer = crypto.encrypt_message(body.decode(), nonce, stamp)
        inside = outer.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        signature = outer.split("<MsgSignature><![CDATA[")[1].split("]]>")[0]
        query |= {"encrypt_type": "aes", "msg_signature": signature, "openid": "oX"}
        return query, xml(ToUserName="gh_x", AppId=self.app_id, Encrypt=inside)

    def post(self, query: dict[str, str], body: bytes) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(self.url, params=query, data=body, timeout=10)

    def get(self, echo: str, **change: str) -> requests.Response:
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        query = {
            "signature": signed(self.token, stamp, nonce), "timestamp": stamp, "nonce": nonce,
            "echostr": echo,
        }  # fmt: skip
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.url, params=query | change, timeout=10)

    def opened(self, answer: requests.Response) -> str:
        """The text of a sealed answer."""
        outer = push_xml.loads(answer.content)
        crypto = WeChatCrypto(self.token, self.key, self.app_id)
        made: str = crypto.decrypt_message(
            answer.text, outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"]
        )
        return made
