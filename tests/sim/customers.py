"""Customers: they scan, press, press again, change their mind, pay late, pay twice or walk away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from services import checkout, intents
from services.checkout import Purchase, Started
from services.payers import Payer
from services.problems import PayProblem
from services.scan import Scan, check_open, scan_code, scan_store
from services.seed import MAIN
from tests.sim.play import Play, Sheet
from tests.sim.stage import CAST

CODES = ("8K3FQ2", "8K3FQ3", "2W7ND5", "6P0HJ9")
WALLETS = ("wechat", "alipay")
ACTS = {"confirm": 68.0, "cancel": 8.0, "fail": 5.0, "leave": 19.0}


@dataclass
class Visit:
    """One wish to pay: a form rendered for one payer, or a one-off number for whoever scans."""

    play: Play
    name: str
    person: str
    wallet: str
    amount_fen: int
    code: str = ""
    number: str = ""  # of a one-off link
    intent_key: str = ""
    presses: int = 0
    public_ids: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """The script of this customer, drawn once."""
        play, chance = self.play, self.play.chance
        at = chance.seconds(0, 60)
        play.after(at, f"{self.name} presses", self.press)
        if chance.hits(0.25):
            play.reach("case 18")
            play.after(at + 0.05, f"{self.name} presses twice", self.press)
        if chance.hits(0.25):
            play.after(at + chance.seconds(2, 200), f"{self.name} changes the amount", self._other)
        if self.number and chance.hits(0.7):
            play.after(
                at + chance.seconds(0.1, 60), f"{self.name} by the other wallet", self._switch
            )

    def press(self) -> None:
        play = self.play
        self.presses += 1
        try:
            started = self._start()
        except PayProblem as problem:
            play.say(f"{self.name} reads {problem.code}")
            if play.is_noisy and self.presses < 6 and play.chance.hits(0.7):
                play.after(play.chance.seconds(1, 20), f"{self.name} presses again", self.press)
            return
        self.public_ids.add(started.public_id)
        if started.bridge is None:
            play.say(f"{self.name} sees the result page")
            return
        play.say(f"{self.name} has a sheet")
        play.sheets.append(Sheet(self.wallet, dict(started.bridge), self.person))
        self._at_the_sheet(self.wallet, dict(started.bridge))

    def _start(self) -> Started:
        deps = self.play.stage.deps
        payer = self.play.stage.payers[self.wallet, self.person]
        scan = self._scan()
        check_open(scan, self.wallet, deps.now())
        if not self.intent_key:
            self.intent_key = self._intent(scan, payer)
        return checkout.start_payment(
            deps,
            scan,
            payer,
            Purchase(self.amount_fen),
            intent_key=self.intent_key,
            expires_at=deps.now() + timedelta(seconds=deps.settings.order_expires_s),
            trade_no=self.number or None,
        )

    def _scan(self) -> Scan:
        deps = self.play.stage.deps
        scan = scan_code(deps, MAIN, self.code)
        if not self.number:
            return scan
        return deps.transact(lambda s: scan_store(s, scan.provider_id, scan.store_id, None))

    def _intent(self, scan: Scan, payer: Payer) -> str:
        if self.number:
            return f"d{scan.merchant_id}:{self.number}"
        deps, code_id = self.play.stage.deps, scan.code_id
        assert code_id is not None
        latest = deps.transact(
            lambda s: intents.latest_order(s, scan.provider_id, code_id, payer.person_id)
        )
        found = intents.next_intent(scan.provider_id, code_id, payer.person_id, latest, deps.now())
        return found.key

    def _other(self) -> None:
        if not self.number:  # a one-off number has one amount
            self.amount_fen = self.play.chance.whole(1, 40_000)
        self.press()

    def _switch(self) -> None:
        """Somebody else scans the same number with the other wallet."""
        self.wallet = WALLETS[1 - WALLETS.index(self.wallet)]
        self.person = self.play.chance.among(CAST)
        self.press()

    # --- the wallet's sheet -----------------------------------------------------------------

    def _at_the_sheet(self, wallet: str, bridge: Mapping[str, Any]) -> None:
        play, person = self.play, self.person
        act = play.chance.weighted(ACTS) if play.is_noisy else "leave"
        if act == "leave":
            return
        wait = play.chance.seconds(0.2, 40)
        if play.chance.hits(0.12):  # in the last second, or after it
            wait = play.chance.seconds(280, 320)
        play.after(
            wait,
            f"{self.name} {act}s by {wallet}",
            lambda: sheet(play, wallet, bridge, act, person),
        )
        if act != "confirm" and play.chance.hits(0.5):
            play.after(
                wait + play.chance.seconds(1, 30),
                f"{self.name} confirms after all",
                lambda: sheet(play, wallet, bridge, "confirm", person),
            )


def sheet(play: Play, wallet: str, bridge: Mapping[str, Any], act: str, person: str) -> bool:
    """What the phone does with the bridge's parameters; True when the wallet took it."""
    body = json.dumps({**bridge, "act": act, "person": person}).encode()
    url = f"http://wallets/sim/wallet/{wallet}/pay"
    answer = play.stage.wallets.send("POST", url, {"Content-Type": "application/json"}, body)
    said = json.loads(answer.body)
    play.say(f"{wallet} {act} -> {answer.status} {said.get('code', '')}".rstrip())
    return answer.status == 200


def draw(play: Play) -> list[Visit]:
    """Who comes today."""
    chance = play.chance
    found = []
    few = chance.has_cards or chance.has_deposits  # such plays have others enough
    for n in range(chance.whole(0, 1) if few else chance.whole(2, 4)):
        visit = Visit(
            play,
            f"customer{n}",
            chance.among(CAST),
            chance.among(WALLETS),
            chance.whole(1, 40_000),
            code=chance.among(CODES),
        )
        if chance.hits(0.3):
            visit.code = "8K3FQ2"
            visit.number = f"sz0100qhcs{play.seed:08d}{n:02d}"
        found.append(visit)
        visit.begin()
    return found
