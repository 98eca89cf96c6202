"""What the network and the wallets do to calls and notifications while it storms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qs, unquote, urlsplit

from errors import GatewayUnknown
from gateways.http import Answer
from simulator.faults import Fault
from simulator.outbox import Parcel
from tests.sim import deposit_storms
from tests.sim.customers import sheet
from tests.sim.play import CALL_LASTS_S, Play
from tests.sim.wallets import knock
from tests.sim.wire import operation

CALL_FAULTS = {
    "none": 80.0,
    "lost": 4.0,  # never arrives
    "lose_answer": 5.0,  # it took effect, nobody hears so
    "late": 3.0,  # given up, and then it arrives
    "error": 3.0,  # the wallet fails
    "limited": 2.0,  # the wallet has had enough of us
    "bad_signature": 1.0,
    "wrong_amount": 1.0,  # the wallet lies by one fen
    "slow": 2.0,
}
REFUND_FAULTS = {"lose_answer": 14.0, "late": 8.0}  # where it hurts most
NOTICE_FAULTS = {
    "none": 62.0,
    "lost": 9.0,
    "lost for good": 3.0,  # the wallet gives up telling: only asking and the bill know
    "delay": 8.0,
    "duplicate": 6.0,
    "lose_answer": 6.0,
    "wrong_amount": 3.0,
    "bad_signature": 2.0,
    "database down": 3.0,
}
CASES = {  # of the table of failures, by what the storm did
    "notice lost": "case 4",
    "notice lost for good": "case 4",
    "notice duplicate": "case 1",
    "notice lose_answer": "case 2",
    "notice wrong_amount": "case 7",
    "notice bad_signature": "case 9",
    "notice database down": "case 17",
    "notice delay": "case 6",
    "call lose_answer wechat.jsapi": "case 23",
    "call lose_answer alipay.create": "case 23",
    "call lose_answer wechat.refund": "case 29",
    "call lose_answer alipay.refund": "case 29",
    "call lose_answer wechat.micropay": "case 24",
    "call lose_answer alipay.pay": "case 24",
    "call lose_answer wechat.reverse": "case 24",
    "call lose_answer alipay.cancel": "case 24",
}
ERRORS = {"wechat": "SYSTEM_ERROR", "alipay": "isp.unknow-error"}
V2 = {"wechat.micropay", "wechat.orderquery_v2", "wechat.reverse"}
LIMITS = {"wechat": "FREQUENCY_LIMITED", "alipay": "isv.method-call-limited"}
# Where the simulator knows how to lie about an amount.
LYING = {"wechat.query", "alipay.query", *deposit_storms.ASKS}


BALANCES = ("wechat.merchant_funds", "alipay.seller_balance")
CLOSED = {"CLOSED": "NOTPAY", "TRADE_CLOSED": "WAIT_BUYER_PAY"}


def closing_number(url: str, body: bytes) -> str:
    """Which trade a call to close names."""
    parts = urlsplit(url)
    if parts.path.endswith("/close"):
        return unquote(parts.path.split("/")[-2])
    content = parse_qs(body.decode()).get("biz_content") or parse_qs(parts.query)["biz_content"]
    return str(json.loads(content[0])["out_trade_no"])


_NUMBER = re.compile(r"(?:sz0100(?:qhcs|sqkf)|01000052)[0-9A-Za-z_]+")


def number_in(url: str, body: bytes) -> str:
    """Which of our numbers a call is about, for the trace; a refund's where there is one."""
    found: list[str] = _NUMBER.findall(f"{unquote(url)} {unquote(body.decode())}")
    return found[-1] if found else "-"


class Storm:
    """The way of a call to the wallets, and of a notification back."""

    def __init__(self, play: Play) -> None:
        self.play = play

    # --- the product calls ------------------------------------------------------------------

    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        play, wallets = self.play, self.play.stage.wallets
        name = operation(method, url)
        began = play.now
        play.meanwhile()
        play.stage.kills.point(f"before {name}")
        kind = self._kind(name, url, body) if play.is_noisy else "none"
        if kind == "wrong_amount" and name not in LYING:
            kind = "none"
        if kind != "none":
            self._note(f"call {kind} {name}", f"fault call {kind}")
        if kind == "lost":
            raise GatewayUnknown("ConnectTimeout", sent=False)
        if kind == "late":
            self._later(name, method, url, headers, body)
            raise GatewayUnknown("ReadTimeout")
        if name.endswith(".refund") and any(n.encode() in body for n in play.lost):
            kind = "error"  # the wallet can not, whatever the weather
        self._arm(kind, name)
        answer = wallets.send(method, url, headers, body)
        wallets.world.faults.clear()
        play.say(f"{name} {number_in(url, body)} -> {answer.status}")
        if kind == "slow":
            play.pass_time(play.chance.seconds(0.5, 6))
        if name.endswith(".refund") and play.is_noisy:
            self._after_all(name, answer, method, url, headers, body)
        if name.endswith(".close") and answer.status < 300:
            self._cross(name.partition(".")[0], url, body)
        play.meanwhile()
        play.stage.kills.point(f"after {name}")
        if kind == "lose_answer" or play.now - began > CALL_LASTS_S:
            raise GatewayUnknown("ReadTimeout")
        return answer

    def _kind(self, name: str, url: str, body: bytes) -> str:
        """What becomes of this call."""
        if deposit_storms.is_of_deposit(name, body):
            return deposit_storms.kind_of(self.play, name, number_in(url, body))
        faults = CALL_FAULTS | (REFUND_FAULTS if name.endswith(".refund") else {})
        return self.play.chance.weighted(faults)

    def _after_all(
        self,
        name: str,
        answer: Answer,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        """The wallet says that the balance is too low, and makes the refund later all the same."""
        play, wallets = self.play, self.play.stage.wallets
        if b"NOT_ENOUGH" not in answer.body or not play.chance.hits(0.4):
            return

        def arrive() -> None:
            wallets.world.nonces.clear()  # the wallet repeats it, not we
            kept = {name: wallets.world.switches.get(name) for name in BALANCES}
            for switch in BALANCES:
                wallets.world.switches.set(switch, "enough")
            outcome = play.chance.weighted({"success": 5.0, "abnormal": 4.0, "closed": 1.0})
            wallets.world.switches.set("wechat.refund_outcome", outcome)
            made = wallets.send(method, url, headers, body)
            for switch, word in kept.items():
                wallets.world.switches.set(switch, word)
            play.say(f"{name} after all -> {made.status}")
            play.reach("fault refund after all")

        play.after(play.chance.seconds(1, 100), f"{name} is made after all", arrive)

    def _cross(self, wallet: str, url: str, body: bytes) -> None:
        """The payer's finger and our closing cross: the wallet says closed, and takes the money."""
        play, books = self.play, self.play.stage.wallets.world.books
        if not (play.is_noisy and play.chance.hits(0.4)):
            return
        number = closing_number(url, body)
        for open_sheet in play.sheets:
            trade = books.by_ref(wallet, open_sheet.ref)
            if trade is None or trade.out_trade_no != number or trade.state not in CLOSED:
                continue
            self._note(f"call cross {wallet}.close", "fault call cross")
            play.reach("case 5")
            trade.state = CLOSED[trade.state]
            books.put(trade)
            pays = partial(sheet, play, wallet, open_sheet.bridge, "confirm", open_sheet.person)
            play.after(play.chance.seconds(0.1, 90), f"{number} is paid all the same", pays)
            return

    def _arm(self, kind: str, name: str) -> None:
        faults, wallet = self.play.stage.wallets.world.faults, name.partition(".")[0]
        is_v2 = name in V2 or name.startswith("wechat.deposit.")
        if kind == "refused":
            faults.arm(Fault(name, "error", code=deposit_storms.REFUSED[wallet]))
        elif kind in ("error", "limited") and is_v2:
            faults.arm(Fault(name, "error", code="SYSTEMERROR"))
        elif kind == "error":
            faults.arm(Fault(name, "error", code=ERRORS[wallet]))
        elif kind == "limited":
            faults.arm(Fault(name, "error", code=LIMITS[wallet]))
        elif kind in ("bad_signature", "wrong_amount"):
            faults.arm(Fault(name, kind))

    def _later(
        self, name: str, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """The request sits in a queue somewhere and arrives when nobody expects it any more."""

        play, number = self.play, number_in(url, body)
        wait = deposit_storms.lateness(play, name, number)

        def arrive() -> None:
            deposit_storms.arrive(play, name, number)
            answer = play.stage.wallets.send(method, url, headers, body)
            play.say(f"{name} arrived late -> {answer.status}")

        play.after(wait or play.chance.seconds(7, 150), f"late {name}", arrive)

    # --- the wallets call -------------------------------------------------------------------

    def notice(self) -> None:
        """The next notification that is due, and what the network makes of it."""
        play, outbox = self.play, self.play.stage.wallets.outbox
        parcel = outbox.take()
        kind = play.chance.weighted(NOTICE_FAULTS) if play.is_noisy else "none"
        if kind != "none":
            self._note(f"notice {kind}", f"fault notice {kind}")
        if kind == "delay":
            outbox.later(parcel, play.chance.seconds(1, 90))
            return
        if kind == "lost for good":
            return
        if kind == "lost":
            outbox.again(parcel)
            return
        if kind in ("wrong_amount", "bad_signature"):
            play.stage.wallets.world.faults.arm(Fault(parcel.name, kind))
        play.stage.is_down = kind == "database down"
        heard = play.act(f"notice {parcel.name} {parcel.out_trade_no}", lambda: self._tell(parcel))
        play.stage.is_down = False
        play.stage.wallets.world.faults.clear()
        if kind == "duplicate":
            play.act(f"again {parcel.name} {parcel.out_trade_no}", lambda: self._tell(parcel))
        if not heard or kind == "lose_answer":
            outbox.again(parcel)

    def _tell(self, parcel: Parcel) -> bool:
        sent = parcel.build()
        answer = knock(self.play.stage.app, "POST", sent.url, sent.headers, sent.body)
        self.play.say(f"{urlsplit(sent.url).path.split('/')[2]} notice -> {answer.status}")
        return parcel.accepted(answer.status, answer.body)

    def _note(self, what: str, fault: str) -> None:
        self.play.say(f"fault {what}")
        self.play.reach(fault)
        if what in CASES:
            self.play.reach(CASES[what])


SKEWS = {600.0: 1.0, -600.0: 1.0, 200.0: 1.0, -200.0: 1.0, 3.0: 2.0, -3.0: 2.0}


def draw_clocks(play: Play) -> None:
    """Now and then our machines' clocks jump away, and come back after a while."""
    if not play.chance.hits(0.25):
        return
    at, lasts = play.chance.seconds(0, 200), play.chance.seconds(10, 150)
    off_s = play.chance.weighted(SKEWS)

    def jump(to: float) -> None:
        play.stage.clock.off_s = to
        play.reach("fault clock", "case 26")

    play.after(at, f"our clock is {off_s:+.0f} s off", partial(jump, off_s))
    play.after(at + lasts, "our clock is right again", partial(jump, 0.0))
