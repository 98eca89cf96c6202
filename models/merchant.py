"""The merchant (子商户), its stores (门店) and their people."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Enum,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
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


class MerchantSource(StrEnum):
    """How a merchant came here."""

    MANUAL = "manual"
    FILE = "file"  # a spreadsheet
    APPLYMENT = "applyment"  # 特约商户进件
    MAIDAN = "maidan"  # the sync of 买单 sub-merchants


class WechatRoute(StrEnum):
    """渠道: how a merchant's WeChat money runs (product 1.7)."""

    DIRECT = "direct"
    MAIDAN = "maidan"


class PermissionStep(StrEnum):
    """How far a permission at WeChat is (product PRM-2, PRM-3): only the last is the permission."""

    NONE = "none"
    WHITELISTED = "whitelisted"  # WeChat lets the provider invite
    INVITED = "invited"  # the merchant has to confirm
    OPEN = "open"


_STEP: Final = Enum(
    PermissionStep,
    native_enum=False,
    create_constraint=False,  # two columns of one kind: the table has one check over them
    length=32,
    values_callable=lambda kind: [member.value for member in kind],
)
_STEPS: Final = "('none', 'whitelisted', 'invited', 'open')"


class FaceToFace(StrEnum):
    """当面付 of the merchant's Alipay (product ALI-6), as far as anybody told us."""

    UNKNOWN = "unknown"
    APPLYING = "applying"  # takes about one working day
    OPEN = "open"


class DeviceRule(StrEnum):
    """What the API asks of a trade that names a device (product DEV-7); in order of strictness.

    Whatever it is: an unbound or deleted device, and a wrong serial number, are refused.
    """

    IF_TOLD = "if_told"  # a bound device may leave its serial number out
    BOUND = "bound"  # it may not
    REGISTERED = "registered"  # and whoever names no device of the shop is refused


class Merchant(Base):
    """`version` rises with every change that a person makes: who saw an older one is told."""

    __tablename__ = "merchant"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "sub_provider_id"], ["sub_provider.provider_id", "sub_provider.id"]
        ),
        UniqueConstraint("provider_id", "out_sub_mch_id"),
        UniqueConstraint("provider_id", "order_prefix"),
        UniqueConstraint("provider_id", "second_prefix"),
        Index("ix_merchant_wechat", "provider_id", "wechat_sub_mchid"),
        Index("ix_merchant_alipay", "provider_id", "alipay_pid"),
        Index("ix_merchant_sub_provider", "provider_id", "sub_provider_id", "id"),
        CheckConstraint("deleted_at IS NULL OR NOT is_active", name="deleted_is_inactive"),
        CheckConstraint("(old_key_sealed IS NULL) = (old_key_until IS NULL)", name="old_key_ends"),
        CheckConstraint("rebate_bp BETWEEN 0 AND 10000", name="rebate_is_a_share"),
        CheckConstraint("second_prefix <> order_prefix", name="two_prefixes"),
        CheckConstraint(
            f"deposit_step IN {_STEPS} AND refund_api_step IN {_STEPS}",
            name="permissionstep",
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    out_sub_mch_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    short_name: Mapped[str] = mapped_column(String(32))
    order_prefix: Mapped[str] = mapped_column(String(10))  # new numbers begin with it
    # of the tills of an older product: numbers that begin with it are taken, too (product MCH-4)
    second_prefix: Mapped[str | None] = mapped_column(String(10))
    sub_provider_id: Mapped[BigId | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    wechat_sub_mchid: Mapped[str | None] = mapped_column(String(32))
    # an official account, mini program or app that WeChat has bound to that number
    wechat_sub_appid: Mapped[str | None] = mapped_column(String(32))
    alipay_pid: Mapped[str | None] = mapped_column(String(32))  # who gets the money, 2088…
    alipay_state: Mapped[GrantState] = mapped_column(default=GrantState.NONE)
    alipay_wap: Mapped[bool] = mapped_column(default=False)  # trade.wap.pay in place of create
    unsigned_links: Mapped[bool] = mapped_column(default=False)  # DSP-2: the old, unsigned form
    seal_key: Mapped[str] = mapped_column(String(64))
    authen_key_sealed: Mapped[str] = mapped_column(String(512))
    min_fen: Mapped[Fen | None]
    max_fen: Mapped[Fen | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    source: Mapped[MerchantSource] = mapped_column(
        default=MerchantSource.MANUAL, server_default="manual"
    )
    # its keys were never seen by anybody, or nobody said that they are kept (product SYN-7)
    needs_setup: Mapped[bool] = mapped_column(default=False, server_default="false")
    wechat_checked_at: Mapped[datetime | None]  # WeChat last knew the pair (product MCH-2)
    wechat_route: Mapped[WechatRoute] = mapped_column(
        default=WechatRoute.DIRECT, server_default="direct"
    )
    has_maidan: Mapped[bool] = mapped_column(default=False, server_default="false")
    deposit_step: Mapped[PermissionStep] = mapped_column(
        _STEP, default=PermissionStep.NONE, server_default="none"
    )
    refund_api_step: Mapped[PermissionStep] = mapped_column(
        _STEP, default=PermissionStep.NONE, server_default="none"
    )
    alipay_preauth_signed: Mapped[bool] = mapped_column(default=False, server_default="false")
    face_to_face: Mapped[FaceToFace] = mapped_column(
        default=FaceToFace.UNKNOWN, server_default="unknown"
    )
    face_to_face_at: Mapped[datetime | None]  # when that was said
    rebate_bp: Mapped[int | None]  # 1/100 of a percent, for statistics only; None: the provider's
    admin_name: Mapped[str] = mapped_column(
        String(32), default="", server_default="", info={"personal": "name"}
    )
    admin_email: Mapped[str] = mapped_column(
        String(128), default="", server_default="", info={"personal": "phone"}
    )
    remark: Mapped[str] = mapped_column(
        String(200), default="", server_default="", info={"personal": "words"}
    )
    logo_id: Mapped[str | None] = mapped_column(String(24))  # `public_id` of one of `logo`
    # the key before the last reset, which still serves until then (product MCH-5)
    old_seal_key: Mapped[str | None] = mapped_column(String(64))
    old_key_sealed: Mapped[str | None] = mapped_column(String(512))
    old_key_until: Mapped[datetime | None]
    # the API: codes by MD5 of old clients, and when each key last proved a call
    cpay_md5: Mapped[bool] = mapped_column(default=False, server_default="false")
    key_used_at: Mapped[datetime | None]
    old_key_used_at: Mapped[datetime | None]
    md5_used_at: Mapped[datetime | None]
    device_rule: Mapped[DeviceRule] = mapped_column(
        default=DeviceRule.BOUND, server_default="bound"
    )
    # codes that were wrong: the last one, and how many there were on its day in Shanghai
    authen_failed_at: Mapped[datetime | None]
    authen_failed_on: Mapped[date | None]
    authen_failures: Mapped[int] = mapped_column(default=0, server_default="0")
    deleted_at: Mapped[datetime | None]  # its transactions stay (product MCH-7)


class SubProvider(Base):
    """子服务商: a channel below a provider, by which merchants come; it has no wallets itself."""

    __tablename__ = "sub_provider"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "name"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(String(64))
    remark: Mapped[str] = mapped_column(
        String(200), default="", server_default="", info={"personal": "words"}
    )
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime]


class StoreGroup(Base):
    """门店分组: stores of one merchant that belong together."""

    __tablename__ = "store_group"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "merchant_id", "name"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]


class ConsentState(StrEnum):
    """What became of an Alipay account's consent to our app."""

    TAKEN = "taken"  # money goes there
    WAITING = "waiting"  # of another account than before: somebody has to say yes
    REFUSED = "refused"
    ENDED = "ended"  # taken once, and another came after it, or it was cleared


class AlipayConsent(Base):
    """One consent of an Alipay account for a merchant, or for one store of it: kept for good."""

    __tablename__ = "alipay_consent"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        Index("ix_alipay_consent_merchant", "provider_id", "merchant_id", text("id DESC")),
        CheckConstraint(
            "(state = 'waiting') = (token_sealed IS NOT NULL)", name="waits_with_token"
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    store_id: Mapped[BigId | None]
    pid: Mapped[str] = mapped_column(String(32))
    state: Mapped[ConsentState]
    seal_key: Mapped[str] = mapped_column(String(64))
    token_sealed: Mapped[str | None] = mapped_column(String(512))  # only while it waits
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(64), default="", server_default="")


class MerchantFile(Base):
    """A spreadsheet of merchants between its dry run and its import; removed a week later."""

    __tablename__ = "merchant_file"
    __table_args__ = (ForeignKeyConstraint(["provider_id"], ["provider.id"]),)

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    public_id: Mapped[str] = mapped_column(String(24))
    # the .xlsx as it came, later the rows that were read from it
    content: Mapped[bytes] = mapped_column(info={"personal": "words"})
    rows: Mapped[int | None]  # None: not read yet
    is_clean: Mapped[bool | None]  # of the newest dry run
    imported_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Store(Base):
    __tablename__ = "store"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(
            ["provider_id", "store_group_id"], ["store_group.provider_id", "store_group.id"]
        ),
        UniqueConstraint("provider_id", "out_shop_id"),
        Index("ix_store_merchant", "provider_id", "merchant_id", "id"),
        Index(
            "uq_store_own_number",
            "provider_id",
            "merchant_id",
            "own_number",
            unique=True,
            postgresql_where=text("own_number <> '' AND deleted_at IS NULL"),
        ),
        Index(
            "ix_store_wechat",
            "provider_id",
            "wechat_sub_mchid",
            postgresql_where=text("wechat_sub_mchid IS NOT NULL"),
        ),
        CheckConstraint(
            "NOT is_active OR (paused_at IS NULL AND deleted_at IS NULL)", name="open_is_active"
        ),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId]
    out_shop_id: Mapped[str] = mapped_column(String(32))
    # 门店编号 of the merchant's own system, "" for none (`shop_id` of the API)
    own_number: Mapped[str] = mapped_column(String(64), default="", server_default="")
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
    # accounts of its own, other than the merchant's (product MCH-11)
    wechat_sub_mchid: Mapped[str | None] = mapped_column(String(32))
    has_maidan: Mapped[bool] = mapped_column(default=False, server_default="false")
    alipay_pid: Mapped[str | None] = mapped_column(String(32))
    alipay_state: Mapped[GrantState] = mapped_column(default=GrantState.NONE, server_default="none")
    maidan_store_id: Mapped[str | None] = mapped_column(String(32))  # its 买单 store (CHN-3)
    koubei_shop_id: Mapped[str | None] = mapped_column(String(32))  # only to see its flow (ALI-6)
    koubei_shop_name: Mapped[str] = mapped_column(String(64), default="", server_default="")


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
