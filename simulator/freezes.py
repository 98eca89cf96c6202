"""Deposits (押金, 预授权) as the wallets hold them: money of a payer that is held, not paid.

What is consumed of one is an ordinary trade in the books; a freeze only names it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.books import Trade

LIFE_S = 30 * 86400.0  # after that the wallet releases what is left


@dataclass
class Freeze:
    """`state` is the wallet's own word, `owner` as in Trade, `orders` the numbers of its trades.

    `frozen_at` is None until the payer's money is held, `ends_at` when it is released unasked;
    `operations` are Alipay's: each freeze, payment and unfreezing with its `out_request_no`.
    """

    channel: str
    owner: str
    mchid: str
    sub_mchid: str
    out_freeze_no: str
    freeze_id: str
    freeze_fen: int
    state: str
    created_at: float
    expires_at: float
    consumed_fen: int = 0
    released_fen: int = 0
    frozen_at: float | None = None
    orders: list[str] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def left_fen(self) -> int:
        """What is held now."""
        if self.frozen_at is None:
            return 0
        return self.freeze_fen - self.consumed_fen - self.released_fen

    @property
    def ends_at(self) -> float:
        return (self.frozen_at or self.created_at) + LIFE_S

    def row(self, refunded_fen: int) -> dict[str, Any]:
        """A row of GET /sim/freezes."""
        return {
            "channel": self.channel,
            "mchid": self.mchid,
            "sub_mchid": self.sub_mchid,
            "out_freeze_no": self.out_freeze_no,
            "freeze_id": self.freeze_id or None,
            "freeze_fen": self.freeze_fen,
            "consumed_fen": self.consumed_fen,
            "released_fen": self.released_fen,
            "refunded_fen": refunded_fen,
            "state": self.state,
            "orders": list(self.orders),
        }


class FreezeBook:
    """Freezes by channel, owner and number, with a journal; callers hold the books' lock."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._freezes: dict[tuple[str, str, str], Freeze] = {}
        self._by_id: dict[tuple[str, str], Freeze] = {}
        self._by_request: dict[tuple[str, str, str], Freeze] = {}
        if journal.exists():
            self._replay()

    def _replay(self) -> None:
        """A last line that a killed process tore is not one, and the next begins behind it."""
        text = self._journal.read_text("utf-8", "replace")
        for line in text.splitlines():
            try:
                self._keep(Freeze(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        if text and not text.endswith("\n"):
            self._write("\n")

    def _keep(self, freeze: Freeze) -> None:
        self._freezes[(freeze.channel, freeze.owner, freeze.out_freeze_no)] = freeze
        if freeze.freeze_id:
            self._by_id[(freeze.channel, freeze.freeze_id)] = freeze
        for made in freeze.operations:
            if made["out_request_no"]:
                key = (freeze.channel, freeze.owner, made["out_request_no"])
                self._by_request[key] = freeze

    def put(self, freeze: Freeze) -> None:
        self._keep(freeze)
        self._write(json.dumps(vars(freeze), ensure_ascii=False) + "\n")

    def _write(self, text: str) -> None:
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(text)

    def find(self, channel: str, owner: str, out_freeze_no: str) -> Freeze | None:
        return self._freezes.get((channel, owner, out_freeze_no))

    def by_id(self, channel: str, freeze_id: str) -> Freeze | None:
        """By WeChat's transaction_id or Alipay's auth_no."""
        return self._by_id.get((channel, freeze_id))

    def by_request(self, channel: str, owner: str, out_request_no: str) -> Freeze | None:
        """The freeze that has an operation of this number."""
        return self._by_request.get((channel, owner, out_request_no))

    def all(self, channel: str = "") -> list[Freeze]:
        return [f for f in self._freezes.values() if channel in ("", f.channel)]

    def forget(self) -> None:
        self._freezes.clear()
        self._by_id.clear()
        self._by_request.clear()
        self._journal.unlink(missing_ok=True)


def refunded(trade: Trade | None, gone: tuple[str, ...] = ("CLOSED",)) -> int:
    """What has been given back of a consumption; a refund that failed for good is not counted."""
    return sum(r.amount_fen for r in trade.refunds if r.state not in gone) if trade else 0
