"""Asking for a card's money, and looking at what became of it."""

from __future__ import annotations

from typing import Any

from models.payout import PayoutGround
from services.cards import payouts
from services.cards.payout_begin import Wish
from tests.integration.cards.recharge.helping import Shop, settled

COOLING = Wish(PayoutGround.COOLING)
TERMS = Wish(PayoutGround.TERMS)
DAY = 86_400


def recharge(shop: Shop, pay_fen: int = 10_000) -> Any:
    order = shop.pay(pay_fen)
    settled(shop, "credited")
    return order


def ask(shop: Shop, wish: Wish = TERMS, actor: str = "test:member") -> int:
    return payouts.ask(shop.product.deps, shop.scan.provider_id, shop.card_id, wish, actor=actor)


def allow(shop: Shop, payout_id: int) -> str:
    return payouts.allow(
        shop.product.deps, shop.scan.provider_id, payout_id, actor="test:owner"
    ).value


def by_hand(shop: Shop, part_id: int, reference: str = "B-1", how: str = "transfer") -> str:
    return payouts.pay_by_hand(
        shop.product.deps, shop.scan.provider_id, part_id,
        how=how, reference=reference, actor="test:owner",
    ).value  # fmt: skip


def payout(shop: Shop) -> Any:
    """The card's newest payout."""
    return shop.product.sql("SELECT * FROM card_payout ORDER BY id")[-1]


def parts(shop: Shop) -> list[tuple[str, str, int, int, int]]:
    """(way, status, amount, bonus taken back, spent bonus deducted) of every part."""
    rows = shop.product.sql("SELECT * FROM card_payout_part ORDER BY id")
    return [(r.way, r.status, r.amount_fen, r.bonus_fen, r.deducted_fen) for r in rows]


def part_ids(shop: Shop) -> list[int]:
    return [row.id for row in shop.product.sql("SELECT id FROM card_payout_part ORDER BY id")]


def wallets_answer(shop: Shop) -> None:
    """The refunds that are under way come to their end."""
    shop.product.sweep()
    shop.product.simulator.advance(15)
    shop.product.sweep()


def audited(shop: Shop) -> list[str]:
    rows = shop.product.sql(
        "SELECT action FROM audit_entry WHERE subject = :s ORDER BY id",
        s=f"card:{shop.card.number}",
    )
    return [row.action for row in rows]
