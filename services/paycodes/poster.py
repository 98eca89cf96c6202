"""The poster of a pay code: sizes and layout as in the design (design/prototypes, poster).

Lengths are millimetres. The QR code is never below 42 mm, and its quiet zone of four modules lies
outside of that; the code's id is printed for whoever helps on the phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.paycodes import qr
from services.paycodes.font import measure
from services.paycodes.pdf import as_pdf
from services.paycodes.picture import as_png
from services.paycodes.scene import (
    DEEPS,
    HUES,
    INK_6,
    INK_7,
    PAPER,
    PT,
    Box,
    Scene,
    Words,
    fitted,
)

LEAST_QR: Final = 42.0
BRAND: Final = "一码付"
WALLETS: Final = {"wechat": ("微", "微信支付"), "alipay": ("支", "支付宝")}


class Size(StrEnum):
    A6 = "a6"
    A5 = "a5"
    STICKER = "sticker"


SIZES: Final = {Size.A6: (105.0, 148.0), Size.A5: (148.0, 210.0), Size.STICKER: (60.0, 82.0)}
LABELS: Final = {
    Size.A6: "A6 台卡 105×148 mm",
    Size.A5: "A5 立牌 148×210 mm",
    Size.STICKER: "贴纸 60×82 mm",
}


@dataclass(frozen=True, slots=True)
class Poster:
    """What is printed. `wallets` are those that the merchant takes, in the order of the design."""

    url: str
    code: str
    shop: str
    place: str
    wallets: tuple[str, ...] = ("wechat", "alipay")

    @property
    def call(self) -> str:
        names = {"wechat": "微信", "alipay": "支付宝"}
        if len(self.wallets) > 1:
            return "微信、支付宝，扫这一个码"
        return f"{names[self.wallets[0]]}扫一扫付款" if self.wallets else "扫码付款"

    @property
    def english(self) -> str:
        names = {"wechat": "WeChat", "alipay": "Alipay"}
        return f"Scan with {' or '.join(names[one] for one in self.wallets)} to pay"

    @property
    def shown_code(self) -> str:
        """In fours, as it is read out on the phone: 8K3F-Q2."""
        return "-".join(self.code[i : i + 4] for i in range(0, len(self.code), 4))


def pdf(poster: Poster, size: Size) -> bytes:
    return as_pdf(scene(poster, size))


def png(poster: Poster, size: Size) -> bytes:
    return as_png(scene(poster, size))


def scene(poster: Poster, size: Size) -> Scene:
    width, height = SIZES[size]
    shapes = _sticker(poster) if size is Size.STICKER else _card(poster, width / 105.0)
    title = " ".join(part for part in (poster.shop, poster.place, "收款码") if part)
    return Scene(title, width, height, (Box(0, 0, width, height, PAPER), *shapes))


def _card(poster: Poster, times: float) -> list[Box | Words]:
    """Laid out for 105 × 148 and made larger as a whole."""
    lines, size = fitted(poster.shop, 19 * PT, 85, measure)
    y = 13.5 if len(lines) == 1 else 10.5
    shapes: list[Box | Words] = []
    for line in lines:
        y += size * 1.0
        shapes.append(Words(52.5, y, line, size, is_bold=True))
        y += size * 0.22
    if poster.place:
        (place,), size = fitted(poster.place, 10 * PT, 85, measure, most_lines=1)
        shapes.append(Words(52.5, y + 5.2, place, size, INK_6))
    side = 60.0
    shapes += qr.drawn(poster.url, 52.5 - side / 2, 35, side)
    shapes.append(Words(52.5, 108.5, poster.call, 13 * PT, is_bold=True))
    if poster.wallets:
        shapes.append(Words(52.5, 113.2, poster.english, 8.5 * PT, INK_6))
    shapes += _bars(poster, 52.5 - 33, 118, 66)
    shapes += _marks(poster, 52.5, 125)
    shapes.append(Words(10, 138.5, poster.shown_code, 8 * PT, INK_6, "left"))
    shapes.append(Words(95, 138.5, BRAND, 8 * PT, INK_6, "right"))
    return [_larger(shape, times) for shape in shapes]


def _sticker(poster: Poster) -> list[Box | Words]:
    """60 × 82; the code's own place stands beside the shop, for there is no room below it."""
    name = " · ".join(part for part in (poster.shop.split(" · ")[0], poster.place) if part)
    (name,), size = fitted(name, 11 * PT, 50, measure, most_lines=1)
    side = LEAST_QR
    return [
        Words(30, 10, name, size, is_bold=True),
        *qr.drawn(poster.url, 30 - side / 2, 16, side),
        Words(30, 67.2, poster.call, 9 * PT, is_bold=True),
        *_bars(poster, 30 - 23, 70, 46),
        Words(30, 76.4, poster.shown_code, 8 * PT, INK_6),
    ]


def _bars(poster: Poster, x: float, y: float, width: float) -> list[Box]:
    """One stroke for each wallet, side by side."""
    count = len(poster.wallets)
    each = (width - 2 * (count - 1)) / count if count else 0.0
    return [
        Box(x + index * (each + 2), y, each, 1.6, HUES[wallet], 0.8)
        for index, wallet in enumerate(poster.wallets)
    ]


def _marks(poster: Poster, middle: float, y: float) -> list[Box | Words]:
    size, gap, mark = 9.5 * PT, 7.0, 6.35
    widths = [mark + 2 + measure(WALLETS[one][1], size) for one in poster.wallets]
    x = middle - (sum(widths) + gap * (len(widths) - 1)) / 2
    shapes: list[Box | Words] = []
    for wallet, width in zip(poster.wallets, widths, strict=True):
        letter, name = WALLETS[wallet]
        shapes.append(Box(x, y, mark, mark, DEEPS[wallet], 1.6))
        shapes.append(Words(x + mark / 2, y + 4.45, letter, 3.5, PAPER, is_bold=True))
        shapes.append(Words(x + mark + 2, y + 4.4, name, size, INK_7, "left"))
        x += width + gap
    return shapes


def _larger(shape: Box | Words, times: float) -> Box | Words:
    if isinstance(shape, Box):
        return Box(
            shape.x * times, shape.y * times, shape.width * times, shape.height * times,
            shape.colour, shape.radius * times,
        )  # fmt: skip
    return Words(
        shape.x * times, shape.y * times, shape.text, shape.size * times, shape.colour,
        shape.align, shape.is_bold,
    )  # fmt: skip
