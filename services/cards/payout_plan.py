"""The rule by which a card's paid balance goes back; it is shown before anybody agrees to it.

What was spent came from the oldest recharge first, so what is left belongs to the newest ones.

- **Soon after a recharge** (cooling): what is left of its money goes back, less the bonus of this
  recharge that was spent: that purchase is then paid with the member's own money. The rest of its
  bonus is taken back.
- **By the terms**: all that was paid and not used goes back, over the newest recharges first, each
  up to what was paid with it and has not gone back yet. Bonus is never paid out: it is taken back
  with the recharge it came from, and all of it when a rest goes by hand.

What no wallet gives back any more is handed over by a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.payout import PartWay, PayoutGround


@dataclass(frozen=True, slots=True)
class Left:
    """A recharge, newest first: what of it has not gone back, and what its wallet would still
    give back. Amounts are fen."""

    recharge_id: int
    order_id: int
    out_trade_no: str
    paid_fen: int
    bonus_fen: int
    wallet_fen: int
    is_cooling: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What goes back one way: `amount_fen` to the member; `bonus_fen` is taken back, and
    `deducted_fen` of paid money makes up for bonus that was spent."""

    way: PartWay
    amount_fen: int
    bonus_fen: int = 0
    deducted_fen: int = 0
    recharge: Left | None = None


def plan(ground: PayoutGround, lefts: Sequence[Left], paid_fen: int, bonus_fen: int) -> list[Part]:
    """The parts for a card that holds `paid_fen` and `bonus_fen`; none where nothing goes back."""
    if ground is PayoutGround.COOLING:
        return _cooling(lefts, paid_fen, bonus_fen)
    return _by_terms(lefts, paid_fen, bonus_fen)


def _cooling(lefts: Sequence[Left], paid_fen: int, bonus_fen: int) -> list[Part]:
    parts: list[Part] = []
    for left in lefts:
        paid, bonus = min(left.paid_fen, paid_fen), min(left.bonus_fen, bonus_fen)
        paid_fen, bonus_fen = paid_fen - paid, bonus_fen - bonus
        used_bonus = min(left.bonus_fen - bonus, paid)
        back = paid - used_bonus
        if left.is_cooling and back:
            parts += _ways(left, back, bonus, used_bonus)
    return parts


def _ways(left: Left, back_fen: int, bonus_fen: int, deducted_fen: int) -> list[Part]:
    over = min(back_fen, left.wallet_fen)
    if not over:
        return [Part(PartWay.HAND, back_fen, bonus_fen, deducted_fen, left)]
    parts = [Part(PartWay.WALLET, over, bonus_fen, deducted_fen, left)]
    if back_fen > over:
        parts.append(Part(PartWay.HAND, back_fen - over, recharge=left))
    return parts


def _by_terms(lefts: Sequence[Left], paid_fen: int, bonus_fen: int) -> list[Part]:
    parts: list[Part] = []
    for left in lefts:
        over = min(left.paid_fen, left.wallet_fen, paid_fen)
        if over:
            bonus = min(left.bonus_fen, bonus_fen)
            paid_fen, bonus_fen = paid_fen - over, bonus_fen - bonus
            parts.append(Part(PartWay.WALLET, over, bonus, recharge=left))
    if paid_fen:
        parts.append(Part(PartWay.HAND, paid_fen, bonus_fen))
    return parts
