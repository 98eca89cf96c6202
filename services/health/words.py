"""What a check says: levels from a wallet's words, and warnings before something ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from errors import GatewayRejected, GatewayUnknown
from gateways.looks import Sure, Word
from models.health import Level

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
WARNED_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Said:
    """The answer to one check. `code` and `text` are the upstream's own."""

    level: Level
    said: str
    code: str = ""
    text: str = ""
    until_at: datetime | None = None


def fine(said: str = "正常", until_at: datetime | None = None) -> Said:
    return Said(Level.OK, said, until_at=until_at)


def bad(said: str, code: str = "", text: str = "") -> Said:
    return Said(Level.BAD, said, code[:64], text[:200])


def warn(said: str) -> Said:
    return Said(Level.WARN, said)


def unknown(said: str, code: str = "", text: str = "") -> Said:
    return Said(Level.UNKNOWN, said, code[:64], text[:200])


def of_word(word: Word, wrong: str, good: str = "正常") -> Said:
    """`wrong` says what is not right where the upstream's word is only a code."""
    if word.sure is Sure.GOOD:
        return fine(good)
    said = word.why or (wrong if word.sure is Sure.WRONG else "没有问到结果，稍后再查")
    level = Level.BAD if word.sure is Sure.WRONG else Level.UNKNOWN
    return Said(level, said, word.code[:64], word.text[:200])


def refused(problem: GatewayRejected, wrong: str) -> Said:
    return bad(wrong, problem.upstream_code, problem.upstream_message)


def silent(problem: GatewayUnknown, who: str) -> Said:
    """No answer is no finding: it may be the network."""
    return unknown(f"{who}没有回答，稍后再查", str(problem.facts.get("upstream_code") or ""))


def until(end: datetime, now: datetime, what: str = "") -> Said:
    """Fine until `end`; warned of for its last thirty days, more urgently for seven and for one."""
    day = f"{end.astimezone(SHANGHAI):%Y-%m-%d}"
    left = (end - now).total_seconds() / 86400
    if left <= 0:
        return Said(Level.BAD, f"{what}已于 {day} 到期", until_at=end)
    for days, words in ((1, "不到 1 天"), (7, "不到 7 天"), (WARNED_DAYS, "不到 30 天")):
        if left <= days:
            return Said(Level.WARN, f"{what} {day} 到期，还有{words}".strip(), until_at=end)
    return Said(Level.OK, f"{what}有效至 {day}", until_at=end)
