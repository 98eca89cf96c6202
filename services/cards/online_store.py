"""The online store (线上门店): recharges that no store's code led to belong to it (CARD-7).

A merchant has one, made when its card page is first opened. It has no code and takes no payment.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps
from services.problems import PayProblem
from services.scan import Scan, scan_store

PREFIX = "online-"
NAME = "线上门店"

_MERCHANT = text("""
SELECT m.provider_id, m.id, m.name, m.short_name, m.out_sub_mch_id, EXISTS (
    SELECT 1 FROM card_program g WHERE g.provider_id = m.provider_id AND g.merchant_id = m.id
) AS has_card FROM provider p
JOIN merchant m ON m.provider_id = p.id AND m.out_sub_mch_id = :sub
WHERE p.out_mch_id = :mch
""")
_FIND = text("SELECT id FROM store WHERE provider_id = :p AND out_shop_id = :shop")
_MAKE = text("""
INSERT INTO store (provider_id, merchant_id, out_shop_id, name, branch_name, is_active, page_mode,
    disable_membership_card, created_at)
VALUES (:p, :m, :shop, :name, :branch, true, 'default', false, :now)
ON CONFLICT (provider_id, out_shop_id) DO NOTHING
""")


def shop_id(out_sub_mch_id: str) -> str:
    return f"{PREFIX}{out_sub_mch_id}"[:32]


def scan_merchant(deps: Deps, out_mch_id: str, out_sub_mch_id: str) -> Scan:
    """A merchant named by an address, as a visit to its online store.

    Raises NOT_FOUND; CARD_NOT_OFFERED for a merchant that never had a card: it gets no store.
    """
    return deps.transact(lambda s: _scan(s, out_mch_id, out_sub_mch_id, deps.now()))


def _scan(session: Session, out_mch_id: str, out_sub_mch_id: str, now: datetime) -> Scan:
    merchant = session.execute(_MERCHANT, {"mch": out_mch_id, "sub": out_sub_mch_id}).first()
    if merchant is None:
        raise PayProblem("NOT_FOUND", status=404)
    if not merchant.has_card:
        raise PayProblem("CARD_NOT_OFFERED", shop=merchant.short_name or merchant.name)
    shop = {"p": merchant.provider_id, "shop": shop_id(merchant.out_sub_mch_id)}
    store_id = session.scalar(_FIND, shop)
    if store_id is None:
        name = (merchant.short_name or merchant.name)[:32]
        session.execute(_MAKE, {**shop, "m": merchant.id, "name": name, "branch": NAME, "now": now})
        store_id = session.scalar(_FIND, shop)
    assert store_id is not None
    return scan_store(session, merchant.provider_id, int(store_id), None)
