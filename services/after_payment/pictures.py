"""Pictures of ads and logos: read strictly, encoded anew, kept in the database.

Nothing that was uploaded is ever served: what a phone gets are the pixels, in a JPEG that we wrote.
So a file that is two things at once (a picture and a script, a picture and an archive) comes out as
one, and no place, camera or comment is left in it. JPEG, since WebViews of iOS 12 read no WebP.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import AppError
from models.after_payment import AdPicture
from services.after_payment.problems import (
    PictureBroken,
    PictureMissing,
    PictureShape,
    PictureSize,
    PictureType,
)
from services.numbers import new_public_id

MOST_SENT: Final = 2 * 1024 * 1024  # bytes of an upload
MOST_PIXELS: Final = 12_000_000
FORMATS: Final = ("JPEG", "PNG", "WEBP")
TOLERANCE: Final = 0.02
QUALITIES: Final = (86, 78, 70, 60, 50, 40)
MIME: Final = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a picture of one kind is: at least so large, of these proportions, at most so heavy."""

    width: int
    height: int
    most_kept: int  # bytes of what is served
    words: str  # of the proportions


AD: Final = Shape(700, 300, 120 * 1024, "宽高要 7 比 3，如 700×300")  # design/README 5
LOGO: Final = Shape(96, 96, 24 * 1024, "宽和高要一样，如 200×200")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as it will be shown."""

    body: bytes
    width: int
    height: int
    sent_bytes: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def encode(sent: bytes, shape: Shape = AD) -> Encoded:
    """The same pixels in a JPEG of our own. Raises one of the problems, each for its own reason.

    Size and shape are read from the file's head: nothing is unpacked before they are allowed.
    """
    if not sent:
        raise PictureMissing
    if len(sent) > MOST_SENT:
        raise PictureSize(f"图片有 {len(sent) / 1048576:.1f} MB，最多 2 MB")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return _encoded(sent, shape)


def _encoded(sent: bytes, shape: Shape) -> Encoded:
    try:
        opened = Image.open(io.BytesIO(sent), formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError, Warning) as problem:
        raise PictureType from problem
    except Exception as problem:  # whatever a decoder says to a broken head
        raise PictureBroken from problem
    try:
        if getattr(opened, "n_frames", 1) > 1:
            raise PictureType("动图不收，请传一张静止的图")
        _check_shape(opened, shape)
        picture = _flat(opened)
    except AppError:
        raise
    except Exception as problem:  # the same for a broken body
        raise PictureBroken from problem
    return _smallest(picture, shape, len(sent))


def _check_shape(opened: ImageFile.ImageFile, shape: Shape) -> None:
    width, height = opened.size
    if opened.getexif().get(0x0112) in (5, 6, 7, 8):  # lies on its side
        width, height = height, width
    if width * height > MOST_PIXELS:
        raise PictureSize(f"图片有 {width}×{height} 像素，最多 1200 万像素")
    if width < shape.width or height < shape.height * (1 - TOLERANCE):
        least = f"{shape.width}×{shape.height}"
        raise PictureShape(f"图片是 {width}×{height} 像素，至少要 {least}")
    if abs(width / height / (shape.width / shape.height) - 1) > TOLERANCE:
        raise PictureShape(f"图片是 {width}×{height} 像素，{shape.words}")


def _flat(opened: ImageFile.ImageFile) -> Image.Image:
    """Upright, opaque on white, colours as they were, without anything that was beside them."""
    upright = ImageOps.exif_transpose(opened)
    rgba = upright.convert("RGBA")
    flat = Image.new("RGB", rgba.size, "white")
    flat.paste(rgba, mask=rgba.getchannel("A"))
    return flat


def _smallest(picture: Image.Image, shape: Shape, sent_bytes: int) -> Encoded:
    """Sharp on phones (twice the width) if it fits into the budget, else at its plain width."""
    for width in (2 * shape.width, shape.width):
        if picture.width < width and width != shape.width:
            continue
        size = (width, width * shape.height // shape.width)
        scaled = picture.resize(size, Image.Resampling.LANCZOS)
        for quality in QUALITIES if width == shape.width else QUALITIES[:3]:
            out = io.BytesIO()
            scaled.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
            if out.tell() <= shape.most_kept:
                return Encoded(out.getvalue(), scaled.width, scaled.height, sent_bytes)
    most = shape.most_kept // 1024
    raise PictureSize(f"压缩后仍超过 {most} KB，换一张细节少一些的图")


def keep(session: Session, provider_id: int, made: Encoded, *, by: str, at: datetime) -> AdPicture:
    """The same picture is kept once. It comes back if its bytes had been removed."""
    values = {
        "provider_id": provider_id, "public_id": new_public_id(), "sha256": made.sha256,
        "width": made.width, "height": made.height, "size_bytes": len(made.body),
        "sent_bytes": made.sent_bytes, "body": made.body, "uploaded_by": by, "created_at": at,
    }  # fmt: skip
    fresh = {"body": made.body, "created_at": at, "sent_bytes": made.sent_bytes}
    session.execute(
        insert(AdPicture)
        .values(values)
        .on_conflict_do_update(index_elements=["provider_id", "sha256"], set_=fresh)
    )
    return session.scalars(
        select(AdPicture)
        .where(AdPicture.provider_id == provider_id, AdPicture.sha256 == made.sha256)
        .execution_options(populate_existing=True)
    ).one()


def find(session: Session, provider_id: int, public_id: str) -> AdPicture | None:
    """One that still has its bytes."""
    return session.scalar(
        select(AdPicture).where(
            AdPicture.provider_id == provider_id,
            AdPicture.public_id == public_id,
            AdPicture.body.is_not(None),
        )
    )
