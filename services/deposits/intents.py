"""What is about to be asked of a wallet about a deposit, written into the log beforehand.

The log outlives the database: after a restored backup it names what was lost (ADR 019). It holds
numbers and amounts, never a code and never a payer.
"""

from __future__ import annotations

import logging
from datetime import datetime

from models.deposit import DepositFreeze, MoveKind

FREEZE = "freeze"

log = logging.getLogger(__name__)


def tell_freeze(
    channel: str,
    payee: str,
    out_freeze_no: str,
    amount_fen: int,
    now: datetime,
    *,
    until: datetime | None = None,
) -> None:
    """`until`: of a code that the payer is to scan, when it expires."""
    _tell(FREEZE, channel, payee, out_freeze_no, now, amount_fen=amount_fen,
          until=until.isoformat() if until else "")  # fmt: skip


def tell_move(
    freeze: DepositFreeze,
    kind: MoveKind,
    number: str,
    amount_fen: int,
    now: datetime,
    *,
    ends: bool = False,
) -> None:
    """A consumption or release, by its own number; `ends`: the rest goes back with it."""
    _tell(kind.value, freeze.channel, freeze.payee, freeze.out_freeze_no, now, number=number,
          amount_fen=amount_fen, ends=ends)  # fmt: skip


def _tell(
    kind: str, channel: str, payee: str, out_freeze_no: str, now: datetime, **facts: object
) -> None:
    said = {"deposit": kind, "channel": channel, "payee": payee, "out_freeze_no": out_freeze_no}
    log.info("deposit intent", extra={**said, "at": now.isoformat(), **facts})
