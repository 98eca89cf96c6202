"""A desk that takes deposits: it holds a payer's money, consumes of it, and gives back the rest.

Only a share of the plays has deposits, and what their desks and their calls draw is drawn apart:
the others cost and show what they always did.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from errors import AppError
from services.codepay import listing
from services.deposits import consuming, freezing, releasing, sweep
from services.deposits.consuming import Consume
from services.deposits.freezing import Freeze
from services.deposits.releasing import Release
from tests.sim.customers import WALLETS
from tests.sim.play import Play
from tests.sim.stage import CAST
from tests.sim.tills import ANSWERS, PREFIX

SHOP, MOST_FEN = "qinghe-hubin", 40_000  # of the one merchant that may take deposits
DIES = 0.2  # of what this desk asks for, its process dies in the middle
SETTLING = {
    "wechat.deposit_consume": {"at_once": 50.0, "settling": 25.0, "err_settling": 15.0,
                               "fails": 10.0},
    "wechat.deposit_settle_s": {"2": 70.0, "40": 30.0},
}  # fmt: skip
PAYER = {"confirm": 62.0, "cancel": 20.0, "leave": 18.0}
USES = {"some": 5.0, "all": 2.0, "above": 1.0, "release some": 4.0, "ask": 1.0}


@dataclass
class Deposit:
    """One payer's deposit at the desk, from holding it to its end."""

    play: Play
    name: str
    wallet: str
    person: str
    fen: int
    number: str
    asked: Freeze | None = None
    made: int = 0  # consumptions and releases so far

    def begin(self) -> None:
        play, dice = self.play, self.play.chance.deposits
        at = dice.seconds(0, 90)
        play.after(at, f"{self.name} is asked for", self.hold)
        if dice.hits(0.3):
            play.after(at + dice.seconds(0.05, 30), f"{self.name} is asked for again", self.again)
        if dice.hits(0.15):
            play.after(at + dice.seconds(1, 60), f"{self.name} is asked for as another", self.other)
        for _ in range(dice.whole(2, 4)):
            at += dice.seconds(8, 70)
            play.after(at, f"{self.name} is used", self.use)
        if dice.hits(0.6):
            at += dice.seconds(5, 80)
            play.after(at, f"the rest of {self.name} goes back", self.give_back)

    # --- holding ----------------------------------------------------------------------------

    def hold(self) -> None:
        """The payer's code is scanned, or shows ours to be scanned where the wallet knows that."""
        play, dice = self.play, self.play.chance.deposits
        self._set(ANSWERS)
        shop = listing.shop(play.stage.deps, SHOP)
        by_scan = self.wallet == "alipay" and dice.hits(0.25)
        self.asked = Freeze(
            provider_id=shop.provider_id,
            merchant_id=shop.merchant_id,
            store_id=shop.id,
            out_freeze_no=self.number,
            freeze_fen=self.fen,
            asked_by="sim:desk",
            auth_code="" if by_scan else self._shown_code(),
        )
        if self.wallet == "wechat" and dice.hits(0.15):
            play.held_up[self.number] = dice.seconds(48, 58)  # when nobody waits for it any more
        act, wait = dice.weighted(PAYER), dice.seconds(2, 50)
        if act != "leave":
            play.after(wait, f"{self.name}'s payer {act}s", partial(self._agrees, act))
        if act != "confirm" and dice.hits(0.9):
            wait += dice.seconds(8, 45)
            play.after(wait, f"{self.name} is held after all", self.after_all)
        self._ask("hold", partial(freezing.freeze, play.stage.deps, self.asked))

    def again(self) -> None:
        """A till that has not heard asks the same once more."""
        if self.asked is not None:
            self._ask("hold again", partial(freezing.freeze, self.play.stage.deps, self.asked))

    def other(self) -> None:
        """Another sum under the number: refused, and nothing of the first is touched."""
        if self.asked is not None:
            other = replace(self.asked, freeze_fen=self.fen + 1)
            self._ask("hold another", partial(freezing.freeze, self.play.stage.deps, other))

    def after_all(self) -> None:
        """The wallet had said that nothing is held, and holds it: the payer's finger crossed it. We
        look once more after an end, so it can come to light until then."""
        play, world = self.play, self.play.stage.wallets.world
        row = self.row()
        if row is None or row.status != "failed" or row.due_at is None or play.depth > 1:
            return
        for theirs in world.freezes.all(self.wallet):
            if theirs.out_freeze_no != self.number or theirs.frozen_at is not None:
                continue
            theirs.state = {"wechat": "USERPAYING", "alipay": "INIT"}[self.wallet]
            theirs.expires_at = play.now + 60
            theirs.facts.pop("cancelled", None)
            play.reach("fault held after its end")
            self._agrees("confirm")

    def _shown_code(self) -> str:
        url = f"http://wallets/sim/{self.wallet}/paycode"
        return str(self._phone(url, {"person": self.person})["auth_code"])

    def _agrees(self, act: str) -> None:
        """What the payer does with the password's window, or with the code that the desk shows."""
        said: dict[str, Any] = {"act": act, "person": self.person}
        row = self.row()
        if row is not None and row.code_url is not None:
            said["qrCode"] = row.code_url
        else:
            said["out_trade_no" if self.wallet == "wechat" else "out_order_no"] = self.number
        told = self._phone(f"http://wallets/sim/wallet/{self.wallet}/pay", said)
        self.play.say(f"{self.wallet} {act} {told.get('code', '')}".rstrip())

    def _phone(self, url: str, said: dict[str, Any]) -> dict[str, Any]:
        kind = {"Content-Type": "application/json"}
        body = json.dumps(said).encode()
        told: dict[str, Any] = json.loads(
            self.play.stage.wallets.send("POST", url, kind, body).body
        )
        return told

    # --- using ------------------------------------------------------------------------------

    def use(self) -> None:
        """Consume or release some of it, or ask how it stands; often before it is held at all."""
        row, dice = self.row(), self.play.chance.deposits
        if row is None or (row.status != "frozen" and dice.hits(0.7)):
            return
        kind = dice.weighted(USES)
        if kind == "ask":
            self._ask("look", partial(sweep.ask, self.play.stage.deps, row.provider_id, row.id))
            return
        room = row.room if kind != "above" else row.room + 1
        whole = kind in ("all", "above") or room < 2
        fen = max(1, room if whole else dice.whole(1, room))
        if kind == "release some":
            self.release(self.fen if self.wallet == "wechat" else fen)
        else:
            self.consume(fen, ends=self.wallet == "wechat" or dice.hits(0.3))

    def consume(self, fen: int, *, ends: bool) -> None:
        self._set(SETTLING)
        asked = self.asked
        if asked is None:
            return
        cmd = Consume(
            provider_id=asked.provider_id,
            merchant_id=asked.merchant_id,
            store_id=asked.store_id,
            out_freeze_no=self.number,
            out_trade_no=self._next("c"),
            amount_fen=fen,
            ends=ends,
            asked_by="sim:desk",
        )
        deps, dice = self.play.stage.deps, self.play.chance.deposits
        if dice.hits(0.15):  # it comes when we have given it up, and look once more
            known = self.number if self.wallet == "wechat" else cmd.out_trade_no
            self.play.held_up[known] = dice.seconds(70, 115)
        again = replace(cmd, amount_fen=fen + self._another())
        self._ask_twice(
            f"consume {fen}{' and end' if ends else ''}",
            partial(consuming.consume, deps, cmd),
            partial(consuming.consume, deps, again),
        )

    def give_back(self) -> None:
        """All that nothing else is at."""
        row = self.row()
        if row is not None and row.status == "frozen" and row.room:
            self.release(row.room)

    def release(self, fen: int) -> None:
        asked, deps = self.asked, self.play.stage.deps
        if asked is None:
            return
        cmd = Release(
            provider_id=asked.provider_id,
            merchant_id=asked.merchant_id,
            out_freeze_no=self.number,
            out_unfreeze_no=self._next("r"),
            amount_fen=fen,
            asked_by="sim:desk",
            allowed_by="sim:owner",
        )
        again = replace(cmd, amount_fen=fen + self._another())
        self._ask_twice(
            f"release {fen}",
            partial(releasing.release, deps, cmd),
            partial(releasing.release, deps, again),
        )

    def _ask_twice(self, what: str, do: Callable[[], object], same: Callable[[], object]) -> None:
        """Now and then the till asks again: it has not heard, or its process died."""
        if self.play.chance.deposits.hits(0.4) and self.play.is_noisy:
            wait = self.play.chance.deposits.seconds(0.05, 70)
            self.play.after(wait, f"{self.name} again", partial(self._ask, f"{what} again", same))
        self._ask(what, do)

    def _ask(self, what: str, do: Callable[[], object]) -> None:
        play = self.play

        def asking() -> None:
            try:
                do()
            except AppError as no:
                play.reach(f"deposit {no.code}")
                raise

        play.act(f"{self.name}: {what}", asking, dies=DIES, dice=play.chance.deposits)

    def _next(self, kind: str) -> str:
        self.made += 1
        return f"{self.number}{kind}{self.made}"

    def _another(self) -> int:
        """A repeat that means something else is refused."""
        return 1 if self.play.chance.deposits.hits(0.15) else 0

    def _set(self, moods: dict[str, dict[str, float]]) -> None:
        for name, shares in moods.items():
            word = next(iter(shares))
            if self.play.is_noisy:
                word = self.play.chance.deposits.weighted(shares)
            self.play.stage.wallets.world.switches.set(name, word)

    def row(self) -> Any:
        """As it stands here; None where nothing was written down."""
        found = self.play.rows(
            "SELECT provider_id, id, status, due_at, code_url, freeze_fen - held_fen - consumed_fen"
            " - released_fen - lapsed_fen AS room FROM deposit_freeze"
            f" WHERE out_freeze_no = '{self.number}'"
        )
        return found[0] if found else None


def draw(play: Play) -> list[Deposit]:
    """Who leaves a deposit today."""
    dice = play.chance.deposits
    found = []
    for n in range(dice.whole(1, 3)):
        number = f"{PREFIX[SHOP]}d{play.seed:08d}{n:02d}"
        one = Deposit(play, f"deposit{n}", dice.among(WALLETS), dice.among(CAST),
                      dice.whole(1, MOST_FEN), number)  # fmt: skip
        found.append(one)
        one.begin()
    return found


def settle(play: Play, deposits: list[Deposit]) -> None:
    """The desk closes for the day: what is held goes back, or is forgotten, and the wallet gives it
    back by itself after thirty days."""
    play.withdrawn.clear()
    kept = [one for one in deposits if not play.chance.deposits.hits(0.25)]
    for _ in range(2):
        ends = play.now + 900
        while play.step(ends):
            pass
        for one in kept:
            play.act(f"the rest of {one.name} goes back", one.give_back)
