"""Parts of the product that questions are asked about before they are built.

A part is there when one of its addresses is, so a page can not go on saying that it is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# part -> (its name in Chinese, in English, what its addresses begin with)
PARTS: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "api": ("兼容接口", "the compatible HTTPS interface", ("/cpay/<", "/cpay/micro_pay")),
    "cashier": ("电脑收银台", "the PC cashier", ("/cashier/",)),
    "printers": ("云打印机和云喇叭", "cloud printers and speakers", ("/m/printers", "/printer")),
}


def is_built(part: str, rules: Iterable[str]) -> bool:
    """Whether one of the application's addresses belongs to the part; "" always is."""
    return not part or any(rule.startswith(PARTS[part][2]) for rule in rules)


def name_of(part: str, lang: str) -> str:
    zh, en, _ = PARTS[part]
    return zh if lang == "zh" else en
