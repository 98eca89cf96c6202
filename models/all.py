"""Imports every table, for migrations and tests."""

from models import (
    callback,
    event,
    merchant,
    ops,
    order,
    paycode,
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
    "callback",
    "event",
    "merchant",
    "ops",
    "order",
    "paycode",
    "person",
    "provider",
    "refund",
    "restored",
    "session",
    "total",
]
