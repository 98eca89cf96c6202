"""Opening a complete page as a phone would after paying, to find one that takes no parameters.

Source: product AD-4: such a page shows garbage or nothing, and the payer does not know why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from errors import CallbackAddress
from gateways.outgoing.page import PageSeen, look
from gateways.outgoing.sender import SendFailed
from services.after_payment import complete_page
from services.after_payment.problems import CompleteUrl, PageTryFailed
from services.deps import Deps

LEAST_TEXT: Final = 2  # characters: a page with fewer is blank, or built by its script
WHY: Final = {
    "CALLBACK_DNS": "找不到这个域名，检查拼写和解析。",
    "CALLBACK_CONNECT": "连不上这个网址的服务器。",
    "CALLBACK_TLS": "这个网址的 https 证书有问题，微信里也打不开。",
    "PAGE_TIMEOUT": "10 秒内没有打开，顾客会看到白屏。",
    "PAGE_BROKEN": "打开到一半断了。",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """`url` is what was opened: people open it themselves too. `words` say what was seen."""

    url: str
    is_fine: bool
    words: str


def try_page(deps: Deps, url: str, out_mch_id: str) -> Tried:
    """With the parameters of a payment that never was. Raises PageTryFailed if nothing came."""
    opened = complete_page.sample(url, out_mch_id, deps.now())
    try:
        seen = look(deps.gateways.callbacks, opened)
        bare = None if _is_fine(seen) else _quietly(deps, url)
    except CallbackAddress as problem:
        raise CompleteUrl("这个网址指向内网或写法不对，不会打开。") from problem
    except SendFailed as problem:
        raise PageTryFailed(WHY.get(problem.code, "没有打开。")) from problem
    return Tried(opened, _is_fine(seen), _words(seen, bare))


def _quietly(deps: Deps, url: str) -> PageSeen | None:
    try:
        return look(deps.gateways.callbacks, url)
    except (CallbackAddress, SendFailed):
        return None


def _is_fine(seen: PageSeen) -> bool:
    return seen.status == 200 and seen.is_page and seen.text_length >= LEAST_TEXT


def _words(seen: PageSeen, bare: PageSeen | None) -> str:
    if _is_fine(seen):
        return "带着付款参数能正常打开。"
    if bare is not None and _is_fine(bare):
        return (
            f"不带参数能打开，带付款参数就{_what(seen)}：这个页面不认参数，顾客付完会看不到内容。"
        )
    return f"带着付款参数{_what(seen)}。"


def _what(seen: PageSeen) -> str:
    if 300 <= seen.status < 400:
        return f"跳到了别处（状态 {seen.status}），请填最后那个网址"
    if seen.status != 200:
        return f"出错（状态 {seen.status}）"
    if not seen.is_page:
        return f"不是网页（{seen.kind or '没有类型'}）"
    return "是空白的，或全靠脚本生成：请自己打开看一眼"
