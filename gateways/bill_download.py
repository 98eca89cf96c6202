"""A bill on its way to the disk: unpacked, measured and hashed while it is written."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from errors import GatewayUnknown
from gateways.base import BillBroken

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a bill may be: bytes when unpacked, seconds of download, MB of the engine."""

    most: int = 1 << 30
    within_s: float = 600.0
    memory_mb: int = 96


class BillWriter:
    """Takes the pieces of a download. `sha1` is of the file unpacked, as the wallets mean it.

    With `text`, carriage returns are left out of what is written (not of the hash): a bill's lines
    end with or without one, and a payer's text may hold one.
    """

    def __init__(self, path: Path, most: int, *, text: bool) -> None:
        self._file = path.open("wb")
        self._most, self._text = most, text
        self._hash = hashlib.sha1(usedforsecurity=False)
        self._inflater: zlib._Decompress | None = None
        self._first = b""
        self._begun = False
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def take(self, piece: bytes) -> None:
        """The next piece. BillBroken for a damaged or an endless file."""
        if not self._begun:
            self._first += piece
            if len(self._first) < len(_GZIP):
                return
            piece, self._begun = self._first, True
            if self._text and piece.startswith(_GZIP):
                self._inflater = zlib.decompressobj(wbits=31)
        if self._inflater is None:
            self._write(piece)
            return
        while piece:  # a small piece may unpack to very much: in steps
            try:
                self._write(self._inflater.decompress(piece, 1 << 20))
            except zlib.error:
                raise BillBroken(0, "the packed file is damaged") from None
            piece = self._inflater.unconsumed_tail

    def finish(self) -> str:
        """The file is whole: its hash in hex. BillBroken where its end is missing."""
        if not self._begun:
            self._write(self._first)
        if self._inflater is not None and not self._inflater.eof:
            raise BillBroken(0, "the packed file has no end")
        self._file.flush()
        return self._hash.hexdigest()

    def _write(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._most:
            raise BillBroken(0, f"larger than {self._most} bytes")
        self._hash.update(piece)
        self._file.write(piece.replace(b"\r", b"") if self._text else piece)


def check_host(url: str, base: str, domain: str) -> None:
    """A bill comes from the wallet's own host. GatewayUnknown for an address elsewhere."""
    given, ours = urlsplit(url), urlsplit(base)
    if (given.scheme, given.netloc) == (ours.scheme, ours.netloc):
        return
    host = given.hostname or ""
    if given.scheme not in ("https", "http") or not host.endswith(f".{domain}"):
        raise GatewayUnknown("the bill is said to be at another host")
