"""Which usual mistake made a wrong code: the same content or key, taken in another way.

Every guess is a code over something else than what we sign over. The code that was pasted is
compared with it, and only the name of the mistake leaves this module.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Digest = Callable[[bytes, bytes], bytes]
_HEX: Final = re.compile(r"[0-9a-fA-F]+")


def _hmac(name: str) -> Digest:
    return lambda key, text: hmac.new(key, text, name).digest()


def _right(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


_ALGORITHMS: Final[tuple[tuple[str, Digest], ...]] = (
    ("算法是 HMAC-MD5，应为 HMAC-SHA256", _hmac("md5")),
    ("算法是 HMAC-SHA1，应为 HMAC-SHA256", _hmac("sha1")),
    ("算法是 HMAC-SHA512，应为 HMAC-SHA256", _hmac("sha512")),
    ("算的是 SHA256(内容+密钥)，应为 HMAC-SHA256", lambda k, t: hashlib.sha256(t + k).digest()),
    ("算的是 SHA256(密钥+内容)，应为 HMAC-SHA256", lambda k, t: hashlib.sha256(k + t).digest()),
    ("算的是 SHA256(内容)，没有用密钥", lambda _k, t: hashlib.sha256(t).digest()),
    ("算的是 MD5(内容+密钥)，应为 HMAC-SHA256", lambda k, t: hashlib.md5(t + k).digest()),
    ("密钥和内容放反了", lambda k, t: hmac.new(t, k, hashlib.sha256).digest()),
)


def found(code: str, text: str, content: dict[str, Any] | None, keys: dict[str, str]) -> str | None:
    """The mistake that made `code`; None: none of those that we know.

    `keys` by what they are called; "" is the merchant's newest. A right code is no mistake.
    """
    given = code.strip()
    for said, key, signed, digest in _guesses(text, content, keys):
        made = digest(key, signed)
        if _is_same(given, made):
            return said
    return None


def _is_same(given: str, made: bytes) -> bool:
    as_hex, as_base64 = made.hex().upper(), base64.b64encode(made).decode()
    upper = hmac.compare_digest(given.upper().encode(), as_hex.encode())
    return upper or hmac.compare_digest(given.encode(), as_base64.encode())


def _guesses(
    text: str, content: dict[str, Any] | None, keys: dict[str, str]
) -> Iterator[tuple[str, bytes, bytes, Digest]]:
    """One mistake at a time; of two that are made together none is found."""
    own = keys[""].encode()
    yield "写法不对：应为 64 位十六进制，不是 Base64，前后没有空格", own, text.encode(), _right
    for said, signed in _contents(text, content):
        yield said, own, signed, _right
    for said, key in _keys(keys):
        yield said, key, text.encode(), _right
    for said, digest in _ALGORITHMS:
        yield said, own, text.encode(), digest


def _contents(text: str, content: dict[str, Any] | None) -> Iterator[tuple[str, bytes]]:
    tail = text.rstrip("\r\n")
    if tail != text:
        yield "计算时没有带上内容结尾的换行：换行也要算进去", tail.encode()
    yield "计算时内容结尾有换行（LF），发出来的内容没有", (text + "\n").encode()
    yield "计算时内容结尾有换行（CR LF），发出来的内容没有", (text + "\r\n").encode()
    yield "计算时去掉了内容前后的空白", text.strip().encode()
    yield "计算时把换行写成了 CR LF", text.replace("\n", "\r\n").encode()
    yield "计算时内容前面有 BOM", b"\xef\xbb\xbf" + text.encode()
    for name in ("gbk", "utf-16-le", "utf-16"):
        coded = text.encode(name, "replace")
        if coded != text.encode():
            yield f"计算时内容按 {name.upper()} 编码，应为 UTF-8", coded
    inner = json.dumps(text, ensure_ascii=False)
    yield "算的是转义之后的文字：应算转义之前的 JSON 原文", inner[1:-1].encode()
    yield "算的是转义之后的文字：应算转义之前的 JSON 原文", inner.encode()
    escaped = json.dumps(text)
    yield "算的是转义之后的文字：应算转义之前的 JSON 原文", escaped[1:-1].encode()
    yield "斜杠的转义不一样：发出来的内容里没有 \\/", text.replace("/", "\\/").encode()
    yield "斜杠的转义不一样：计算时没有 \\/，发出来的内容里有", text.replace("\\/", "/").encode()
    for signed in _encoded_again(content):
        yield "签名之后又重新编码了 JSON：顺序、空格、转义都会变，签哪一串就发哪一串", signed
    yield "算的是空内容", b""


def _encoded_again(content: dict[str, Any] | None) -> Iterator[bytes]:
    if content is None:
        return
    for is_sorted in (False, True):
        for is_ascii in (False, True):
            for parts in ((",", ":"), (", ", ": ")):
                for end in ("", "\n"):
                    made = json.dumps(
                        content, sort_keys=is_sorted, ensure_ascii=is_ascii, separators=parts
                    )
                    yield (made + end).encode()


def _keys(keys: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    own = keys[""]
    for called, other in keys.items():
        if called:
            yield f"用的是{called}", other.encode()
    for said, key in (
        ("密钥后面多了换行", own + "\n"),
        ("密钥后面多了换行", own + "\r\n"),
        ("密钥后面多了空格", own + " "),
        ("密钥前面多了空格", " " + own),
        ("密钥前面有 BOM", "\ufeff" + own),
        ("密钥的大小写变了：按收到的原样使用", own.upper()),
        ("密钥的大小写变了：按收到的原样使用", own.lower()),
        ("密钥多算了引号", f'"{own}"'),
    ):
        if key != own:
            yield said, key.encode()
    if _HEX.fullmatch(own) and len(own) % 2 == 0:
        yield "密钥被当成十六进制解码了：密钥就是这 32 个字符", bytes.fromhex(own)
    yield "密钥又做了一次 MD5", hashlib.md5(own.encode()).hexdigest().encode()
    yield "密钥又做了一次 MD5", hashlib.md5(own.encode()).hexdigest().upper().encode()
