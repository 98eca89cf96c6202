"""Our own log as a journal of intents: which numbers it names, and nothing that it says of them.

Its lines are JSON, perhaps behind a journal's own words; whatever else stands there is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.deposit import MoveKind
from services.deposits.intents import FREEZE

WALLETS = ("wechat", "alipay")
LONGEST = 32  # of our numbers
MOST_FEN = 2_147_483_647
# A call's line of a version that did not write the intent: the number is a hold's.
_NAMES_HOLD = {("freeze", w) for w in WALLETS} | {("offer_freeze", "alipay"), ("consume", "wechat")}
_NAMES_HOLD |= {("cancel_freeze", w) for w in WALLETS}
_NAMES_NO_ORDER = frozenset({"release", "query_freeze"})


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """A number that a log names: not a fact, a question to ask."""

    out_trade_no: str
    channel: str
    out_refund_no: str = ""


@dataclass(frozen=True, slots=True, order=True)
class ToldDeposit:
    """A hold that a log names, with what was to be done with it: a question, too.

    The amount, the time and `ends` are what we asked for; the wallet says what came of it.
    """

    out_freeze_no: str
    channel: str
    at: str = ""  # ISO, UTC; "": the line does not say
    kind: str = FREEZE  # or a MoveKind
    number: str = ""  # of the consumption or release
    amount_fen: int = 0  # 0: the line does not say
    ends: bool = False
    payee: str = ""
    until: str = ""  # of a code that the payer scans, when it expires

    @property
    def asked_at(self) -> datetime | None:
        return _time(self.at)

    @property
    def expires_at(self) -> datetime | None:
        return _time(self.until)


def read_log(lines: Iterable[str]) -> set[Told | ToldDeposit]:
    """The numbers in our own log."""
    found: set[Told | ToldDeposit] = set()
    for line in lines:
        start = line.find("{")
        try:
            said = json.loads(line[start:]) if start >= 0 else None
        except ValueError:
            continue
        if isinstance(said, dict):
            found |= set(_named(said))
    return found


def _named(said: Mapping[str, Any]) -> Iterator[Told | ToldDeposit]:
    channel, number = said.get("channel"), said.get("out_trade_no")
    if isinstance(hold := said.get("out_freeze_no"), str):
        if channel in WALLETS and 1 <= len(hold) <= LONGEST:
            yield _deposit(said, hold, str(channel))
        return
    if channel == "balance" or not isinstance(number, str):  # a member's card: no wallet knows it
        return
    if (said.get("operation"), channel) in _NAMES_HOLD:
        yield ToldDeposit(number, str(channel))
        return
    if said.get("operation") in _NAMES_NO_ORDER:
        return
    refund = said.get("out_refund_no")
    for wallet in [str(channel)] if channel in WALLETS else WALLETS:
        yield Told(number, wallet, refund if isinstance(refund, str) else "")


def _deposit(said: Mapping[str, Any], hold: str, channel: str) -> ToldDeposit:
    """What can not be read of a line is as if it were not there: the hold is asked about."""
    kind, number, fen = said.get("deposit"), said.get("number"), said.get("amount_fen")
    is_move = kind in tuple(MoveKind) and isinstance(number, str) and 1 <= len(number) <= LONGEST
    is_fen = isinstance(fen, int) and 1 <= fen <= MOST_FEN
    return ToldDeposit(
        out_freeze_no=hold,
        channel=channel,
        at=_text(said, "at"),
        kind=str(kind) if is_move else FREEZE,
        number=str(number) if is_move else "",
        amount_fen=int(fen) if is_fen and isinstance(fen, int) else 0,
        ends=said.get("ends") is True,
        payee=_text(said, "payee"),
        until=_text(said, "until"),
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) and len(value) <= 40 else ""


def _time(text: str) -> datetime | None:
    """None for what is no time with a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
