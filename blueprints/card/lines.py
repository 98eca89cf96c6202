"""The words of a card's history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from models.ledger import MovementKind
from services.cards.history import Line
from web.card_pages import LineView
from web.formats import local_short, money
from web.i18n import DEFAULT

WORDS: Final = {
    DEFAULT: {
        MovementKind.RECHARGE: "充值",
        MovementKind.RECHARGE_BACK: "充值退回",
        MovementKind.RECHARGE_KEPT: "充值退回未成，已存回",
        MovementKind.PAY: "{store}消费",
        MovementKind.PAY_BACK: "退款退回",
        MovementKind.ADJUST: "商家调整",
        MovementKind.IMPORT: "老会员余额",
        MovementKind.BONUS_EXPIRED: "赠送到期",
        MovementKind.PAID_OUT: "余额退还",
    },
    "en": {
        MovementKind.RECHARGE: "Top-up",
        MovementKind.RECHARGE_BACK: "Top-up given back",
        MovementKind.RECHARGE_KEPT: "Refund failed, put back",
        MovementKind.PAY: "Paid at {store}",
        MovementKind.PAY_BACK: "Refund",
        MovementKind.ADJUST: "Adjusted by the shop",
        MovementKind.IMPORT: "Earlier balance",
        MovementKind.BONUS_EXPIRED: "Bonus expired",
        MovementKind.PAID_OUT: "Balance paid out",
    },
}
BONUS: Final = {DEFAULT: "充值赠送", "en": "Top-up bonus"}
OF_WHICH: Final = {DEFAULT: "其中赠送 {fen}", "en": "{fen} of it bonus"}


def shown(lines: Sequence[Line], lang: str, now: datetime) -> list[LineView]:
    return [one for line in lines for one in _views(line, lang, local_short(line.at, now))]


def _views(line: Line, lang: str, at: str) -> Iterator[LineView]:
    """A recharge with a bonus is two lines, the bonus above: each with the balance after it."""
    label = WORDS[lang].get(line.kind, line.kind.value).format(store=line.store)
    if line.kind is MovementKind.RECHARGE and line.bonus_fen:
        yield LineView(label=BONUS[lang], at=at, fen=line.bonus_fen, balance_fen=line.balance_fen)
        yield LineView(
            label=label,
            at=at,
            fen=line.paid_fen,
            balance_fen=line.balance_fen - line.bonus_fen,
            note=line.store,
        )
        return
    yield LineView(
        label=label,
        at=at,
        fen=line.total_fen,
        balance_fen=line.balance_fen,
        note=_note(line, lang),
    )


def _note(line: Line, lang: str) -> str:
    parts = []
    if line.kind in (MovementKind.RECHARGE, MovementKind.PAY_BACK) and line.store:
        parts.append(line.store)
    if line.kind in (MovementKind.ADJUST, MovementKind.IMPORT) and line.reason:
        parts.append(line.reason)
    if line.bonus_fen and line.paid_fen:
        parts.append(OF_WHICH[lang].format(fen=money(abs(line.bonus_fen))))
    return " · ".join(parts)
