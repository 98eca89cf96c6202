"""What follows a payment: Gold Plan, then the page to go to, then an ad, then nothing more.

Source: product AD-1 to AD-3. Read anew for every page, so a switch works at once and everywhere.
Whatever goes wrong here, the payer sees that it is paid: the answer is then "nothing more".
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.order import OrderPurpose, OrderStatus, PayOrder
from services.after_payment import complete_page, marks
from services.deps import Deps
from services.gold_plan import state as gold_plan
from services.scan import Scan
from services.totals import china_day

log = logging.getLogger(__name__)

AD_FOR: Final = timedelta(hours=24)  # after paying; an order looked up later is a receipt
GOES_ON_FOR: Final = timedelta(minutes=10)  # to the complete page by itself; later by a press
PATIENCE_MS: Final = 400  # of the database, for all of this


@dataclass(frozen=True, slots=True)
class AdOnPage:
    """Paths below our own address. `click_path` is None for a picture without a link."""

    name: str
    image_path: str
    click_path: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class After:
    """At most one of them. `goes_on`: to the complete page by itself."""

    complete_url: str | None = None
    goes_on: bool = False
    ad: AdOnPage | None = None
    is_replaced: bool = False  # by the Gold Plan's page


NOTHING: Final = After()

_LIVE = text("""
SELECT a.id AS ad_id, a.place, a.weight, a.most_per_day, v.id AS version_id, v.public_id,
    v.name, v.link, p.width, p.height
FROM ad a
JOIN ad_version v ON v.provider_id = a.provider_id AND v.id = a.live_version_id
JOIN ad_picture p ON p.provider_id = v.provider_id AND p.id = v.picture_id
WHERE a.provider_id = :p AND a.place = ANY(:places)
    AND a.live_version_id IS NOT NULL AND a.stopped_at IS NULL
    AND a.starts_on <= :today AND (a.ends_on IS NULL OR a.ends_on >= :today)
ORDER BY a.id
""")
_SEEN = text("""
SELECT ad_id, count(*) AS times FROM ad_view
WHERE provider_id = :p AND payer_mark = :m AND order_mark <> :o GROUP BY ad_id
""")
_STOPPED = text("""
SELECT 1 FROM after_page
WHERE provider_id = :p AND merchant_id IS NULL AND ads_stopped_at IS NOT NULL
""")


def after(deps: Deps, order: PayOrder, scan: Scan) -> After:
    """What the result page of a paid order shows besides the result."""
    paid = order.status is OrderStatus.PAID and order.refunded_fen == 0
    if not paid or order.purpose is not OrderPurpose.SALE or order.paid_at is None:
        return NOTHING

    def unit(session: Session) -> After:
        session.execute(text(f"SET LOCAL statement_timeout = {PATIENCE_MS}"))
        return choose(session, deps, order, scan)

    try:
        return deps.transact(unit)
    except Exception:  # an ad is never worth a payer's doubt
        log.exception("nothing could be chosen", extra={"out_trade_no": order.out_trade_no})
        return NOTHING


def choose(session: Session, deps: Deps, order: PayOrder, scan: Scan) -> After:
    """The first of the four that there is."""
    assert order.paid_at is not None
    now = deps.now()
    by_wechat = order.channel == "wechat"
    if by_wechat and gold_plan.is_open(session, order.provider_id, order.merchant_id):
        return After(is_replaced=True)
    stored = complete_page.url_for(session, order.provider_id, order.merchant_id)
    if stored is not None:
        return After(
            complete_url=complete_page.with_payment(session, deps, stored, order, scan),
            goes_on=now < order.paid_at + GOES_ON_FOR,
        )
    if now >= order.paid_at + AD_FOR:
        return NOTHING
    return After(ad=_ad(session, deps, order, scan, now))


def _ad(
    session: Session, deps: Deps, order: PayOrder, scan: Scan, now: datetime
) -> AdOnPage | None:
    if session.scalar(_STOPPED, {"p": order.provider_id}) is not None:
        return None
    # the nearest place with an ad decides alone: a merchant's own ads take the provider's place
    places = [f"s{order.store_id}", f"m{order.merchant_id}", "p"]
    if order.pay_code_id is not None:
        places.insert(0, f"c{order.pay_code_id}")
    rows = session.execute(
        _LIVE, {"p": order.provider_id, "places": places, "today": china_day(now)}
    ).all()
    nearest = next((place for place in places if any(row.place == place for row in rows)), None)
    standing = _under_cap(session, deps, order, [row for row in rows if row.place == nearest], now)
    if not standing:
        return None
    row = pick(standing, order.public_id)
    token = marks.token(deps.ring, row.public_id, order.public_id)
    return AdOnPage(
        name=row.name,
        image_path=f"/after/{scan.out_mch_id}/i/{token}",
        click_path=f"/after/{scan.out_mch_id}/c/{token}" if row.link else None,
        width=row.width,
        height=row.height,
    )


def _under_cap(
    session: Session, deps: Deps, order: PayOrder, rows: Sequence[Any], now: datetime
) -> list[Any]:
    """Without those that this payer has seen often enough today; this order's own page apart."""
    mark = marks.of_payer(deps.ring, order, now)
    if mark is None or not any(row.most_per_day for row in rows):
        return list(rows)
    keys = {"p": order.provider_id, "m": mark, "o": marks.of_order(deps.ring, order)}
    seen = {row.ad_id: row.times for row in session.execute(_SEEN, keys)}
    return [r for r in rows if r.most_per_day is None or seen.get(r.ad_id, 0) < r.most_per_day]


def pick(rows: Sequence[Any], order_id: str) -> Any:
    """One of them by weight; for the same order the same one, however often its page is loaded."""
    drawn = int.from_bytes(hashlib.sha256(f"ad:{order_id}".encode()).digest()[:8], "big")
    left = drawn % sum(row.weight for row in rows)
    for row in rows:
        left -= row.weight
        if left < 0:
            return row
    raise AssertionError("weights are at least 1")
