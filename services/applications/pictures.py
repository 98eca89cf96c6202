"""Pictures of papers: read, drawn anew and small enough for WeChat.

Drawing anew leaves out whatever else a file holds: places where it was taken, scripts, archives.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Any, Final

from services.applications.problems import PictureWrong

MOST_GIVEN: Final = 8 << 20
MOST_SENT: Final = 2 << 20  # WeChat's limit
MOST_PIXELS: Final = 50_000_000
LONGEST_SIDE: Final = 3200
LEAST_SIDE: Final = 200
FORMATS: Final = ("JPEG", "PNG", "BMP")
_QUALITIES: Final = (90, 80, 65)


@dataclass(frozen=True, slots=True)
class Picture:
    """`kind` is jpg: what is drawn anew is a photograph."""

    kind: str
    sha256: str
    content: bytes


def drawn_anew(content: bytes) -> Picture:
    """The picture of a file that somebody uploads. Raises PictureWrong."""
    if len(content) > MOST_GIVEN:
        raise PictureWrong(f"图片超过 {MOST_GIVEN >> 20} MB")
    image = _opened(content)
    for quality in _QUALITIES:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        if out.tell() <= MOST_SENT:
            made = out.getvalue()
            return Picture("jpg", hashlib.sha256(made).hexdigest(), made)
    raise PictureWrong("图片太大，请缩小后再上传")


def _opened(content: bytes) -> Any:
    from PIL import Image, ImageOps  # only uploads load it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS:
                raise PictureWrong("图片像素太多，请缩小后再上传")
            if min(image.size) < LEAST_SIDE:
                raise PictureWrong(f"图片太小，至少 {LEAST_SIDE} 像素")
            drawn = ImageOps.exif_transpose(image).convert("RGB")
            drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            return drawn
    except PictureWrong:
        raise
    except Exception:  # whatever a broken file makes of the library
        raise PictureWrong("不是 JPG、PNG 或 BMP 图片，或文件已损坏") from None
