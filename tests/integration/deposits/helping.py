"""A till that holds deposits, the payer's phone, and what became of the money."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from models.deposit import DepositFreeze
from services.codepay import listing
from services.deposits import sweep
from services.deposits.consuming import Consume, consume
from services.deposits.freezing import Freeze, freeze
from services.deposits.releasing import Release, release
from tests.harness.product import Product
from tests.integration.codepay.helping import SHOP, cases, paycode

__all__ = ["SHOP", "cases", "paycode"]

WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
FREEZE = {"wechat": "wechat.deposit.micropay", "alipay": "alipay.fund.auth.order.freeze"}
QUERY = {
    "wechat": "wechat.deposit.orderquery",
    "alipay": "alipay.fund.auth.operation.detail.query",
}
CONSUME = {"wechat": "wechat.deposit.consume", "alipay": "alipay.trade.pay"}
RELEASE = {"wechat": "wechat.deposit.reverse", "alipay": "alipay.fund.auth.order.unfreeze"}
CANCEL = {"wechat": "wechat.deposit.reverse", "alipay": "alipay.fund.auth.operation.cancel"}
PASSWORD = {
    "wechat": ("wechat.micropay_result", "USERPAYING"),
    "alipay": ("alipay.pay_result", "10003"),
}
PATIENCE = {"wechat": 42, "alipay": 60}


class Desk:
    """One shop that may hold deposits; every number begins with its merchant's prefix."""

    def __init__(self, product: Product, shop: str = SHOP) -> None:
        self.product = product
        self.shop = listing.shop(product.deps, shop)
        allow(product)
        self.prefix = product.one(
            "SELECT order_prefix FROM merchant WHERE provider_id = :p AND id = :m",
            p=self.shop.provider_id,
            m=self.shop.merchant_id,
        ).order_prefix

    def number(self) -> str:
        return f"{self.prefix}{secrets.token_hex(7)}"

    def freeze(self, wallet: str, fen: int = 10000, **more: Any) -> DepositFreeze:
        """The payer's code scanned, and how the hold stands then."""
        cmd = Freeze(
            **{
                "provider_id": self.shop.provider_id,
                "merchant_id": self.shop.merchant_id,
                "store_id": self.shop.id,
                "out_freeze_no": self.number(),
                "freeze_fen": fen,
                "asked_by": "test:till",
                "auth_code": paycode(self.product, wallet),
                **more,
            }
        )
        freeze(self.product.deps, cmd)
        return self.now(cmd.out_freeze_no)

    def consume(self, held: DepositFreeze, fen: int, *, ends: bool = True, **more: Any) -> Any:
        """Consumed; the order as it stands then."""
        cmd = Consume(
            **{
                "provider_id": self.shop.provider_id,
                "merchant_id": self.shop.merchant_id,
                "store_id": self.shop.id,
                "out_freeze_no": held.out_freeze_no,
                "out_trade_no": self.number(),
                "amount_fen": fen,
                "ends": ends,
                "asked_by": "test:till",
                **more,
            }
        )
        consume(self.product.deps, cmd)
        return self.order(cmd.out_trade_no)

    def release(self, held: DepositFreeze, fen: int, **more: Any) -> Any:
        """Released; the release as it stands then."""
        cmd = Release(
            **{
                "provider_id": self.shop.provider_id,
                "merchant_id": self.shop.merchant_id,
                "out_freeze_no": held.out_freeze_no,
                "out_unfreeze_no": self.number(),
                "amount_fen": fen,
                "asked_by": "test:till",
                "allowed_by": "test:till",
                **more,
            }
        )
        release(self.product.deps, cmd)
        return self.move(cmd.out_unfreeze_no)

    def now(self, held: DepositFreeze | str) -> DepositFreeze:
        number = held if isinstance(held, str) else held.out_freeze_no
        row = self.product.one("SELECT id FROM deposit_freeze WHERE out_freeze_no = :n", n=number)
        return sweep.read(self.product.deps, self.shop.provider_id, row.id)

    def order(self, number: str) -> Any:
        return self.product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=number)

    def move(self, number: str) -> Any:
        return self.product.one("SELECT * FROM deposit_move WHERE number = :n", n=number)

    def after(self, held: DepositFreeze, seconds: float) -> DepositFreeze:
        """So many seconds later, the worker's due times met."""
        self.product.simulator.advance(seconds)
        self.product.sweep()
        return self.now(held)

    def upstream(self, held: DepositFreeze) -> dict[str, Any] | None:
        rows: list[dict[str, Any]] = self.product.simulator.get("/sim/freezes")
        return next((r for r in rows if r["out_freeze_no"] == held.out_freeze_no), None)

    def agrees(self, held: DepositFreeze) -> None:
        """The wallet's own books and ours, to the fen; and our room is the sum of the moves."""
        ours, theirs = self.now(held), self.upstream(held)
        assert theirs is not None
        back = ours.released_fen + ours.lapsed_fen
        assert (theirs["consumed_fen"], theirs["released_fen"]) == (ours.consumed_fen, back)
        assert theirs["freeze_fen"] == ours.freeze_fen
        room_adds_up(self.product)


def room_adds_up(product: Product) -> None:
    wrong = product.sql(
        "SELECT f.out_freeze_no FROM deposit_freeze f LEFT JOIN deposit_move m"
        " ON m.provider_id = f.provider_id AND m.freeze_id = f.id GROUP BY f.provider_id, f.id"
        " HAVING f.held_fen <> COALESCE(sum(m.amount_fen + m.rest_fen)"
        " FILTER (WHERE m.status IN ('created', 'unknown')), 0)"
        " OR f.consumed_fen <> COALESCE(sum(m.amount_fen)"
        " FILTER (WHERE m.status = 'done' AND m.kind = 'consume'), 0)"
        " OR f.released_fen <> COALESCE(sum(CASE m.kind WHEN 'release' THEN m.amount_fen"
        " ELSE m.rest_fen END) FILTER (WHERE m.status = 'done'), 0)"
    )
    assert not wrong, wrong


def allow(product: Product) -> None:
    """Everything that deposits need is open, at every merchant."""
    product.do(
        "UPDATE merchant SET wechat_route = 'direct', deposit_step = 'open',"
        " refund_api_step = 'open', alipay_preauth_signed = true"
    )


def phone(product: Product, wallet: str, held: DepositFreeze, act: str = "confirm") -> Any:
    """What the payer does with the password's window."""
    name = "out_trade_no" if wallet == "wechat" else "out_order_no"
    return product.simulator.wallet(wallet, {name: held.out_freeze_no}, act, person="zhou")


def wait_for_password(desk: Desk, wallet: str, **more: Any) -> DepositFreeze:
    desk.product.simulator.switch(*PASSWORD[wallet])
    held = desk.freeze(wallet, **more)
    assert held.status == "waiting", held.status
    return held
