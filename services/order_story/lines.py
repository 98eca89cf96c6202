"""One thing that happened: when, who, what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gateways.money import yuan_from_fen
from services.numbers import SHANGHAI

WALLETS = {"wechat": "WeChat Pay", "alipay": "Alipay", "balance": "the member's card"}


@dataclass(frozen=True, slots=True)
class Line:
    """`at` is aware; lines of one second stay in the order in which they were told."""

    at: datetime
    who: str
    what: str

    @property
    def second(self) -> datetime:
        return self.at.replace(microsecond=0)

    def __str__(self) -> str:
        return f"{both(self.at)}  {self.who}: {self.what}"


def both(at: datetime) -> str:
    """UTC with its date, then China's clock: the two that people compare."""
    china = at.astimezone(SHANGHAI)
    return f"{at.astimezone(UTC):%F %T}Z  ({china:%m-%d %T} China)"


def yuan(fen: int) -> str:
    return f"¥{yuan_from_fen(fen)}"


def wallet(channel: str) -> str:
    return WALLETS.get(channel, channel)


def person(actor: str) -> str:
    """An actor of the audit trail as people say it; it is a role and an id, never an openid."""
    kind, _, name = actor.partition(":")
    if kind == "upstream":
        return wallet(name) if name else "the wallet"
    if kind == "cli":
        return f"{name} at the command line"
    if kind == "system":
        return f"Yima by itself ({name.replace('_', ' ')})"
    return f"{kind} {name}" if name else kind
