"""Tills: a payment code is scanned, the payer types a password or does not, and nobody can wait."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from services.codepay import listing, people
from services.codepay.charging import Charge, charge
from services.codepay.refusals import ReentryBlocked
from tests.sim.customers import WALLETS
from tests.sim.play import Play
from tests.sim.stage import CAST

SHOPS = ("qinghe-hubin", "nanchuang", "shanque-qiaodong")
PREFIX = {"qinghe-hubin": "sz0100qhcs", "nanchuang": "01000052", "shanque-qiaodong": "sz0100sqkf"}
ANSWERS = {
    "wechat.micropay_result": {
        "SUCCESS": 45.0,
        "USERPAYING": 35.0,
        "SYSTEMERROR": 8.0,
        "BANKERROR": 4.0,
        "NOTENOUGH": 8.0,
    },
    "wechat.reverse_recall": {"N": 88.0, "Y": 12.0},
    "alipay.pay_result": {"10000": 60.0, "10003": 40.0},
}
PAYER = {"confirm": 55.0, "cancel": 12.0, "fail": 8.0, "leave": 25.0}


@dataclass
class Sale:
    """One payment code at one till."""

    play: Play
    name: str
    wallet: str
    person: str
    shop: str
    amount_fen: int
    number: str
    asked: Charge | None = None

    def begin(self) -> None:
        chance = self.play.chance
        at = chance.seconds(0, 150)
        self.play.after(at, f"{self.name} scans", self.scan)
        if chance.hits(0.3):
            again = at + chance.seconds(0.05, 30)
            self.play.after(again, f"{self.name} charges the same again", self.again)
        if chance.hits(0.2):
            self.play.after(at + chance.seconds(1, 40), f"{self.name} charges another", self.other)
        if chance.hits(0.2):
            self.play.after(at + chance.seconds(5, 60), f"{self.name} gives up", self.give_up)

    def scan(self) -> None:
        play = self.play
        for name, shares in ANSWERS.items():
            word = play.chance.weighted(shares) if play.is_noisy else next(iter(shares))
            play.stage.wallets.world.switches.set(name, word)
        body = json.dumps({"person": self.person}).encode()
        shown = play.stage.wallets.send(
            "POST", f"http://wallets/sim/{self.wallet}/paycode",
            {"Content-Type": "application/json"}, body,
        )  # fmt: skip
        store = listing.shop(play.stage.deps, self.shop)
        self.asked = Charge(
            provider_id=store.provider_id,
            merchant_id=store.merchant_id,
            store_id=store.id,
            amount_fen=self.amount_fen,
            auth_code=str(json.loads(shown.body)["auth_code"]),
            asked_by="sim:till",
            out_trade_no=self.number,
        )
        wait = play.chance.seconds(1, 45)
        act = play.chance.weighted(PAYER)
        if act != "leave":
            play.after(wait, f"{self.name}'s payer {act}s", lambda: self._password(act))
        self._charge(self.asked)

    def _charge(self, asked: Charge) -> None:
        found = charge(self.play.stage.deps, asked)
        self.play.say(f"{self.name}: {found.state}")
        self.play.reach(f"code {found.state}")

    def again(self) -> None:
        if self.asked is not None:
            self._charge(self.asked)

    def other(self) -> None:
        """Another amount under the number: refused, and the first is not touched by it."""
        if self.asked is None:
            return
        try:
            self._charge(replace(self.asked, amount_fen=self.amount_fen + 1))
        except ReentryBlocked:
            self.play.reach("case 407")

    def give_up(self) -> None:
        if self.asked is None:
            return
        found = people.cancel(
            self.play.stage.deps, self.asked.provider_id, self.number, actor="sim:till"
        )
        self.play.say(f"{self.name}: {found.state}")

    def _password(self, act: str) -> None:
        """What the payer does with the password's window, if there is one."""
        body = json.dumps({"out_trade_no": self.number, "act": act, "person": self.person})
        url = f"http://wallets/sim/wallet/{self.wallet}/pay"
        answer = self.play.stage.wallets.send(
            "POST", url, {"Content-Type": "application/json"}, body.encode()
        )
        self.play.say(f"{self.wallet} password {act} -> {answer.status}")
        if answer.status == 200:
            self.play.reach(f"password {act}")


def draw(play: Play) -> None:
    """Who comes to the tills today."""
    chance = play.chance
    few = chance.has_cards or chance.has_deposits
    for n in range(chance.whole(0, 1 if few else 2)):
        shop = chance.among(SHOPS)
        Sale(
            play,
            f"till{n}",
            chance.among(WALLETS),
            chance.among(CAST),
            shop,
            chance.whole(1, 40_000),
            f"{PREFIX[shop]}t{play.seed:08d}{n:02d}",
        ).begin()
