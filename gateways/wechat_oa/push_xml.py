"""XML of pushes, which nests a little (menus' scans, subscription messages).

Refused as in `strict_xml`: a DTD, attributes, another encoding than UTF-8, more than 64 KiB; and
more than six levels. A name that comes twice among its siblings makes a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateways import strict_xml

MAX_DEPTH = 6


def loads(raw: bytes) -> dict[str, Any]:
    """The fields below `xml`: text, or fields of their own. ValueError for anything else."""
    reader = _Reader()
    strict_xml.read(raw, reader)
    return reader.found()


class _Reader:
    def __init__(self) -> None:
        self._top: dict[str, Any] = {}
        self._open: list[tuple[str, dict[str, Any], list[str]]] = [("", self._top, [])]

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if attributes or len(self._open) > MAX_DEPTH:
            raise ValueError("attributes, or nested too deep")
        self._open.append((name, {}, []))

    def add(self, text: str) -> None:
        self._open[-1][2].append(text)

    def finish(self, name: str) -> None:
        _, fields, text = self._open.pop()
        value: Any = fields or "".join(text)
        siblings = self._open[-1][1]
        if name not in siblings:
            siblings[name] = value
        elif isinstance(siblings[name], list):
            siblings[name].append(value)
        else:
            siblings[name] = [siblings[name], value]

    def found(self) -> dict[str, Any]:
        inside = self._top.get("xml")
        if len(self._top) != 1 or not isinstance(inside, dict):
            raise ValueError("not fields below xml")
        return inside
