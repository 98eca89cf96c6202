"""Numbers as the shapes of a chart, drawn by the server: no script, no style attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.shop_figures.parts import Part, grouped
from web.formats import money

HEIGHT: Final = 56
STEP: Final = 20  # a bar with its gap, in units of the picture
GAP: Final = 4
ORDER: Final = ("wechat", "alipay")
FIRST, LAST = 6, 20  # hours that are always shown
NAMES: Final = {"wechat": "微信", "alipay": "支付宝", "balance": "会员卡"}
COLOURS: Final = {"wechat": "wx", "alipay": "ali", "balance": "card"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; `kind` is its class."""

    x: float
    y: float
    width: float
    height: float
    kind: str = ""


def wallets(taken: Iterable[Part]) -> dict[str, int]:
    """Fen that came over each wallet, always in the same order; a recharge with its wallet."""
    sums = grouped((part for part in taken if part.is_taken), lambda part: part.wallet)
    found = {wallet: sums[wallet].paid_fen for wallet in ORDER if wallet in sums}
    return found | {wallet: one.paid_fen for wallet, one in sums.items() if wallet not in found}


def split(by_wallet: Mapping[str, int]) -> dict[str, Any]:
    """One line of 100 units, a piece for each wallet that took something."""
    whole = sum(by_wallet.values())
    pieces, at = [], 0.0
    for wallet, fen in by_wallet.items():
        width = 100 * fen / whole if whole else 0.0
        if fen > 0:
            pieces.append(Bar(round(at, 2), 0, round(max(width - 1, 0.5), 2), 8, _colour(wallet)))
        at += width
    shares = [
        f"{NAMES.get(wallet, wallet)}占 {round(100 * fen / whole)}%"
        for wallet, fen in by_wallet.items()
        if whole
    ]
    return {
        "pieces": pieces,
        "said": "，".join(shares),
        "legend": [(_colour(w), NAMES.get(w, w), fen) for w, fen in by_wallet.items()],
    }


def _colour(wallet: str) -> str:
    return COLOURS.get(wallet, "other")


def hours(fen: Sequence[int], now: int) -> dict[str, Any]:
    """A bar for each hour, from 6 to 20 and as far beyond as there was anything."""
    busy = [hour for hour, one in enumerate(fen) if one]
    first, last = min([FIRST, *busy]), max([LAST, now, *busy])
    most = max(fen) or 1
    peak = max(range(len(fen)), key=lambda hour: fen[hour])
    bars = []
    for hour in range(first, last + 1):
        height = max(2.0, round(HEIGHT * fen[hour] / most, 1)) if fen[hour] else 2.0
        kind = "now" if hour == now else "" if fen[hour] else "none"
        bars.append(Bar((hour - first) * STEP, HEIGHT - height, STEP - GAP, height, kind))
    return {
        "bars": bars,
        "width": (last - first + 1) * STEP - GAP,
        "height": HEIGHT,
        "axis": [f"{hour} 时" for hour in (first, (first + last) // 2, last)],
        "said": f"分时收款，高峰 {peak} 时 {money(fen[peak])}" if busy else "分时收款，还没有收款",
    }


def stacked(columns: Sequence[tuple[str, Mapping[str, int]]]) -> dict[str, Any]:
    """Columns with wallets one above the other, always in the same order, from zero."""
    most = max((sum(parts.values()) for _, parts in columns), default=0) or 1
    tall = 2 * HEIGHT
    bars = []
    for at, (_, by_wallet) in enumerate(columns):
        top = float(tall)
        for wallet in (*ORDER, *sorted(set(by_wallet) - {*ORDER})):
            height = round(tall * by_wallet.get(wallet, 0) / most, 1)
            if height > 0:
                top -= height
                bars.append(Bar(at * STEP, round(top, 1), STEP - GAP, height, _colour(wallet)))
    return {
        "bars": bars,
        "width": max(len(columns) * STEP - GAP, 1),
        "height": tall,
        "axis": _ends([name for name, _ in columns]),
    }


def _ends(names: list[str]) -> list[str]:
    if len(names) <= 2:
        return names
    return [names[0], names[len(names) // 2], names[-1]]
