"""What a customer sees after paying: ads with every version that was shown, and the page to go to.

Counts hold no person. What remembers a payer's phone for a day is a keyed hash of its own.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, deferred, mapped_column

from models.base import Base, BigId, RowId, TenantId

_PLACE = (
    "place = CASE WHEN merchant_id IS NOT NULL THEN 'm' || merchant_id"
    " WHEN store_id IS NOT NULL THEN 's' || store_id"
    " WHEN pay_code_id IS NOT NULL THEN 'c' || pay_code_id ELSE 'p' END"
)


class AdPicture(Base):
    """A picture as it is shown: encoded anew by us, whatever was uploaded is gone.

    `body` is empty once nobody may ask for it any more (`services/after_payment/keeping.py`).
    """

    __tablename__ = "ad_picture"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        UniqueConstraint("provider_id", "public_id"),
        UniqueConstraint("provider_id", "sha256"),
        CheckConstraint("octet_length(body) <= 122880", name="body_is_small"),
        Index("ix_ad_picture_kept", "created_at", postgresql_where=text("body IS NOT NULL")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    public_id: Mapped[str] = mapped_column(String(24))
    sha256: Mapped[str] = mapped_column(String(64))  # of the body
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    sent_bytes: Mapped[int]  # as it was uploaded
    body: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    uploaded_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class Ad(Base):
    """Where and when an ad is shown; what it shows is its live version.

    At most one of merchant, store and code; `place` says it in one word, for finding. `weight` is
    its share among the ads of the same place. `most_per_day`: to one payer; None: no cap.
    """

    __tablename__ = "ad"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        ForeignKeyConstraint(["provider_id", "store_id"], ["store.provider_id", "store.id"]),
        ForeignKeyConstraint(
            ["provider_id", "pay_code_id"], ["pay_code.provider_id", "pay_code.id"]
        ),
        UniqueConstraint("provider_id", "public_id"),
        CheckConstraint("num_nonnulls(merchant_id, store_id, pay_code_id) <= 1", name="one_place"),
        CheckConstraint(_PLACE, name="place_says_it"),
        CheckConstraint("ends_on >= starts_on", name="ends_after_start"),
        CheckConstraint("weight BETWEEN 1 AND 100", name="weight_in_range"),
        CheckConstraint("most_per_day BETWEEN 1 AND 100", name="cap_in_range"),
        Index(
            "ix_ad_live",
            "provider_id",
            "place",
            postgresql_where=text("live_version_id IS NOT NULL AND stopped_at IS NULL"),
        ),
        Index("ix_ad_newest", "provider_id", text("id DESC")),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    public_id: Mapped[str] = mapped_column(String(24))
    place: Mapped[str] = mapped_column(String(24))
    merchant_id: Mapped[BigId | None]
    store_id: Mapped[BigId | None]
    pay_code_id: Mapped[BigId | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]  # its last day; None: until it is stopped
    weight: Mapped[int] = mapped_column(SmallInteger, default=10, server_default="10")
    most_per_day: Mapped[int | None] = mapped_column(SmallInteger)
    live_version_id: Mapped[BigId | None]  # the approved one; a newer may be waiting
    stopped_at: Mapped[datetime | None]
    stopped_by: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1, server_default="1")  # rises with every change
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class AdVersion(Base):
    """What was, is or will be shown: picture, link, and who uploaded and who approved it.

    Never changed but for the decision about it: an edit makes the next one.
    """

    __tablename__ = "ad_version"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "ad_id"], ["ad.provider_id", "ad.id"]),
        ForeignKeyConstraint(
            ["provider_id", "picture_id"], ["ad_picture.provider_id", "ad_picture.id"]
        ),
        UniqueConstraint("provider_id", "ad_id", "number"),
        UniqueConstraint("provider_id", "public_id"),
        CheckConstraint("approved_at IS NULL OR refused_at IS NULL", name="one_decision"),
        CheckConstraint("(approved_at IS NULL) = (approved_by IS NULL)", name="approved_by_who"),
        Index(
            "ix_ad_version_waiting",
            "provider_id",
            "ad_id",
            postgresql_where=text("approved_at IS NULL AND refused_at IS NULL"),
        ),
        Index("ix_ad_version_picture", "provider_id", "picture_id"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    ad_id: Mapped[BigId]
    number: Mapped[int]
    public_id: Mapped[str] = mapped_column(String(24))  # in the addresses of picture and click
    name: Mapped[str] = mapped_column(String(40))
    link: Mapped[str | None] = mapped_column(String(512))  # None: the picture is not clickable
    picture_id: Mapped[BigId]
    uploaded_by: Mapped[str] = mapped_column(String(64))
    uploaded_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(64))
    approved_at: Mapped[datetime | None]
    refused_by: Mapped[str | None] = mapped_column(String(64))
    refused_at: Mapped[datetime | None]
    refused_why: Mapped[str] = mapped_column(String(120), default="", server_default="")


class AdDay(Base):
    """How often a version was seen and clicked on a day, by wallet. The sum over `slot` counts:
    several rows, so that payments at one moment do not wait for each other."""

    __tablename__ = "ad_day"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "version_id"], ["ad_version.provider_id", "ad_version.id"]
        ),
        Index("ix_ad_day_ad", "provider_id", "ad_id", "shown_on"),
    )

    provider_id: Mapped[TenantId]
    version_id: Mapped[BigId] = mapped_column(primary_key=True)
    shown_on: Mapped[date] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    ad_id: Mapped[BigId]
    views: Mapped[BigId] = mapped_column(default=0, server_default="0")
    clicks: Mapped[BigId] = mapped_column(default=0, server_default="0")


class AdView(Base):
    """One result page on which a version was seen: counted once, clicked once. Gone in two days.

    Both marks are keyed hashes: of the order, and of the payer with the day, so that even with the
    key nobody is followed from one day to the next.
    """

    __tablename__ = "ad_view"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "version_id"], ["ad_version.provider_id", "ad_version.id"]
        ),
        Index(
            "ix_ad_view_payer",
            "provider_id",
            "payer_mark",
            postgresql_where=text("payer_mark IS NOT NULL"),
        ),
        Index("ix_ad_view_old", "seen_at"),
    )

    provider_id: Mapped[TenantId]
    version_id: Mapped[BigId] = mapped_column(primary_key=True)
    order_mark: Mapped[str] = mapped_column(String(32), primary_key=True)
    ad_id: Mapped[BigId]
    payer_mark: Mapped[str | None] = mapped_column(String(32), info={"personal": "identity"})
    seen_at: Mapped[datetime]
    clicked_at: Mapped[datetime | None]


class AfterPage(Base):
    """Of a provider (no merchant) or one merchant: the page that a customer is sent to after
    paying. The provider's row also has the switch that stops all of its ads at once."""

    __tablename__ = "after_page"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id"], ["provider.id"]),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchant.provider_id", "merchant.id"]
        ),
        UniqueConstraint("provider_id", "merchant_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("ads_stopped_at IS NULL OR merchant_id IS NULL", name="stops_for_all"),
    )

    provider_id: Mapped[TenantId]
    id: Mapped[RowId]
    merchant_id: Mapped[BigId | None]
    complete_url: Mapped[str | None] = mapped_column(String(512))  # may hold a token: never log it
    ads_stopped_at: Mapped[datetime | None]
    ads_stopped_by: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime]
