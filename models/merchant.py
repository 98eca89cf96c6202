"""The merchant (子商户), its stores (门店) and their people."""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId, Fen, RowId, TenantId


class GrantState(StrEnum):
    """A merchant's grant to the provider's Alipay app (product ALI-5)."""

    NONE = "none"
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


class PageMode(StrEnum):
    """What the pay page asks for (product STO-2)."""

    DEFAULT = "default"
    TOTAL_PLUS_UNDISCOUNTABLE = "total_plus_undiscountable"
    CONSUME_PLUS_DEPOSIT = "consume_plus_deposit"


class StaffRole(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    CLERK = "clerk"


class Merchant(Base):
    __tablename__ = "merchant"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "out_sub_mch_id"),
        UniqueConstraint("provider_id", "order_prefix"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    out_sub_mch_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    short_name: Mapped[str] = mapped_column(String(32))
    order_prefix: Mapped[str] = mapped_column(String(10))
    sub_provider_id: Mapped[BigId | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    wechat_sub_mchid: Mapped[str | None] = mapped_column(String(32))
    alipay_pid: Mapped[str | None] = mapped_column(String(32))  # who gets the money, 2088…
    alipay_state: Mapped[GrantState] = mapped_column(default=GrantState.NONE)
    alipay_wap: Mapped[bool] = mapped_column(default=False)  # trade.wap.pay in place of create
    unsigned_links: Mapped[bool] = mapped_column(default=False)  # DSP-2: the old, unsigned form
    seal_key: Mapped[str] = mapped_column(String(64))
    authen_key_sealed: Mapped[str] = mapped_column(String(512))
    min_fen: Mapped[Fen | None]
    max_fen: Mapped[Fen | None]
    created_at: Mapped[datetime]


class Store(Base):
    __tablename__ = "store"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "out_shop_id"),
        Index("ix_store_merchant", "provider_id", "merchant_id", "id"),
        CheckConstraint(
            "NOT is_active OR (paused_at IS NULL AND deleted_at IS NULL)", name="open_is_active"
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    out_shop_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(32))
    branch_name: Mapped[str] = mapped_column(String(32), default="")
    store_group_id: Mapped[BigId | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    opens_at: Mapped[time | None]  # Asia/Shanghai; None: always open
    closes_at: Mapped[time | None]
    page_mode: Mapped[PageMode] = mapped_column(default=PageMode.DEFAULT)
    goods_tag: Mapped[str | None] = mapped_column(String(32))
    # 「本门店禁用会员卡」 of the old product; screens show its opposite (product CARD-20)
    disable_membership_card: Mapped[bool] = mapped_column(default=False, server_default="false")
    takes_remark: Mapped[bool] = mapped_column(default=True, server_default="true")
    min_fen: Mapped[Fen | None]
    max_fen: Mapped[Fen | None]
    province: Mapped[str] = mapped_column(String(32), default="", server_default="")
    city: Mapped[str] = mapped_column(String(32), default="", server_default="")
    district: Mapped[str] = mapped_column(String(32), default="", server_default="")
    address: Mapped[str] = mapped_column(String(128), default="", server_default="")
    phone: Mapped[str] = mapped_column(String(64), default="", server_default="")  # the shop's own
    longitude: Mapped[str] = mapped_column(String(16), default="", server_default="")  # GCJ-02
    latitude: Mapped[str] = mapped_column(String(16), default="", server_default="")
    # who is told of payments: also those off duty; also of payments by the payer's code
    receive_notify_after_duty: Mapped[bool] = mapped_column(default=False, server_default="false")
    send_micro_pay_notify: Mapped[bool] = mapped_column(default=False, server_default="false")
    paused_at: Mapped[datetime | None]  # by the merchant, who may go on; is_active is false then
    deleted_at: Mapped[datetime | None]  # its transactions stay (product STO-5)
    created_at: Mapped[datetime]


def _refunds(context: Any) -> bool:
    return bool(context.get_current_parameters()["role"] != StaffRole.CLERK)


def _is_owner(context: Any) -> bool:
    return bool(context.get_current_parameters()["role"] == StaffRole.OWNER)


class Staff(Base):
    """A person of a merchant: prepared, activated by whoever has the code, at last removed.

    What a role may do stands in `services/people/rights.py`; what is given to the single person
    beside it, here. Without `person_id` nobody comes in by it yet.
    """

    __tablename__ = "staff"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(["provider_id", "person_id"], ["person.provider_id", "person.id"]),
        UniqueConstraint("provider_id", "merchant_id", "number"),
        Index(
            "uq_staff_person",
            "provider_id",
            "merchant_id",
            text("COALESCE(store_id, 0)"),
            "person_id",
            unique=True,
            postgresql_where=text("is_active AND person_id IS NOT NULL"),
        ),
        Index("ix_staff_person", "provider_id", "person_id"),
        CheckConstraint("removed_at IS NULL OR NOT is_active", name="removed_is_inactive"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId | None]
    person_id: Mapped[BigId | None]
    public_id: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(String(32), info={"personal": "name"})
    role: Mapped[StaffRole]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    number: Mapped[str | None] = mapped_column(
        String(32), info={"personal": "name"}
    )  # 店员编号, unique at the merchant
    can_refund: Mapped[bool] = mapped_column(default=_refunds, server_default="false")
    can_manage_admins: Mapped[bool] = mapped_column(default=_is_owner, server_default="false")
    wants_notices: Mapped[bool] = mapped_column(default=True, server_default="true")
    phone_sealed: Mapped[str | None] = mapped_column(String(512), info={"personal": "phone"})
    phone_hash: Mapped[str | None] = mapped_column(String(64), info={"personal": "phone"})
    password_hash: Mapped[str | None] = mapped_column(
        String(160), info={"personal": "secret"}
    )  # of the cashier
    remark: Mapped[str] = mapped_column(
        String(80), default="", server_default="", info={"personal": "words"}
    )
    activated_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
