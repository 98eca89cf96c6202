"""What the account answers people who follow it, scan a code or write to it. Short and exact.

Most of those who write are somebody's customers: nobody is answered who did not ask for us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from services.oa.events import Event

HELP_KEY = "HELP"
BACKEND_WORDS = ("后台", "管理", "登录", "商户")
TODAY_WORDS = ("今日", "今天", "收款", "流水", "交易")
HELP_WORDS = ("帮助", "客服", "help", "?", "？")
LONGEST_ASKED = 12  # characters: whoever writes more is talking to somebody


@dataclass(frozen=True, slots=True)
class Where:
    """What answers name."""

    provider: str
    base_url: str
    out_mch_id: str

    def link(self, path: str, words: str) -> str:
        joint = "&" if "?" in path else "?"
        url = f"{self.base_url}{path}{joint}p={self.out_mch_id}"
        return f'<a href="{escape(url)}">{escape(words)}</a>'


# A scene code's own answers, by what the scene begins with.
Answer = Callable[[Where, Event], str]
SCENES: dict[str, Answer] = {}


def scene(prefix: str) -> Callable[[Answer], Answer]:
    """Answer scans of codes whose scene begins with this."""

    def add(answer: Answer) -> Answer:
        SCENES[prefix] = answer
        return answer

    return add


@scene("backend")
def _to_backend(where: Where, event: Event) -> str:
    return _backend(where)


def answer(where: Where, event: Event) -> str | None:
    """The text to answer with, None for silence."""
    kind = event.kind.lower()
    if kind == "subscribe":
        welcome = f"欢迎关注{escape(where.provider)}。"
        return f"{welcome}\n{_scanned(where, event) or _backend(where)}"
    if kind == "scan":
        return _scanned(where, event)
    if kind == "click" and event.key == HELP_KEY:
        return _help(where)
    if kind == "text" and 0 < len(event.text) <= LONGEST_ASKED:
        return _keyword(where, event.text.lower())
    return None


def _scanned(where: Where, event: Event) -> str | None:
    for prefix in sorted(SCENES, key=len, reverse=True):
        if event.scene.startswith(prefix):
            return SCENES[prefix](where, event)
    return None


def _keyword(where: Where, text: str) -> str | None:
    if any(word in text for word in HELP_WORDS):
        return _help(where)
    if any(word in text for word in BACKEND_WORDS):
        return _backend(where)
    if any(word in text for word in TODAY_WORDS):
        return f"看今天收了多少：{where.link('/m/', '今日收款')}"
    return None


def _backend(where: Where) -> str:
    return f"商户请从这里进入：{where.link('/m/', '商户后台')}"


def _help(where: Where) -> str:
    return (
        f"商户：{where.link('/m/', '打开商户后台')}\n"
        "还不能进入：请店长或商户管理员给你激活码。\n"
        "付款遇到问题：把付款页上的编号给店员看。"
    )
