"""Ads: adding, changing, approving, stopping. What is shown is a version that somebody approved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from errors import NotFound
from models.after_payment import Ad, AdPicture, AdVersion
from services import audit
from services.after_payment.drafts import Draft
from services.after_payment.problems import AdChanged, AdDecided
from services.numbers import new_public_id


@dataclass(frozen=True, slots=True)
class Acting:
    """Who changes something, for which provider, and when."""

    provider_id: int
    actor: str
    at: datetime


def add(session: Session, who: Acting, draft: Draft, picture: AdPicture, *, go_live: bool) -> Ad:
    """A new ad with its first version; `go_live` approves it at once (for who may)."""
    ad = Ad(
        provider_id=who.provider_id, public_id=new_public_id(), place=draft.place.word,
        **asdict(draft.place), starts_on=draft.starts_on, ends_on=draft.ends_on,
        weight=draft.weight, most_per_day=draft.most_per_day, version=1,
        created_by=who.actor, created_at=who.at,
    )  # fmt: skip
    session.add(ad)
    session.flush()
    _say(session, who, ad, "ad_added", place=ad.place)
    version = _next_version(session, who, ad, draft, picture)
    if go_live:
        _approve(session, who, ad, version)
    return ad


def change(
    session: Session,
    who: Acting,
    public_id: str,
    draft: Draft,
    picture: AdPicture | None,
    *,
    seen_version: int,
    go_live: bool,
) -> Ad:
    """Place and time change at once; another name, link or picture is a version to be approved,
    and what was approved before is shown until then. Raises AdChanged if another was faster.
    """
    ad = lock(session, who.provider_id, public_id)
    if ad.version != seen_version:
        raise AdChanged
    ad.version += 1
    moved = ad.place != draft.place.word
    ad.place = draft.place.word
    for name, value in asdict(draft.place).items():
        setattr(ad, name, value)
    ad.starts_on, ad.ends_on = draft.starts_on, draft.ends_on
    ad.weight, ad.most_per_day = draft.weight, draft.most_per_day
    session.flush()
    _say(session, who, ad, "ad_changed", place=ad.place, moved=moved)
    last = newest(session, ad)
    same = picture is None or picture.id == last.picture_id
    if not (same and (last.name, last.link) == (draft.name, draft.link)):
        kept = picture or session.get_one(AdPicture, (who.provider_id, last.picture_id))
        last = _next_version(session, who, ad, draft, kept)
    if go_live and last.refused_at is None and ad.live_version_id != last.id:
        _approve(session, who, ad, last)
    return ad


def approve(session: Session, who: Acting, public_id: str, number: int) -> Ad:
    """The newest version, as it was seen. Raises AdDecided for any other."""
    ad = lock(session, who.provider_id, public_id)
    _approve(session, who, ad, _waiting(session, ad, number))
    return ad


def refuse(session: Session, who: Acting, public_id: str, number: int, why: str) -> Ad:
    """It is not shown; what was approved before goes on."""
    ad = lock(session, who.provider_id, public_id)
    version = _waiting(session, ad, number)
    version.refused_by, version.refused_at = who.actor, who.at
    version.refused_why = " ".join(why.split())[:120]
    ad.version += 1
    session.flush()
    _say(session, who, ad, "ad_refused", number=number)
    return ad


def stop(session: Session, who: Acting, public_id: str) -> Ad:
    """Off from the next page on; a second call changes nothing."""
    ad = lock(session, who.provider_id, public_id)
    if ad.stopped_at is None:
        ad.stopped_at, ad.stopped_by = who.at, who.actor
        ad.version += 1
        session.flush()
        _say(session, who, ad, "ad_stopped")
    return ad


def start(session: Session, who: Acting, public_id: str) -> Ad:
    """On again, with the version that was approved."""
    ad = lock(session, who.provider_id, public_id)
    if ad.stopped_at is not None:
        ad.stopped_at = ad.stopped_by = None
        ad.version += 1
        session.flush()
        _say(session, who, ad, "ad_started")
    return ad


def lock(session: Session, provider_id: int, public_id: str) -> Ad:
    """Raises NotFound, for another provider's as for nobody's."""
    found = session.scalar(
        select(Ad).where(Ad.provider_id == provider_id, Ad.public_id == public_id).with_for_update()
    )
    if found is None:
        raise NotFound(public_id)
    return found


def newest(session: Session, ad: Ad) -> AdVersion:
    """What was saved last; it may be live, waiting or refused."""
    return session.scalars(
        select(AdVersion)
        .where(AdVersion.provider_id == ad.provider_id, AdVersion.ad_id == ad.id)
        .order_by(AdVersion.number.desc())
        .limit(1)
    ).one()


def _waiting(session: Session, ad: Ad, number: int) -> AdVersion:
    last = newest(session, ad)
    if last.number != number or last.approved_at is not None or last.refused_at is not None:
        raise AdDecided
    return last


def _next_version(
    session: Session, who: Acting, ad: Ad, draft: Draft, picture: AdPicture
) -> AdVersion:
    numbers = select(func.coalesce(func.max(AdVersion.number), 0) + 1).where(
        AdVersion.provider_id == ad.provider_id, AdVersion.ad_id == ad.id
    )
    version = AdVersion(
        provider_id=ad.provider_id, ad_id=ad.id, number=session.scalars(numbers).one(),
        public_id=new_public_id(), name=draft.name, link=draft.link, picture_id=picture.id,
        uploaded_by=who.actor, uploaded_at=who.at, refused_why="",
    )  # fmt: skip
    session.add(version)
    session.flush()
    _say(
        session, who, ad, "ad_version_saved",
        number=version.number, picture=picture.sha256[:16], has_link=draft.link is not None,
    )  # fmt: skip
    return version


def _approve(session: Session, who: Acting, ad: Ad, version: AdVersion) -> None:
    if version.approved_at is None:
        version.approved_by, version.approved_at = who.actor, who.at
    ad.live_version_id = version.id
    ad.version += 1
    session.flush()
    _say(session, who, ad, "ad_approved", number=version.number)


def _say(session: Session, who: Acting, ad: Ad, action: str, **facts: object) -> None:
    audit.record(
        session, provider_id=who.provider_id, actor=who.actor, action=action,
        subject=f"ad:{ad.public_id}", at=who.at, **facts,
    )  # fmt: skip
