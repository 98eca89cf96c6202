"""What a merchant puts on its receipt: blocks in a fixed order, each with a few words of its own.

The receipt is one screen of at most 960 on a base of 640 wide (wechat.md B4): every length here
is chosen so that all blocks together still fit a phone that is 320 wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from services.gold_plan.problems import ReceiptBlock
from services.totals import SHANGHAI

LONGEST: Final = {"pickup": 6, "parking": 16, "card": 16, "title": 14, "text": 48}
MOST_PARKING_MIN: Final = 24 * 60
_LONG_DIGITS: Final = re.compile(r"\d{7,}")
SPACES: Final = str.maketrans("", "", " -－—　()（）")


@dataclass(frozen=True, slots=True)
class Line:
    """One block as the receipt shows it. `jump` is "card" or an address that opens outside."""

    kind: str
    title: str
    text: str = ""
    jump: str = ""


def read(form: Mapping[str, str]) -> tuple[list[dict[str, Any]], dict[str, ReceiptBlock]]:
    """The blocks of a form, and what stands against its fields."""
    blocks: list[dict[str, Any]] = []
    wrong: dict[str, ReceiptBlock] = {}
    if form.get("pickup_on"):
        blocks.append({"kind": "pickup", "label": _words(form, "pickup", wrong) or "取餐码"})
    if form.get("parking_on"):
        minutes = _minutes(form.get("minutes", ""), wrong)
        blocks.append(
            {"kind": "parking", "minutes": minutes, "text": _words(form, "parking", wrong)}
        )
    if form.get("card_on"):
        blocks.append({"kind": "card", "text": _words(form, "card", wrong) or "查看会员卡"})
    if form.get("notice_on"):
        blocks.append(_notice(form, wrong))
    return blocks, wrong


def as_form(blocks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The fields of `read` as these blocks fill them."""
    typed: dict[str, str] = {}
    for block in blocks:
        kind = str(block["kind"])
        typed[f"{kind}_on"] = "1"
        if kind == "pickup":
            typed["pickup"] = str(block["label"])
        elif kind == "parking":
            typed |= {"parking": str(block["text"]), "minutes": str(block["minutes"])}
        elif kind == "card":
            typed["card"] = str(block["text"])
        else:
            typed |= {name: str(block[name]) for name in ("title", "text", "url")}
    return typed


def _notice(form: Mapping[str, str], wrong: dict[str, ReceiptBlock]) -> dict[str, Any]:
    title, text = _words(form, "title", wrong), _words(form, "text", wrong)
    url = form.get("url", "").strip()
    if not title:
        wrong.setdefault("title", ReceiptBlock("公告要有标题"))
    if url and not _is_https(url):
        wrong["url"] = ReceiptBlock("链接要以 https:// 开头，最长 300 个字符")
    return {"kind": "notice", "title": title, "text": text, "url": url}


def _words(form: Mapping[str, str], name: str, wrong: dict[str, ReceiptBlock]) -> str:
    said = " ".join(form.get(name, "").split())
    if len(said) > LONGEST[name]:
        wrong[name] = ReceiptBlock(f"最多 {LONGEST[name]} 个字，现在是 {len(said)} 个")
    if not said.isprintable():
        wrong[name] = ReceiptBlock("里面有看不见的字符，请重新输入")
    return said


def _minutes(typed: str, wrong: dict[str, ReceiptBlock]) -> int:
    said = typed.strip()
    if said.isascii() and said.isdigit() and len(said) < 5 and 0 < int(said) <= MOST_PARKING_MIN:
        return int(said)
    wrong["minutes"] = ReceiptBlock(f"停车分钟数是 1 到 {MOST_PARKING_MIN} 的整数")
    return 0


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    return parts.scheme == "https" and bool(parts.hostname) and is_plain and len(url) <= 300


def lines(blocks: Sequence[Mapping[str, Any]], number: str, paid_at: datetime) -> list[Line]:
    """For the payer himself: `number` is the order's, whose tail staff see in their lists."""
    return [line for block in blocks if (line := _line(block, number, paid_at)) is not None]


def _line(block: Mapping[str, Any], number: str, paid_at: datetime) -> Line | None:
    kind = block.get("kind")
    if kind == "pickup":
        return Line("pickup", str(block["label"]), number[-4:].upper())
    if kind == "parking":
        until = (paid_at + timedelta(minutes=int(block["minutes"]))).astimezone(SHANGHAI)
        words = block["text"] or f"免费停车 {block['minutes']} 分钟"
        return Line("parking", str(words), f"停到 {until:%H:%M}")
    if kind == "card":
        return Line("card", str(block["text"]), jump="card")
    return _notice_line(block) if kind == "notice" else None


def _notice_line(block: Mapping[str, Any]) -> Line:
    return Line("notice", str(block["title"]), str(block["text"]), str(block["url"]))


def neutral(blocks: Sequence[Mapping[str, Any]]) -> list[Line]:
    """For whoever holds an order number: the notice alone, and none that gives a phone number."""
    found = [_notice_line(block) for block in blocks if block.get("kind") == "notice"]
    return [
        line
        for line in found
        if not _LONG_DIGITS.search((line.title + line.text).translate(SPACES))
    ]


_PIXELS: Final = {"pickup": 48, "parking": 62, "card": 46, "notice": 112}
_FRAME: Final = 162  # shop, amount, link, the banner of simulation, what stands around them
_BASE: Final = 640 / 295  # of WeChat, over the frame of the narrowest phone


def height(kinds: Iterable[str]) -> int:
    """What to ask WeChat for, on its base of 640: enough at 320 wide, where text wraps most."""
    pixels = _FRAME + sum(_PIXELS.get(kind, 0) for kind in kinds)
    return max(600, min(960, round(pixels * _BASE)))
