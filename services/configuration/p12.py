"""apiclient_cert.p12 as the merchant platform gives it: certificate and key in one file.

It is opened and thrown away: what is kept is the same as with the two pasted PEM texts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from services.configuration import words
from services.configuration.words import FieldWrong
from services.credentials import BadCredential, Certificate, certificate, private_key
from services.scan import SHANGHAI

FIELD: Final = "p12"
MOST_BYTES: Final = 64 * 1024  # they have about three thousand
_PKCS7: Final = bytes.fromhex("06092a864886f70d0107")  # what every PKCS#12 file holds, early on
_EARLY: Final = 64


def opened(content: bytes, password: str, mchid: str) -> tuple[Certificate, str]:
    """The certificate and its private key as PEM. `password`: another than the merchant's number.

    Raises FieldWrong with words for whoever chose the file.
    """
    _refuse_others(content)
    if not (password or mchid):
        raise _wrong("先填服务商号：它就是这个文件的密码")
    try:
        found = load_pkcs12(content, (password or mchid).encode())
    except ValueError:
        raise _wrong(_not_opened(password, mchid)) from None
    if found.cert is None or found.key is None:
        raise _wrong("文件里缺证书或私钥，请上传下载时的原文件")
    own = found.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    shown = found.cert.certificate.public_bytes(Encoding.PEM).decode()
    try:
        return certificate("merchant_certificate", shown), private_key(FIELD, own).value
    except BadCredential as problem:
        raise _wrong(words.reason(problem.detail.partition(": ")[2])) from None


def _refuse_others(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise _wrong("文件太大，不是 apiclient_cert.p12")
    if b"-----BEGIN" in content[:4096]:
        raise _wrong("这是 .pem 文件：把它的内容粘贴到「API 证书」或「API 私钥」")
    if not content.startswith(b"\x30") or _PKCS7 not in content[:_EARLY]:
        raise _wrong("不是 .p12 文件，请上传压缩包里的 apiclient_cert.p12")


def _not_opened(password: str, mchid: str) -> str:
    if password:
        return "打不开：填写的文件密码不对，或文件不完整"
    return (
        f"打不开：文件的密码应是商户号 {mchid}。它可能是别的商户号的文件，或不完整；"
        "密码改过的，填在下面"
    )


def validity(made: Certificate, now: datetime) -> str:
    """What is wrong with the certificate's time; "" for nothing."""
    if made.ends_at <= now:
        return f"这张证书已在 {_day(made.ends_at)} 过期，请在商户平台申请新的"
    if made.begins_at > now:
        return f"这张证书要到 {_day(made.begins_at)} 才生效"
    return ""


def _day(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d}"


def _wrong(why: str) -> FieldWrong:
    return FieldWrong(f"{words.LABELS[FIELD]}：{why}", field=FIELD)
