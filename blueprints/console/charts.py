"""Days as the shapes of a chart, drawn by the server: no script, no style attribute.

The same numbers go beside it for the script that makes a chart to point at out of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from web.formats import money

WIDTH, LEFT, BASE, TOP = 760, 44, 220, 20  # of the picture, in its own units
LINES: Final = 4
WALLETS: Final = {"wechat": ("wx", "微信支付"), "alipay": ("ali", "支付宝")}
OTHER: Final = ("other", "其他")
MOST_LABELS: Final = 15


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    kind: str


def wallet(channel: str) -> tuple[str, str]:
    """The class and the name of a wallet."""
    return WALLETS.get(channel, OTHER)


def stacked(
    days: Sequence[date], by_day: Mapping[date, Mapping[str, int]], today: date
) -> dict[str, Any]:
    """A column for each day, wallets one above the other in a fixed order, from zero."""
    step = (WIDTH - LEFT - 6) / max(len(days), 1)
    width = round(min(26.0, step * 0.64), 1)
    top_fen = _round_up(max((sum(by_day.get(day, {}).values()) for day in days), default=0))
    bars, labels = [], []
    every = -(-len(days) // MOST_LABELS)
    for at, day in enumerate(days):
        x = round(LEFT + 6 + at * step + (step - width) / 2, 1)
        bars += _column(x, width, by_day.get(day, {}), top_fen)
        is_last = at == len(days) - 1
        if is_last or (at % every == 0 and len(days) - 1 - at >= every):
            said = "今日" if day == today else str(day.day)
            labels.append({"x": round(x + width / 2, 1), "text": said, "now": day == today})
    grid = [
        (round(BASE - (BASE - TOP) * n / LINES, 1), _axis(top_fen * n // LINES))
        for n in range(LINES, -1, -1)
    ]
    return {"bars": bars, "labels": labels, "grid": grid, "said": _said(days, by_day, today)}


def _column(x: float, width: float, by_wallet: Mapping[str, int], top_fen: int) -> list[Bar]:
    bars, y = [], float(BASE)
    for channel in (*WALLETS, *sorted(set(by_wallet) - {*WALLETS})):
        height = round((BASE - TOP) * max(by_wallet.get(channel, 0), 0) / top_fen, 1)
        if height > 0:
            y -= height
            bars.append(Bar(x, round(y, 1), width, height, wallet(channel)[0]))
            y -= 1.5
    return bars


def _round_up(fen: int) -> int:
    """The top of the axis: one, two, four or eight times a power of ten, in whole yuan."""
    unit = 10_000
    while True:
        for times in (1, 2, 4, 8):
            if fen <= unit * times:
                return unit * times
        unit *= 10


def _axis(fen: int) -> str:
    """Axes may use 万; never with more places than they need."""
    yuan = fen / 100
    return f"{yuan / 10_000:g}万" if yuan >= 10_000 else f"{yuan:g}"


def _said(days: Sequence[date], by_day: Mapping[date, Mapping[str, int]], today: date) -> str:
    sums = {day: sum(by_day.get(day, {}).values()) for day in days}
    full = {day: fen for day, fen in sums.items() if day != today} or sums
    if not full:
        return "没有收款"
    low, high = min(full, key=lambda d: full[d]), max(full, key=lambda d: full[d])
    said = (
        f"近 {len(days)} 天收款：最低 {low.month} 月 {low.day} 日 {money(full[low])}，"
        f"最高 {high.month} 月 {high.day} 日 {money(full[high])}"
    )
    return said + (f"，今日到现在 {money(sums[today])}" if today in sums else "")


def series(days: Sequence[date], by_day: Mapping[date, Mapping[str, int]]) -> dict[str, Any]:
    """The same as lines over time for the chart of the script: fen, a line for each wallet."""
    used = [one for one in WALLETS if any(by_day.get(day, {}).get(one) for day in days)]
    return {
        "days": [day.isoformat() for day in days],
        "lines": [
            {
                "name": wallet(one)[1],
                "kind": wallet(one)[0],
                "fen": [by_day.get(day, {}).get(one, 0) for day in days],
            }
            for one in used
        ],
    }
