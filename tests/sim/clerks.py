"""People of the shop who give money back, and what the wallets make of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from services.cards.problems import CardRefused
from services.refunds import people, repeating, sending
from services.refunds.asking import Ask, ask_for
from services.refunds.refusals import RefundRefused
from tests.sim.play import Play

OUTCOMES = {
    "wechat.refund_outcome": {"success": 76.0, "processing": 10.0, "closed": 8.0, "abnormal": 14.0},
    "wechat.merchant_funds": {"enough": 80.0, "short": 20.0},
    "wechat.refund_spacing_s": {"0": 80.0, "60": 20.0},
    "wechat.refund_delay_s": {"2": 60.0, "90": 30.0, "7200": 10.0},
    "alipay.refund_outcome": {"at_once": 64.0, "later": 20.0, "never": 8.0, "refused": 8.0},
    "alipay.seller_balance": {"enough": 88.0, "short": 12.0},
    "alipay.refund_delay_s": {"2": 60.0, "90": 30.0, "7200": 10.0},
}
BALANCES = {"wechat": "wechat.merchant_funds", "alipay": "alipay.seller_balance"}


@dataclass
class Clerks:
    play: Play

    def begin(self) -> None:
        at = 5.0
        for _ in range(self.play.chance.whole(2, 5)):
            at += self.play.chance.seconds(5, 80)
            self.play.after(at, "the clerk refunds", self.refund)
            if self.play.chance.hits(0.5):
                self.play.after(at - 1, "the wallets' mood", self.mood)
        for _ in range(3):
            at += self.play.chance.seconds(10, 60)
            self.play.after(at, "the owner looks at what waits", self.waiting)

    def mood(self) -> None:
        """How the wallets take refunds from now on."""
        switches = self.play.stage.wallets.world.switches
        for name, shares in OUTCOMES.items():
            word = self.play.chance.weighted(shares)
            switches.set(name, word)
            self.play.reach(f"mood {name} {word}")

    def refund(self) -> None:
        """Some, all, or too much of some paid order; now and then the same once more."""
        play, chance = self.play, self.play.chance
        paid = play.rows(
            "SELECT o.provider_id, o.out_trade_no, a.amount_fen, a.held_fen FROM pay_order o"
            " JOIN pay_attempt a ON a.provider_id = o.provider_id AND a.order_id = o.id"
            " AND a.transaction_id = o.transaction_id WHERE o.status = 'paid'"
            " ORDER BY o.out_trade_no"
        )
        if not paid:
            return
        order = chance.among(paid)
        rest = order.amount_fen - order.held_fen
        amount = self._amount(order.amount_fen, rest)
        number = None
        if chance.hits(0.3):
            number = f"{order.out_trade_no[:24]}c{chance.whole(1, 3)}"
        self._ask(order, amount, number)
        if chance.hits(0.2):
            play.reach("case 27" if number is None else "case 31")
            self._ask(order, amount + chance.whole(0, 1), number)

    def _amount(self, whole: int, rest: int) -> int:
        kind = self.play.chance.weighted({"all": 3.0, "some": 5.0, "above": 1.0, "none": 0.5})
        if kind == "all":
            return rest
        if kind == "above":
            return rest + 1
        return self.play.chance.whole(1, max(1, whole)) if kind == "some" else 0

    def _ask(self, order: Any, amount: int, number: str | None) -> None:
        play, deps = self.play, self.play.stage.deps
        wanted = Ask(
            order.provider_id, order.out_trade_no, amount, "点错了", "sim:clerk", "sim:owner",
            out_refund_no=number,
        )  # fmt: skip
        play.say(f"refund {amount} of {order.out_trade_no} as {number or '-'}")
        try:
            made = ask_for(deps, wanted)
        except RefundRefused as no:
            play.say(f"refused {no.code}")
            play.reach(f"refused {no.code}")
            return
        except CardRefused as no:  # a recharge that was spent
            play.say(f"refused {no.code}")
            play.reach(f"recharge refund {no.code}")
            return
        if play.is_noisy and play.chance.hits(0.04):
            row = play.rows(f"SELECT out_refund_no, status FROM refund WHERE id = {made}")[0]
            if row.status != "success":  # as one to a card is at once
                play.lost.add(row.out_refund_no)  # whatever comes, the wallet can not make it
                play.reach("fault refund lost")
        play.stage.kills.point("before sending a refund")
        sending.send(deps, order.provider_id, made)

    def waiting(self) -> None:
        """Retry or give up what waits for the merchant's balance."""
        play = self.play
        for row in play.rows(
            "SELECT out_refund_no FROM refund WHERE status = 'waiting' ORDER BY out_refund_no"
        ):
            play.reach("case 32")
            if play.is_noisy and play.chance.hits(0.5):
                continue  # tomorrow
            if play.chance.hits(0.6):
                if play.is_noisy:
                    self.mood()
                play.act(f"retry {row.out_refund_no}", partial(self._retry, row.out_refund_no))
            else:
                play.act(f"cancel {row.out_refund_no}", partial(self._cancel, row.out_refund_no))

    def second_payments(self) -> None:
        """What a wallet would not give back by itself, somebody asks for by the wallet's number."""
        play, deps = self.play, self.play.stage.deps
        for row in play.rows(
            "SELECT o.provider_id, o.out_trade_no, a.transaction_id, a.amount_fen - a.held_fen"
            " AS rest FROM pay_order o JOIN pay_attempt a ON a.provider_id = o.provider_id"
            " AND a.order_id = o.id WHERE a.status = 'paid' AND a.held_fen < a.amount_fen"
            " AND a.transaction_id <> o.transaction_id ORDER BY a.out_trade_no"
        ):
            play.say(f"the second payment of {row.out_trade_no} goes back by hand")
            wanted = Ask(
                row.provider_id, row.out_trade_no, row.rest, "重复付款", "sim:owner", "sim:owner",
                transaction_id=row.transaction_id,
            )  # fmt: skip
            sending.send(deps, row.provider_id, ask_for(deps, wanted))

    def systems(self) -> None:
        """A merchant's own system hears at once that the balance is short, and some day sends the
        same number again: in a quarter of the plays, when all else is over."""
        if not self.play.chance.has_systems:
            return
        play, switches = self.play, self.play.stage.wallets.world.switches
        for row in play.rows(
            "SELECT o.provider_id, o.out_trade_no, a.channel FROM pay_order o JOIN pay_attempt a"
            " ON a.provider_id = o.provider_id AND a.order_id = o.id"
            " AND a.transaction_id = o.transaction_id WHERE o.status = 'paid' AND NOT o.is_frozen"
            " AND o.purpose = 'sale' AND a.channel <> 'balance' AND a.held_fen < a.amount_fen"
            " ORDER BY o.out_trade_no LIMIT 1"
        ):
            name = BALANCES[row.channel]
            for word in ("short", "enough"):
                switches.set(name, word)
                self._of_a_system(row)

    def _of_a_system(self, row: Any) -> None:
        play, deps = self.play, self.play.stage.deps
        wanted = Ask(
            row.provider_id, row.out_trade_no, 1, "多收", "sim:system", "sim:system",
            out_refund_no=f"{row.out_trade_no[:24]}s1",
        )  # fmt: skip
        try:
            made = ask_for(deps, wanted)
        except RefundRefused as no:
            play.say(f"refused {no.code}")
            return
        repeating.take_up(deps, row.provider_id, made)
        repeating.send_or_fail(deps, row.provider_id, made, actor="sim:system")
        play.say(f"a system's refund of {row.out_trade_no}")

    def _retry(self, number: str) -> None:
        self.play.say(str(people.retry(self.play.stage.deps, number, actor="sim:owner")))

    def _cancel(self, number: str) -> None:
        self.play.say(str(people.cancel(self.play.stage.deps, number, actor="sim:owner")))
