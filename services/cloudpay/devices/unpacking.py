"""Compressed telemetry: Base64 of zip or gzip, never unpacked beyond a bound.

How old tills write what they compress is published nowhere: what can not be read is no fault of
theirs, and is answered as if it had been kept.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
import zlib
from typing import Final

from services.cloudpay.statuses import Internal, Refused, bad_member

NONE, ZIP, RAR, GZIP = 0, 1, 2, 3  # CompressType
MOST: Final = 512 << 10  # of what comes out
NAME: Final = "compressed_monitor_info"


class Unreadable(Exception):
    """We can not read it: rar, not Base64, broken, or no JSON. The words are for a developer."""


def unpack(kind: int, packed: str) -> str:
    """Raises Unreadable; Refused when it is no kind at all, or larger than `MOST`."""
    if kind == RAR:
        raise Unreadable("不支持rar，请用1（zip）或3（gzip）")
    if kind not in (ZIP, GZIP):
        raise bad_member("compress_type", "应为1（zip）或3（gzip）")
    try:
        raw = base64.b64decode("".join(packed.split()), validate=True)
        plain = _zip(raw) if kind == ZIP else _gzip(raw)
        if len(plain) > MOST:
            raise Refused(f"参数{NAME}解压后过大", internal=Internal.TOO_LARGE)
        return plain.decode("utf-8")
    except (binascii.Error, zlib.error, zipfile.BadZipFile, EOFError, UnicodeDecodeError,
            NotImplementedError, RuntimeError, ValueError) as problem:  # fmt: skip
        raise Unreadable(f"{NAME}不能解压") from problem


def _gzip(raw: bytes) -> bytes:
    """At most one byte more than is taken; what follows the first stream is not looked at."""
    engine = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    plain = engine.decompress(raw, MOST + 1)
    if len(plain) <= MOST and not engine.eof:
        raise EOFError("the stream breaks off")
    return plain


def _zip(raw: bytes) -> bytes:
    """The first file of it, whatever it says about its size."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = archive.infolist()
        if not 1 <= len(names) <= 8:
            raise ValueError("files")
        with archive.open(names[0]) as file:
            return file.read(MOST + 1)
