"""Imports every table, for migrations and tests."""

from models import (
    bill,
    callback,
    card,
    event,
    ledger,
    membership,
    merchant,
    ops,
    order,
    paycode,
    payout,
    person,
    provider,
    refund,
    restored,
    session,
    total,
)
from models.base import Base

__all__ = [
    "Base",
    "bill",
    "callback",
    "card",
    "event",
    "ledger",
    "membership",
    "merchant",
    "ops",
    "order",
    "paycode",
    "payout",
    "person",
    "provider",
    "refund",
    "restored",
    "session",
    "total",
]
