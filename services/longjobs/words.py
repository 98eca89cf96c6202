"""What pages say about a kind of long job. Whoever handles a kind says it beside the handler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from models.longjob import JobState
from services.console.rights import Right

# Outcomes that many kinds share; a kind's own words go before these.
OUTCOMES: Final = MappingProxyType(
    {
        "found": "已读取",
        "created": "新增",
        "updated": "更新",
        "skipped": "跳过",
        "failed": "失败",
        "done": "已完成",
    }
)
STATES: Final = MappingProxyType(
    {
        JobState.QUEUED: ("", "排队中"),
        JobState.RUNNING: ("info", "进行中"),
        JobState.DONE: ("ok", "已完成"),
        JobState.PARTIAL: ("warn", "已完成，部分失败"),
        JobState.FAILED: ("bad", "失败"),
        JobState.CANCELLED: ("", "已停止"),
    }
)


@dataclass(frozen=True, slots=True)
class Words:
    """`title` names the job, `unit` its rows, `slow` says why it takes its time.

    `outcomes` name the keys of its counts, in the order in which they are shown. `back` is the
    page that it belongs to. `needs` is the right without which nobody stops it.
    """

    title: str
    unit: str = "行"
    outcomes: Mapping[str, str] = field(default_factory=dict)
    back: str = "/console/jobs"
    back_label: str = "全部任务"
    slow: str = ""
    needs: Right = Right.MERCHANTS

    def outcome(self, key: str) -> str:
        return self.outcomes.get(key) or OUTCOMES.get(key) or key


WORDS: Final[dict[str, Words]] = {}


def tells(kind: str, words: Words) -> None:
    """Registers the words of a kind; a kind without any is shown with plain ones."""
    if WORDS.setdefault(kind, words) is not words:
        raise ValueError(f"two sets of words for {kind}")


def words_of(kind: str) -> Words:
    return WORDS.get(kind) or Words(title="后台任务")
