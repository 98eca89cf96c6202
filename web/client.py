"""Which app opened the page. User agents can be forged: they choose a page and no more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Wallet = Literal["wechat", "alipay"]

# Ordered, case-sensitive, first hit wins (spec/user-agents.json). WeCom and desktop WeChat also say
# MicroMessenger, so both stand before it; AliApp( with a code other than AP is another app.
RULES: Final[tuple[tuple[str, str], ...]] = (
    ("wecom", r"wxwork/"),
    ("wechat_desktop", r"WindowsWechat|MacWechat|UnifiedPC\w*Wechat"),
    ("wechat_miniprogram", r"MicroMessenger/.*(miniProgram\b|MiniProgramEnv/)"),
    ("wechat", r"MicroMessenger/\d"),
    ("alipay_miniprogram", r"(AlipayClient/|AliApp\(AP/).*\bMiniProgram\b"),
    ("alipay", r"AlipayClient/|AliApp\(AP/"),
    ("unionpay", r"UnionPay/\d+(\.\d+)*\s+[A-Za-z0-9]+"),
    ("dingtalk", r"AliApp\(DingTalk/|DingTalk/"),
    ("taobao", r"AliApp\((TB|TM|TB-PD)/"),
    ("douyin", r"aweme[_/]|AppName/aweme|BytedanceWebview"),
    ("jd", r"^jdapp;|jdapp;"),
    ("feishu", r"\bLark/|Feishu"),
    ("qq", r"\bQQ/\d"),
    ("weibo", r"\bWeibo\b|__weibo__"),
    ("meituan_dianping", r"com\.dianping|\bdp/com\.|TitansNoX|TitansX|MeituanGroup"),
    ("browser", r""),
)
OS_RULES: Final[tuple[tuple[str, str], ...]] = (
    ("ios", r"iPhone|iPad|iPod"),
    ("harmony", r"OpenHarmony"),
    ("android", r"Android"),
    ("windows", r"Windows NT"),
    ("mac", r"Macintosh"),
    ("unknown", r""),
)
_KINDS = tuple((kind, re.compile(pattern)) for kind, pattern in RULES)
_SYSTEMS = tuple((system, re.compile(pattern)) for system, pattern in OS_RULES)
_LONGEST = 1024  # a real one is under 700 characters; a longer one is not worth the matching time


@dataclass(frozen=True, slots=True)
class Client:
    """The app that opened the page (`kind` is a class of `RULES`) and the phone's system."""

    kind: str
    os: str

    @property
    def wallet(self) -> Wallet | None:
        """The wallet that can pay from this page; None means: show the code to scan instead."""
        if self.kind == "wechat":
            return "wechat"
        return "alipay" if self.kind == "alipay" else None

    @property
    def is_desk(self) -> bool:
        """Also where nothing is known, such as Linux: told to use the phone, a phone still can."""
        return self.os in {"windows", "mac", "unknown"}


def classify(user_agent: str | None) -> Client:
    text = (user_agent or "")[:_LONGEST]
    return Client(kind=_first(_KINDS, text), os=_first(_SYSTEMS, text))


def _first(rules: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str:
    return next(name for name, pattern in rules if pattern.search(text))
