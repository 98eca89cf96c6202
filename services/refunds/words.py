"""The words of a refund's states, for every surface: "accepted" is never said as "refunded"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from models.refund import RefundStatus

# status: chip kind, Chinese, English
WORDS: Final[dict[RefundStatus, tuple[str, str, str]]] = {
    RefundStatus.CREATED: ("info", "退款提交中", "Refund being sent"),
    RefundStatus.PROCESSING: ("info", "退款已受理", "Refund accepted"),
    RefundStatus.UNKNOWN: ("warn", "退款确认中", "Refund being confirmed"),
    RefundStatus.WAITING: ("warn", "余额不足，退款等待中", "Refund waiting for balance"),
    RefundStatus.SUCCESS: ("", "已退款", "Refunded"),
    RefundStatus.FAILED: ("bad", "退款未成功", "Refund failed"),
    RefundStatus.ABNORMAL: ("bad", "退款异常，需线下退还", "Refund needs handling by hand"),
    RefundStatus.VOID: ("", "退款已作废", "Refund void"),
}
# What a payer reads while it is under way; why it waits is between merchant and wallet.
FOR_PAYERS: Final[dict[RefundStatus, tuple[str, str]]] = {
    RefundStatus.CREATED: ("退款处理中", "Refund under way"),
    RefundStatus.UNKNOWN: ("退款处理中", "Refund under way"),
    RefundStatus.WAITING: ("退款处理中", "Refund under way"),
    RefundStatus.PROCESSING: ("退款已受理", "Refund accepted"),
    RefundStatus.ABNORMAL: ("退款异常，请联系商家", "Refund stopped: please ask the shop"),
}
REFUNDED: Final = frozenset({RefundStatus.SUCCESS})  # the only state that may say so


def word(status: RefundStatus, lang: str = "zh") -> str:
    """What a person reads for this state."""
    _, zh, en = WORDS[status]
    return en if lang == "en" else zh


def under_way(
    refunds: Iterable[tuple[RefundStatus, int]], lang: str
) -> tuple[tuple[str, int], ...]:
    """(words, fen) of the refunds that a payer still waits for, sums of the same words together."""
    found: dict[str, int] = {}
    for status, fen in refunds:
        if status in FOR_PAYERS:
            said = FOR_PAYERS[status][1 if lang == "en" else 0]
            found[said] = found.get(said, 0) + fen
    return tuple(found.items())


def chip(status: RefundStatus) -> str:
    """The kind of chip it is shown in (design, components)."""
    return WORDS[status][0]
