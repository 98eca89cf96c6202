"""APIv2 on the wire: flat XML, and signatures with the APIv2 key. Source: wechat.md A8.

A DTD is refused as it begins, so no entity is ever declared, fetched or expanded.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape

BODY_LIMIT = 64 * 1024
MD5, HMAC = "MD5", "HMAC-SHA256"


class BadXml(ValueError):
    """Not the flat `<xml><name>value</name>…</xml>` that APIv2 speaks."""


def read(body: bytes) -> dict[str, str]:
    """The fields of a message; UTF-8 whatever its first line says."""
    if len(body) > BODY_LIMIT:
        raise BadXml("too long")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadXml("another encoding") from None
    reader = _Reader()
    parser = expat.ParserCreate("UTF-8")
    parser.XmlDeclHandler = _only_utf8
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    for name in ("StartDoctypeDeclHandler", "EntityDeclHandler", "ExternalEntityRefHandler"):
        setattr(parser, name, _no_dtd)
    try:
        parser.Parse(body, True)
    except expat.ExpatError as problem:
        raise BadXml(str(problem)) from None
    return reader.fields


def _only_utf8(version: str, encoding: str | None, standalone: int) -> None:
    if encoding is not None and encoding.upper() != "UTF-8":
        raise BadXml("another encoding")


def _no_dtd(*_: object) -> NoReturn:
    raise BadXml("a DTD")


class _Reader:
    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._depth, self._words = 0, ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if attributes or self._depth > 2 or (self._depth == 1) != (name == "xml"):
            raise BadXml("not flat")
        self._words = ""

    def text(self, words: str) -> None:
        self._words += words

    def end(self, name: str) -> None:
        if self._depth == 2:
            if name in self.fields:
                raise BadXml("a field twice")
            self.fields[name] = self._words
        self._depth -= 1


def write(fields: Mapping[str, str]) -> bytes:
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{inside}</xml>".encode()


def signature(fields: Mapping[str, str], key: str, kind: str) -> str:
    """Sorted, without empty values and `sign`; `sign_type` itself is signed."""
    said = "&".join(f"{n}={fields[n]}" for n in sorted(fields) if fields[n] and n != "sign")
    text = f"{said}&key={key}".encode()
    if kind == HMAC:
        return hmac.new(key.encode(), text, hashlib.sha256).hexdigest().upper()
    return hashlib.md5(text).hexdigest().upper()


def is_signed(fields: Mapping[str, str], key: str, kind: str) -> bool:
    return hmac.compare_digest(
        fields.get("sign", "").encode(), signature(fields, key, kind).encode()
    )
