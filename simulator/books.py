"""The upstream's own books: every trade and refund, in memory and in a journal."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any


@dataclass
class Refund:
    out_refund_no: str
    refund_id: str
    amount_fen: int
    state: str
    created_at: float
    facts: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """`funds_account`: the merchant's money that it came out of, in the wallet's word."""
        row = {
            "out_refund_no": self.out_refund_no,
            "amount_fen": self.amount_fen,
            "state": self.state,
        }
        funds = self.facts.get("funds_account")
        return row | ({"funds_account": funds} if funds else {})


@dataclass
class Trade:
    """One trade as the wallet holds it. `owner` is sp_mchid or the Alipay app that ordered.

    `state` is the wallet's own word (NOTPAY, SUCCESS, … or WAIT_BUYER_PAY, TRADE_SUCCESS, …).
    `facts` keeps what the channel needs besides (appid, openid, notify_url, order fingerprint, …).
    """

    channel: str
    owner: str
    mchid: str
    sub_mchid: str
    out_trade_no: str
    amount_fen: int
    state: str
    created_at: float
    expires_at: float
    transaction_id: str | None = None
    paid_at: str | None = None
    refunds: list[Refund] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """A row of GET /sim/books. `asked`: what was asked for besides, as it came."""
        return {
            "channel": self.channel,
            "mchid": self.mchid,
            "sub_mchid": self.sub_mchid,
            "out_trade_no": self.out_trade_no,
            "transaction_id": self.transaction_id,
            "amount_fen": self.amount_fen,
            "state": self.state,
            "paid_at": self.paid_at,
            "refunds": [r.row() for r in self.refunds],
            "asked": self.facts.get("asked", {}),
        } | ({"paid_with": self.facts["fund_channel"]} if "fund_channel" in self.facts else {})


class Books:
    """Callers hold `lock` while they read and change a trade, then call `put` to write it down."""

    def __init__(self, journal: Path | None) -> None:
        self.lock = threading.RLock()
        self._trades: dict[tuple[str, str, str], Trade] = {}
        self._by_ref: dict[str, tuple[str, str, str]] = {}
        self._by_refund: dict[tuple[str, str, str], tuple[str, str, str]] = {}
        self._file: FileIO | None = None
        if journal is not None:
            journal.parent.mkdir(parents=True, exist_ok=True)
            if journal.exists():
                self._replay(journal)
            self._open(journal)

    def _open(self, journal: Path) -> None:
        """Unbuffered: one line is one write, so that a killed process tears at most the last."""
        self._file = FileIO(journal, "a+")
        weakref.finalize(self, self._file.close)
        if not _ends_with_newline(self._file):
            self._file.write(b"\n")

    def close(self) -> None:
        """No more is written down."""
        with self.lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _replay(self, journal: Path) -> None:
        for line in journal.read_text(encoding="utf-8").splitlines():
            try:
                raw = json.loads(line)
            except ValueError:  # the last line of a process that was killed while writing
                continue
            raw["refunds"] = [Refund(**r) for r in raw["refunds"]]
            self._keep(Trade(**raw))

    def _keep(self, trade: Trade) -> None:
        key = (trade.channel, trade.owner, trade.out_trade_no)
        self._trades[key] = trade
        for ref in (trade.transaction_id, trade.facts.get("prepay_id")):
            if ref:
                self._by_ref[f"{trade.channel}:{ref}"] = key
        for refund in trade.refunds:
            self._by_refund[(trade.channel, trade.owner, refund.out_refund_no)] = key

    def put(self, trade: Trade) -> None:
        with self.lock:
            self._keep(trade)
            if self._file is not None:
                row = vars(trade) | {"refunds": [vars(r) for r in trade.refunds]}
                self._file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())

    def find(self, channel: str, owner: str, out_trade_no: str) -> Trade | None:
        return self._trades.get((channel, owner, out_trade_no))

    def by_ref(self, channel: str, ref: str) -> Trade | None:
        """By transaction_id / trade_no, or by prepay_id."""
        key = self._by_ref.get(f"{channel}:{ref}")
        return self._trades.get(key) if key is not None else None

    def by_refund(self, channel: str, owner: str, out_refund_no: str) -> Trade | None:
        """The trade that has a refund of this number."""
        key = self._by_refund.get((channel, owner, out_refund_no))
        return self._trades.get(key) if key is not None else None

    def all(self) -> Iterator[Trade]:
        with self.lock:
            return iter(list(self._trades.values()))

    def reset(self) -> None:
        with self.lock:
            self._trades.clear()
            self._by_ref.clear()
            self._by_refund.clear()
            if self._file is not None:
                self._file.truncate(0)


def _ends_with_newline(file: FileIO) -> bool:
    size = file.seek(0, 2)
    if size == 0:
        return True
    file.seek(size - 1)
    return file.read(1) == b"\n"
