"""What pages say about 买单: whose merchants come from it, when it was synced, what came along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.longjob import JobState, LongJob
from models.maidan import MaidanMerchant, MaidanProvider, SyncedDevice
from services import longjobs
from services.longjobs import Job
from services.maidan.asking import KIND
from services.maidan.linking import Link, current_link, newest_grant

DEVICE_WORDS = "同步自买单"


@dataclass(frozen=True, slots=True)
class Overview:
    """`last_success_at`: when a sync that was no dry run came to its end."""

    providers: Sequence[MaidanProvider]
    link: Link | None
    is_linked: bool
    jobs: Sequence[Job]
    last_success_at: datetime | None
    waiting: int  # sub-merchants that 买单 lists and that are not here

    @property
    def running(self) -> Job | None:
        return next((job for job in self.jobs if job.is_open), None)


def overview(session: Session, provider_id: int) -> Overview:
    providers = session.scalars(
        select(MaidanProvider)
        .where(MaidanProvider.provider_id == provider_id)
        .order_by(MaidanProvider.sp_mchid)
    ).all()
    waiting = session.scalar(
        select(func.count()).where(
            MaidanMerchant.provider_id == provider_id, MaidanMerchant.merchant_id.is_(None)
        )
    )
    return Overview(
        providers=providers,
        link=current_link(session, provider_id),
        is_linked=newest_grant(session, provider_id) is not None,
        jobs=longjobs.newest(session, provider_id, KIND),
        last_success_at=_last_success(session, provider_id),
        waiting=int(waiting or 0),
    )


def running_job(session: Session, provider_id: int) -> Job | None:
    """The sync that is under way, for the list of merchants."""
    newest = longjobs.newest(session, provider_id, KIND, 1)
    return newest[0] if newest and newest[0].is_open else None


def _last_success(session: Session, provider_id: int) -> datetime | None:
    return session.scalar(
        select(LongJob.finished_at)
        .where(
            LongJob.provider_id == provider_id,
            LongJob.kind == KIND,
            LongJob.state.in_((JobState.DONE, JobState.PARTIAL)),
            LongJob.facts["is_dry"].as_boolean().is_(False),
        )
        .order_by(LongJob.id.desc())
        .limit(1)
    )


def is_known(session: Session, provider_id: int, sub_mchid: str) -> MaidanMerchant | None:
    """A sub-merchant that 买单 lists and that is not here: a sync brings it (product MCH-6)."""
    return session.scalar(
        select(MaidanMerchant)
        .where(
            MaidanMerchant.provider_id == provider_id,
            MaidanMerchant.sub_mchid == sub_mchid,
            MaidanMerchant.merchant_id.is_(None),
        )
        .order_by(MaidanMerchant.id)
        .limit(1)
    )


def devices_of(session: Session, provider_id: int, merchant_id: int) -> Sequence[SyncedDevice]:
    """Devices that a merchant brought along; `DEVICE_WORDS` is their mark (product SYN-6)."""
    return session.scalars(
        select(SyncedDevice)
        .where(SyncedDevice.provider_id == provider_id, SyncedDevice.merchant_id == merchant_id)
        .order_by(SyncedDevice.id)
    ).all()
