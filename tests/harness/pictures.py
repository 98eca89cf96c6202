"""Pictures as people upload them: drawn here, so that no file of anybody's is in the repository."""

from __future__ import annotations

import io
import os

from PIL import Image, ImageDraw


def picture(
    width: int = 700, height: int = 300, kind: str = "PNG", colour: str = "seagreen"
) -> bytes:
    """A plain ground with a bar on it; `kind` as Pillow names formats."""
    drawn = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(drawn).rectangle((width // 10, height // 3, width // 2, height // 2), "white")
    return _bytes(drawn, kind)


def noise(width: int, height: int, kind: str = "JPEG") -> bytes:
    """What compresses worst."""
    return _bytes(Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)), kind)


def _bytes(drawn: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    drawn.save(out, kind)
    return out.getvalue()
