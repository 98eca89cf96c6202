"""Signed one-off pages of a merchant's own system (product DSP-1 to DSP-3).

`sign` is the upper-case hex HMAC-SHA256, keyed with the merchant's `authen_key`, over
`nonce=…&out_shop_id=…&total_fee=…&trade_num=…&ts=…` with the values as sent before URL-encoding.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.merchant import Merchant, Store
from services.cloudpay.authen import code_of
from services.deps import Deps
from services.merchants.keys import live_keys
from services.merchants.prefixes import allowed
from services.problems import PayProblem
from services.scan import Scan, find_route, scan_store

SIGNED = ("nonce", "out_shop_id", "total_fee", "trade_num", "ts")
VALID_FOR = timedelta(minutes=10)
_NUMBER = re.compile(r"[0-9A-Za-z_]{6,32}")
_DIGITS = re.compile(r"[0-9]{1,10}")
_NONCE = re.compile(r"[0-9A-Za-z_\-]{1,64}")


@dataclass(frozen=True, slots=True)
class OneOff:
    """A page that pays exactly this amount, once, under this number."""

    scan: Scan
    trade_num: str
    amount_fen: int

    @property
    def intent_key(self) -> str:
        return f"d{self.scan.merchant_id}:{self.trade_num}"


def read_link(deps: Deps, values: Mapping[str, str]) -> OneOff:
    """Check the link and say what it asks for; each refusal has its own code."""
    shop, number = values.get("out_shop_id", ""), values.get("trade_num", "")
    fee = values.get("total_fee", "")
    if not _NUMBER.fullmatch(number) or not _DIGITS.fullmatch(fee) or len(shop) > 32:
        raise PayProblem("LINK_INVALID", status=400)
    amount = int(fee)
    if amount < 1 or amount > deps.settings.max_payment_fen:
        raise PayProblem("AMOUNT_INVALID", status=400)
    return deps.transact(lambda s: _checked(s, deps, values, shop, number, amount))


def _checked(
    session: Session, deps: Deps, values: Mapping[str, str], shop: str, number: str, amount: int
) -> OneOff:
    out_mch_id, _ = find_route(session, "shop", shop)
    store, merchant = session.execute(
        select(Store, Merchant)
        .join(
            Merchant,
            (Merchant.provider_id == Store.provider_id) & (Merchant.id == Store.merchant_id),
        )
        .where(
            Store.out_shop_id == shop,
            Store.provider_id
            == select(text("id")).select_from(text("provider")).where(
                text("out_mch_id = :mch").bindparams(mch=out_mch_id)
            ).scalar_subquery(),
        )
    ).one()  # fmt: skip
    if not number.startswith(allowed(merchant)):
        raise PayProblem("LINK_INVALID", status=400, trade_num=number)
    if values.get("sign") or not merchant.unsigned_links:
        _check_signature(session, deps, merchant, values)
    return OneOff(scan_store(session, store.provider_id, store.id, None), number, amount)


def _check_signature(
    session: Session, deps: Deps, merchant: Merchant, values: Mapping[str, str]
) -> None:
    signed = "&".join(f"{name}={values.get(name, '')}" for name in SIGNED)
    said = values.get("sign", "").encode()
    if not any(
        hmac.compare_digest(code_of(key, signed).encode(), said)
        for key in live_keys(deps, merchant, deps.now())
    ):
        raise PayProblem("SIGN_INVALID", status=403)
    stamp, nonce = values.get("ts", ""), values.get("nonce", "")
    if not _DIGITS.fullmatch(stamp) or not _NONCE.fullmatch(nonce):
        raise PayProblem("SIGN_INVALID", status=403)
    now = deps.now()
    if abs(now.timestamp() - int(stamp)) > VALID_FOR.total_seconds():
        raise PayProblem("LINK_EXPIRED", status=403)
    _spend_nonce(session, merchant, nonce, signed, now.timestamp(), deps)


def _spend_nonce(
    session: Session, merchant: Merchant, nonce: str, signed: str, now: float, deps: Deps
) -> None:
    """The same link may be opened again; the same nonce with other values may not."""
    content = hashlib.sha256(signed.encode()).hexdigest()
    kept = session.scalar(
        text(
            "INSERT INTO nonce_seen (provider_id, merchant_id, nonce, content_hash, expires_at)"
            " VALUES (:p, :m, :n, :c, :t) ON CONFLICT (provider_id, merchant_id, nonce)"
            " DO UPDATE SET content_hash = nonce_seen.content_hash RETURNING content_hash"
        ),
        {
            "p": merchant.provider_id,
            "m": merchant.id,
            "n": nonce,
            "c": content,
            "t": deps.now() + 2 * VALID_FOR,
        },
    )
    if kept != content:
        raise PayProblem("NONCE_REUSED", status=403)
