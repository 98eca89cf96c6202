"""Imports every table, for migrations and tests."""

from models import event, merchant, ops, order, paycode, person, provider, refund, session
from models.base import Base

__all__ = [
    "Base",
    "event",
    "merchant",
    "ops",
    "order",
    "paycode",
    "person",
    "provider",
    "refund",
    "session",
]
