"""Flat XML from outside, as APIv2 writes it: one element `xml` with one level of fields.

Refused: a DTD (so no entity is ever declared, fetched or expanded), attributes, deeper nesting, a
field twice, more than 64 KiB, another encoding than UTF-8 whatever the first line says. `read` is
the guarded parser alone, for XML of another shape (`gateways/wechat_oa/push_xml.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, Protocol
from xml.parsers import expat
from xml.sax.saxutils import escape

MAX_BYTES = 64 * 1024


class Reader(Protocol):
    """What is told of each element; raises ValueError for what it does not take."""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None: ...
    def add(self, text: str) -> None: ...
    def finish(self, name: str) -> None: ...


def loads(raw: bytes) -> dict[str, str]:
    """Read the fields. ValueError for everything that is not plain and flat."""
    found = _Fields()
    read(raw, found)
    return found.fields


def read(raw: bytes, reader: Reader) -> None:
    """Tell `reader` what stands there. ValueError for a DTD, another encoding, no XML, too much."""
    if len(raw) > MAX_BYTES:
        raise ValueError("too long")
    raw.decode("utf-8")  # expat would follow a byte order mark
    parser = expat.ParserCreate("UTF-8")
    parser.XmlDeclHandler = _check_declared
    parser.buffer_text = True
    parser.StartElementHandler = reader.begin
    parser.CharacterDataHandler = reader.add
    parser.EndElementHandler = reader.finish
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        reason = f"not XML (line {error.lineno})"
    else:
        return
    raise ValueError(reason)  # out here, so that the bytes are in no chained exception


def dumps(fields: Mapping[str, str]) -> bytes:
    """Write fields in their order; values are escaped, names are the caller's."""
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{inside}</xml>".encode()


def _check_declared(version: str, encoding: str | None, standalone: int) -> None:
    if encoding is not None and encoding.upper() != "UTF-8":
        raise ValueError("another encoding")


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a DTD")


class _Fields:
    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._open: list[str] = []
        self._text: list[str] = []

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        if attributes or len(self._open) > 2 or self._open[0] != "xml":
            raise ValueError("not one level of fields below xml")
        self._text = []

    def add(self, text: str) -> None:
        if len(self._open) < 2 and text.strip():
            raise ValueError("text outside of a field")
        self._text.append(text)

    def finish(self, name: str) -> None:
        if len(self._open) == 2:
            if name in self.fields:
                raise ValueError("a field comes twice")
            self.fields[name] = "".join(self._text)
        self._open.pop()
