"""The Gold Plan (点金计划): what we told WeChat about each merchant, and what receipts prove."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Enum,
    ForeignKeyConstraint,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, RowId, TenantId


class Switched(StrEnum):
    """What WeChat last confirmed to us: it has no API to ask how a switch stands."""

    UNSET = "unset"  # we never switched it
    OPEN = "open"
    CLOSED = "closed"


_WORD: Final = Enum(
    Switched,
    native_enum=False,
    create_constraint=False,  # three columns of one kind: the table has one check over them
    length=8,
    values_callable=lambda kind: [member.value for member in kind],
)
_WORDS: Final = "('unset', 'open', 'closed')"


class GoldPlan(Base):
    """One merchant's switches. A merchant that was never touched has no row.

    `unsure` maps a switch to what was asked for it when no answer came: either may be true.
    `viewed_*` is written when WeChat showed our receipt with a check code that holds: that proves
    plan and receipt open at the time. `closed_at` counts the 24 hours (product GP-4).
    """

    __tablename__ = "gold_plan"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "merchant_id"),
        CheckConstraint("plan <> 'closed' OR closed_at IS NOT NULL", name="closed_has_time"),
        CheckConstraint(
            f"plan IN {_WORDS} AND receipt IN {_WORDS} AND ads IN {_WORDS}", name="switched"
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    plan: Mapped[Switched] = mapped_column(_WORD, default=Switched.UNSET, server_default="unset")
    scene: Mapped[str] = mapped_column(String(24), default="JSAPI", server_default="JSAPI")
    receipt: Mapped[Switched] = mapped_column(_WORD, default=Switched.UNSET, server_default="unset")
    ads: Mapped[Switched] = mapped_column(_WORD, default=Switched.UNSET, server_default="unset")
    tags: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    blocks: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    unsure: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    plan_changed_at: Mapped[datetime | None]
    receipt_changed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]  # when closing was last asked for
    viewed_at: Mapped[datetime | None]  # the newest proven view, to the minute
    viewed_paid_at: Mapped[datetime | None]  # when the order of that view was paid
    odd_at: Mapped[datetime | None]  # the newest view whose check code did not hold
    created_at: Mapped[datetime]


class GoldPlanSetting(Base):
    """What somebody told us about the provider's own page at WeChat, which no API shows."""

    __tablename__ = "gold_plan_setting"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    # "open by default" is on there: every merchant is open and none is closed singly (GP-6)
    managed_by_default: Mapped[bool] = mapped_column(default=False, server_default="false")
    has_link: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[datetime]
