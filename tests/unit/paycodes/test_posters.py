"""Posters are read back from what is printed: the PDF and the picture, at every size."""

from __future__ import annotations

import io

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from services.paycodes import poster, qr
from services.paycodes.font import measure
from services.paycodes.poster import LEAST_QR, SIZES, Poster, Size
from services.paycodes.scene import PT, Box, Words, fitted

HOST = "https://pay.example.com/q/sz01lXKA6DKGjNzr2l4B/"
PLAIN = Poster(HOST + "8K3FQ2", "8K3FQ2", "青禾茶事 · 湖滨店", "12 号桌")
LONG = Poster(
    "https://shoukuan.some-long-provider-name.example.com/q/sz01lXKA6DKGjNzr2l4B/8K3FQ2XWPMNBVCDR",
    "8K3FQ2XWPMNBVCDR",
    "杭州西湖区青禾传统手工茶事与点心铺子连锁 · 湖滨路银泰城地下一层美食街二号店铺",
    "靠窗第十二号桌（预订专用）",
    ("wechat",),
)
BARE = Poster(HOST + "4M8RT6", "4M8RT6", "无名" * 30, "", ())


def read(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image.convert("RGB"))]


@pytest.mark.parametrize("shown", [PLAIN, LONG, BARE], ids=["plain", "long", "bare"])
@pytest.mark.parametrize("size", list(Size))
def test_a_phone_reads_the_link_off_paper_and_off_the_picture(shown: Poster, size: Size) -> None:
    page = pypdfium2.PdfDocument(poster.pdf(shown, size))[0]
    width, height = SIZES[size]
    assert page.get_size() == pytest.approx((width / PT, height / PT), abs=0.01)
    assert read(page.render(scale=2).to_pil()) == [shown.url]
    picture = Image.open(io.BytesIO(poster.png(shown, size)))
    assert read(picture) == [shown.url]
    # a phone far away, or a bad camera: a hundred dots to the inch
    assert read(picture.resize((round(width * 4), round(height * 4)))) == [shown.url]


@pytest.mark.parametrize("shown", [PLAIN, LONG], ids=["plain", "long"])
@pytest.mark.parametrize("size", list(Size))
def test_the_code_is_large_enough_and_nothing_comes_near_it(shown: Poster, size: Size) -> None:
    made = poster.scene(shown, size)
    parts = qr.drawn(shown.url, 0, 0, 1)
    boxes = [shape for shape in made.shapes if isinstance(shape, Box)]
    code = boxes[1 : 1 + len(parts)]  # after the paper
    left, top = min(b.x for b in code), min(b.y for b in code)
    right, bottom = max(b.x + b.width for b in code), max(b.y + b.height for b in code)
    side = right - left
    assert side == pytest.approx(bottom - top)
    assert side >= LEAST_QR - 1e-6
    quiet = qr.QUIET * side / qr.modules_of(shown.url)
    assert min(left, made.width - right) >= quiet
    for other in [b for b in boxes[1:] if b not in code]:
        assert other.y >= bottom + quiet or other.y + other.height <= top - quiet
    for words in (shape for shape in made.shapes if isinstance(shape, Words)):
        above, below = words.y - 0.9 * words.size, words.y + 0.2 * words.size
        assert above >= bottom + quiet or below <= top - quiet, words.text


@pytest.mark.parametrize("shown", [PLAIN, LONG, BARE], ids=["plain", "long", "bare"])
@pytest.mark.parametrize("size", list(Size))
def test_every_line_is_on_the_paper(shown: Poster, size: Size) -> None:
    made = poster.scene(shown, size)
    for words in (shape for shape in made.shapes if isinstance(shape, Words)):
        wide = measure(words.text, words.size)
        left = words.x - {"left": 0.0, "middle": wide / 2, "right": wide}[words.align]
        assert left >= 4, words.text
        assert left + wide <= made.width - 4, words.text


def test_a_poster_says_what_the_shop_takes_and_its_number_in_fours() -> None:
    said = [s.text for s in poster.scene(PLAIN, Size.A6).shapes if isinstance(s, Words)]
    assert said[:2] == ["青禾茶事 · 湖滨店", "12 号桌"]
    assert {"微信、支付宝，扫这一个码", "8K3F-Q2", "微信支付", "支付宝"} <= set(said)
    said = [s.text for s in poster.scene(LONG, Size.A6).shapes if isinstance(s, Words)]
    assert "微信扫一扫付款" in said
    assert not [text for text in said if "支付宝" in text or "Alipay" in text]


def test_names_are_parted_at_the_dot_and_never_wider_than_the_paper() -> None:
    assert fitted("短", 10, 50, measure) == (["短"], 10)
    lines, size = fitted("一二三四五六 · 七八", 10, 50, measure)
    assert lines == ["一二三四五六", "七八"]
    assert size < 10
    lines, size = fitted("很长的名字" * 9, 10, 50, measure, most_lines=1)
    assert lines[0].endswith("…")
    assert measure(lines[0], size) <= 50


def test_the_same_poster_is_the_same_file() -> None:
    assert poster.pdf(PLAIN, Size.A6) == poster.pdf(PLAIN, Size.A6)
