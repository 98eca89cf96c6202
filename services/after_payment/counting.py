"""Views and clicks: each result page once, without anybody's name, and never in a payer's way.

A view is a picture that a phone has fetched (pages load it only when it comes into sight), a click
a signed address that was opened. Counting that fails is logged and forgotten.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session, undefer

from models.after_payment import Ad, AdPicture, AdVersion
from models.order import PayOrder
from models.provider import Provider
from services.after_payment import marks, switch
from services.deps import Deps
from services.totals import china_day

log = logging.getLogger(__name__)

SLOTS: Final = 8

_SEE = text("""
INSERT INTO ad_view (provider_id, version_id, order_mark, ad_id, payer_mark, seen_at)
VALUES (:p, :v, :o, :a, :m, :now) ON CONFLICT (provider_id, version_id, order_mark) DO NOTHING
RETURNING 1
""")
_CLICK = text("""
UPDATE ad_view SET clicked_at = :now
WHERE provider_id = :p AND version_id = :v AND order_mark = :o AND clicked_at IS NULL RETURNING 1
""")
_ADD = text("""
INSERT INTO ad_day (provider_id, version_id, shown_on, channel, slot, ad_id, views, clicks)
VALUES (:p, :v, :day, :channel, :slot, :a, :views, :clicks)
ON CONFLICT (provider_id, version_id, shown_on, channel, slot)
DO UPDATE SET views = ad_day.views + :views, clicks = ad_day.clicks + :clicks
""")


@dataclass(frozen=True, slots=True)
class Shown:
    """A version on one order's page, as an address names it."""

    version: AdVersion
    order: PayOrder
    body: bytes


def find(deps: Deps, out_mch_id: str, token: str) -> Shown | None:
    """None for an address that we did not write, and for an ad that is shown no more."""
    named = marks.read_token(deps.ring, token)
    if named is None:
        return None
    return deps.transact(lambda s: _find(s, out_mch_id, *named))


def _find(session: Session, out_mch_id: str, version_id: str, order_id: str) -> Shown | None:
    provider = session.scalar(select(Provider.id).where(Provider.out_mch_id == out_mch_id))
    if provider is None or switch.is_stopped(session, provider):
        return None
    found = session.execute(
        select(AdVersion, AdPicture)
        .join(Ad, (Ad.provider_id == AdVersion.provider_id) & (Ad.id == AdVersion.ad_id))
        .join(
            AdPicture,
            (AdPicture.provider_id == AdVersion.provider_id)
            & (AdPicture.id == AdVersion.picture_id),
        )
        .where(
            AdVersion.provider_id == provider,
            AdVersion.public_id == version_id,
            AdVersion.approved_at.is_not(None),
            Ad.stopped_at.is_(None),
        )
        .options(undefer(AdPicture.body))
    ).one_or_none()
    order = session.scalar(
        select(PayOrder).where(PayOrder.provider_id == provider, PayOrder.public_id == order_id)
    )
    if found is None or order is None or found[1].body is None:
        return None
    return Shown(found[0], order, found[1].body)


def seen(deps: Deps, shown: Shown) -> None:
    """The first time on this order's page; later ones change nothing."""
    _count(deps, shown, clicked=False)


def clicked(deps: Deps, shown: Shown) -> None:
    """The same for a click, which is a view too."""
    _count(deps, shown, clicked=True)


def _count(deps: Deps, shown: Shown, *, clicked: bool) -> None:
    def unit(session: Session) -> None:
        now, version, order = deps.now(), shown.version, shown.order
        keys = {
            "p": version.provider_id, "v": version.id, "a": version.ad_id, "now": now,
            "o": marks.of_order(deps.ring, order), "m": marks.of_payer(deps.ring, order, now),
        }  # fmt: skip
        session.execute(text("SET LOCAL statement_timeout = 2000"))
        views = 1 if session.scalar(_SEE, keys) else 0
        clicks = 1 if clicked and session.scalar(_CLICK, keys) else 0
        if views or clicks:
            session.execute(_ADD, {
                "p": version.provider_id, "v": version.id, "a": version.ad_id,
                "day": china_day(now), "channel": order.channel,
                "slot": secrets.randbelow(SLOTS), "views": views, "clicks": clicks,
            })  # fmt: skip

    try:
        deps.transact(unit)
    except Exception:
        log.exception("a view was not counted", extra={"ad_version": shown.version.public_id})
