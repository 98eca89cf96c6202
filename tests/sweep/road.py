"""One whole road in four parts, walked by a person who does not give up.

paid:    opened, identified, pressed, confirmed; the notification pays it, the job follows.
polled:  the notification is lost; the worker asks twice and pays it; the late notice comes after.
left:    pressed and left; the worker closes it upstream at its time, then looks once more.
changed: pressed, then another amount: the first trade is closed upstream, the second is paid.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from services.totals_check import differences
from tests.harness.phone import MAIN, Form, Phone, words
from tests.sweep.stage import Stage

CODE = "8K3FQ2"
PAUSE_S = 0.15
TRIES = 60
BEHIND_S = -30.0  # the wallet's clock in `left`, so that we close before the wallet does by itself


@dataclass
class Walk:
    """One person on one part of the road; `mark` is what he writes on the form."""

    stage: Stage
    wallet: str
    mark: str
    phone: Phone = field(init=False)
    confirmed: int = 0

    def __post_init__(self) -> None:
        self.phone = Phone(self.stage.product.url, self.stage.simulator, self.wallet)

    # --- what a person does -------------------------------------------------------------------

    def open_form(self) -> Form:
        """Scan; no page, an error or the last payment's result: scan again, for a new payment."""
        path = f"/q/{MAIN}/{CODE}"
        shown = ""
        for _ in range(TRIES):
            try:
                answer = self.phone.scan(path=path)
            except requests.RequestException as problem:
                shown = type(problem).__name__
                time.sleep(PAUSE_S)
                continue
            if 'name="intent"' in answer.text:
                return Phone.read_form(answer)
            shown, path = words(answer.text)[:200], f"/q/{MAIN}/{CODE}?new=1"
            time.sleep(PAUSE_S)
        raise AssertionError(f"no form after {TRIES} scans: {shown}")

    def press(self, form: Form, amount: str, *, tries: int = TRIES) -> dict[str, Any] | None:
        """The same form again while there is no answer or the answer is to try again."""
        said = ""
        for _ in range(tries):
            try:
                answer = self.phone.press(form, amount, remark=self.mark)
            except requests.RequestException:
                time.sleep(PAUSE_S)
                continue
            if answer.status_code == 200:
                made: dict[str, Any] = answer.json()
                assert "bridge" in made, f"nothing to pay with: {made}"
                return made
            said = answer.text
            assert answer.status_code in (409, 500, 502, 503), said
            time.sleep(PAUSE_S)
        assert tries < TRIES, f"no answer after {tries} presses: {said}"
        return None

    def confirm(self, made: dict[str, Any]) -> None:
        self.phone.confirm(made)
        self.confirmed += 1

    # --- the four parts -----------------------------------------------------------------------

    def paid(self) -> None:
        self._pay("12.34")
        self._followed()

    def polled(self) -> None:
        simulator = self.stage.simulator
        made = self.press(self.open_form(), "23.45")
        assert made is not None
        simulator.advance(21)
        self.stage.wait("the first question", lambda: self._attempt().polls >= 1)
        simulator.fault(f"{self.wallet}.notify", "drop", times=1000)
        self.confirm(made)
        simulator.advance(21)
        self._followed()
        simulator.clear_faults()

    def left(self) -> None:
        simulator = self.stage.simulator
        form = self.open_form()
        simulator.post("/sim/clock", {"skew_s": BEHIND_S})
        try:
            self.press(form, "34.56", tries=1)
            if not self._attempts():
                return  # the process died before anything was written down
            simulator.advance(301)
            self.stage.wait("closed", lambda: self._order().status == "closed")
            simulator.advance(61)
            self.stage.wait("the last look", lambda: self._attempt().due_at is None)
        finally:
            simulator.post("/sim/clock", {"skew_s": 0})

    def changed(self) -> None:
        form = self.open_form()
        self.press(form, "45.67")
        made = self.press(form, "56.78")
        assert made is not None
        self.confirm(made)
        self._followed()
        self.stage.simulator.advance(61)
        self.stage.wait("the last look", lambda: all(a.due_at is None for a in self._attempts()))

    def _pay(self, amount: str) -> None:
        made = self.press(self.open_form(), amount)
        assert made is not None
        self.confirm(made)

    # --- what became of it --------------------------------------------------------------------

    def _attempts(self) -> list[Any]:
        return self.stage.product.sql(_ATTEMPTS, mark=self.mark)

    def _attempt(self) -> Any:
        return self._attempts()[-1]

    def _order(self) -> Any:
        return self.stage.product.one(
            "SELECT * FROM pay_order WHERE remark = :mark", mark=self.mark
        )

    def _followed(self) -> None:
        self.stage.wait("paid", lambda: self._order().status == "paid")
        order = self._order()
        self.stage.wait(
            "the follow-up job",
            lambda: (
                [r.status for r in self.stage.product.sql(_JOBS, i=str(order.id))] == ["succeeded"]
            ),
        )

    def rest(self) -> None:
        """Until nothing is under way: every notification delivered, every attempt final."""
        simulator = self.stage.simulator
        calm = 0

        def is_calm() -> bool:
            nonlocal calm
            waiting = simulator.get("/sim/outbox")
            calm = 0 if waiting else calm + 1
            if waiting:
                now = simulator.get("/sim/health")["time"]
                simulator.advance(max(0.0, waiting[0]["due_at"] - now) + 0.1)
                time.sleep(0.2)
            return calm >= 3

        self.stage.wait("notifications delivered", is_calm, push=False)
        self.stage.wait("attempts final", lambda: all(a.due_at is None for a in self._attempts()))
        # else this part's takings would be added up, and counted as a point, in the next one
        self.stage.wait("takings", lambda: not self.stage.product.sql("SELECT 1 FROM day_delta"))

    def check(self) -> None:
        """The case's own orders; the books of the whole sweep are compared trade by trade."""
        product = self.stage.product
        product.assert_books_agree()
        product.assert_nothing_stuck()
        still = product.sql(
            "SELECT out_trade_no, status, due_at FROM pay_attempt"
            " WHERE status IN ('created', 'payable', 'closing') OR due_at IS NOT NULL"
        )
        assert not still, f"not final: {still}"
        orders = product.sql("SELECT * FROM pay_order WHERE remark = :m", m=self.mark)
        paid = [order for order in orders if order.status == "paid"]
        assert len(paid) == self.confirmed, f"{self.confirmed} confirmed, {len(paid)} paid"
        assert all(order.status in ("paid", "closed") for order in orders), orders
        theirs = {t["out_trade_no"] for t in self.stage.simulator.books() if t["paid_at"]}
        ours = {a.out_trade_no for a in self._attempts() if a.status == "paid"}
        assert ours == theirs & {a.out_trade_no for a in self._attempts()}
        assert len(ours) == self.confirmed
        for order in paid:
            self._check_followed(order)
        assert not product.sql("SELECT 1 FROM money_case"), "a case was opened"
        assert product.deps.transact(differences) == [], "the takings are not what was paid"

    def _check_followed(self, order: Any) -> None:
        assert order.followed_up_at is not None
        told = self.stage.product.sql(
            "SELECT action FROM audit_entry WHERE subject = :s ORDER BY id",
            s=f"order:{order.out_trade_no}",
        )
        assert [row.action for row in told] == ["order_paid", "order_followed_up"], told
        jobs = [row.status for row in self.stage.product.sql(_JOBS, i=str(order.id))]
        assert jobs == ["succeeded"], jobs


_ATTEMPTS = (
    "SELECT a.* FROM pay_attempt a JOIN pay_order o ON o.provider_id = a.provider_id"
    " AND o.id = a.order_id WHERE o.remark = :mark ORDER BY a.id"
)
_JOBS = (
    "SELECT status FROM procrastinate_jobs WHERE task_name = 'order_paid'"
    " AND args->>'order_id' = :i"
)
PARTS: dict[str, Callable[[Walk], None]] = {
    "paid": Walk.paid,
    "polled": Walk.polled,
    "left": Walk.left,
    "changed": Walk.changed,
}
