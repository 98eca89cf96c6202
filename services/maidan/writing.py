"""Writing what a step of a sync has sorted out: some hundred merchants in a few statements."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from models.maidan import MaidanMerchant, SyncedDevice
from models.merchant import Merchant, MerchantSource, WechatRoute
from services import audit
from services.accounts import seal_place
from services.deps import Deps
from services.longjobs import Job
from services.maidan.sorting import Place, Sorted
from services.merchants.prefixes import draw
from services.onboarding.checks import letters

DEVICE = "mobile_terminal"


def write_merchants(
    session: Session, deps: Deps, job: Job, found: Sequence[Sorted], now: datetime
) -> dict[str, int]:
    """New ones are made, known ones follow, devices come along; number -> id of the new ones."""
    made = _make(session, deps, job.provider_id, [o for o in found if o.outcome == "created"], now)
    for one in found:
        merchant = one.merchant
        if one.outcome != "updated" or merchant is None:
            continue
        if merchant.has_maidan:
            merchant.name, merchant.short_name = one.row.name, one.row.short_name
        merchant.has_maidan = True
        merchant.version += 1
    session.flush()
    _bring_devices(session, job.provider_id, found, made, now)
    if made or any(one.outcome == "updated" for one in found):
        audit.record(
            session, provider_id=job.provider_id, actor=job.asked_by, action="merchants_synced",
            subject=f"job:{job.id}", at=now, created=sorted(made.values()),
            updated=sorted(o.merchant.id for o in found if o.outcome == "updated" and o.merchant),
        )  # fmt: skip
    return made


def _make(
    session: Session, deps: Deps, provider_id: int, new: Sequence[Sorted], now: datetime
) -> dict[str, int]:
    """Sub-merchant's number -> the merchant's id. Their keys nobody has seen (product SYN-7)."""
    if not new:
        return {}
    prefixes = draw(session, len(new))
    rows = [
        _row(deps, provider_id, one, prefix, now) for one, prefix in zip(new, prefixes, strict=True)
    ]
    wanted = insert(Merchant).returning(Merchant.wechat_sub_mchid, Merchant.id)
    return {str(number): made for number, made in session.execute(wanted, rows)}


def _row(deps: Deps, provider_id: int, one: Sorted, prefix: str, now: datetime) -> dict[str, Any]:
    mark = secrets.token_hex(16)
    place = seal_place("merchant", "authen_key_sealed", mark)
    return {
        "provider_id": provider_id,
        "out_sub_mch_id": "sub" + letters(17),
        "name": one.row.name,
        "short_name": one.row.short_name,
        "order_prefix": prefix,
        "wechat_sub_mchid": one.row.sub_mchid,
        "source": MerchantSource.MAIDAN,
        "has_maidan": True,
        "wechat_route": WechatRoute.MAIDAN,
        "needs_setup": True,
        "seal_key": mark,
        "authen_key_sealed": deps.ring.seal(secrets.token_hex(16), place),
        "created_at": now,
    }


def _bring_devices(
    session: Session, provider_id: int, found: Sequence[Sorted], made: dict[str, int], now: datetime
) -> None:
    """A 小绿盒 comes along as one mobile terminal (product SYN-6)."""
    rows = [
        {
            "provider_id": provider_id, "kind": DEVICE, "serial": one.row.device, "created_at": now,
            "merchant_id": one.merchant.id if one.merchant else made.get(one.row.sub_mchid),
        }
        for one in found
        if one.row.device and one.outcome in ("created", "updated", "skipped")
    ]  # fmt: skip
    rows = [row for row in rows if row["merchant_id"] is not None]
    if rows:
        session.execute(upsert(SyncedDevice).on_conflict_do_nothing(), rows)


def write_seen(
    session: Session,
    place: Place,
    found: Sequence[Sorted],
    made: Mapping[str, int],
    now: datetime,
    *,
    is_dry: bool,
) -> None:
    """What 买单 listed; a row that is unusable stands in the report alone.

    A dry run leaves names as they were: a merchant follows from the name that it was given.
    """
    rows = [
        {
            "provider_id": place.provider_id, "sp_mchid": one.row.sp_mchid,
            "sub_mchid": one.row.sub_mchid, "name": one.row.name, "short_name": one.row.short_name,
            "merchant_id": one.merchant.id if one.merchant else made.get(one.row.sub_mchid),
            "seen_job_id": place.job_id, "created_at": now, "seen_at": now,
        }
        for one in found
        if one.outcome in ("created", "updated", "skipped")
    ]  # fmt: skip
    if not rows:
        return
    fresh = upsert(MaidanMerchant)
    told = fresh.excluded
    follows = {} if is_dry else {"name": told.name, "short_name": told.short_name}
    statement = fresh.on_conflict_do_update(
        index_elements=["provider_id", "sp_mchid", "sub_mchid"],
        set_={
            **follows,
            "merchant_id": func.coalesce(told.merchant_id, MaidanMerchant.merchant_id),
            "seen_job_id": told.seen_job_id,
            "seen_at": told.seen_at,
        },
    )
    session.execute(statement, rows)
