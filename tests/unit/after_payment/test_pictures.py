"""Pictures are drawn anew: small enough, without anything that was beside the pixels."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from services.after_payment import pictures
from services.after_payment.problems import PictureBroken, PictureShape, PictureType
from tests.harness.pictures import noise, picture


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_kind_becomes_a_jpeg_of_the_same_picture(kind: str) -> None:
    made = pictures.encode(picture(1400, 600, kind))
    drawn = opened(made.body)
    assert (drawn.format, drawn.size) == ("JPEG", (1400, 600))
    red, green, blue = drawn.convert("RGB").getpixel((1300, 50))  # type: ignore[misc]
    assert (abs(red - 46) < 6, abs(green - 139) < 6, abs(blue - 87) < 6) == (True, True, True)


def test_even_the_worst_picture_fits_into_the_budget_of_the_page() -> None:
    made = pictures.encode(noise(1400, 600)[: pictures.MOST_SENT])
    assert len(made.body) <= 120 * 1024
    assert made.width == 700


def test_place_and_comment_of_a_photo_are_gone_and_it_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret words"
    out = io.BytesIO()
    Image.new("RGB", (300, 700), "navy").save(out, "JPEG", exif=exif, comment=b"secret words")
    made = pictures.encode(out.getvalue())
    assert b"secret" in out.getvalue()
    assert b"secret" not in made.body
    assert opened(made.body).size == (700, 300)
    assert not opened(made.body).getexif()


def test_what_was_transparent_is_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (700, 300), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(pictures.encode(out.getvalue()).body).getpixel((5, 5)) == (255, 255, 255)


def test_what_moves_or_is_cut_off_or_of_another_shape_is_refused() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (700, 300), colour) for colour in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureType):
        pictures.encode(out.getvalue())
    for sent in (picture(kind="JPEG")[:-900], picture(kind="PNG")[:500]):
        with pytest.raises(PictureBroken):
            pictures.encode(sent)
    for size in ((700, 330), (750, 300), (699, 300), (300, 700)):
        with pytest.raises(PictureShape):
            pictures.encode(picture(*size))
