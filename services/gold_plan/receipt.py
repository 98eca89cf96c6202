"""The merchant receipt (商家小票) inside WeChat's page: whose order, and how much may be said.

Anybody can know an order number. The check code proves a little more, yet its one hidden part
stands on the payer's bill, and WeChat's own example does not hold (wechat.md B3): a wrong one is
logged and never blocks, it only leaves the neutral part.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.gold_plan import GoldPlan
from models.order import AttemptStatus
from services import asking
from services.deps import Deps
from services.gold_plan import blocks
from services.gold_plan.blocks import Line

log = logging.getLogger(__name__)

LOOKED_UP_WITHIN_MS: Final = 1200  # WeChat waits three seconds for the page's first word
NOTED_EVERY: Final = timedelta(minutes=1)
MOST_QUESTIONS: Final = 12  # of one attempt, before a page no longer asks the wallet for it


@dataclass(frozen=True, slots=True)
class Asked:
    """What WeChat's frame tells; `link` is our address without the query."""

    link: str
    sub_mch_id: str
    out_trade_no: str
    check_code: str
    out_mch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """An order of ours. Without `is_proven` it is told by shop name and notice alone."""

    shop: str
    shown: list[Line]
    is_proven: bool
    is_paid: bool
    amount_fen: int = 0
    number: str = ""
    order_path: str = ""
    card_path: str = ""
    height: int = 600  # of all that it may come to show: it is asked for once


_FIND: Final = """
SELECT a.provider_id, a.status, a.transaction_id, a.paid_at, a.amount_fen, a.out_trade_no,
    o.out_trade_no AS number, o.public_id, o.merchant_id,
    m.short_name, m.name AS merchant_name, m.out_sub_mch_id, p.out_mch_id,
    s.name AS store_name, s.branch_name,
    g.blocks, g.viewed_at, g.viewed_paid_at, g.odd_at
FROM provider p
JOIN pay_attempt a ON a.provider_id = p.id AND a.out_trade_no = :number
    AND a.channel = 'wechat' AND a.payee = :payee
JOIN pay_order o ON o.provider_id = a.provider_id AND o.id = a.order_id
JOIN merchant m ON m.provider_id = o.provider_id AND m.id = o.merchant_id
JOIN store s ON s.provider_id = o.provider_id AND s.id = o.store_id
LEFT JOIN gold_plan g ON g.provider_id = o.provider_id AND g.merchant_id = o.merchant_id
"""
_OF_PROVIDER: Final = text(_FIND + " WHERE p.out_mch_id = :out_mch_id LIMIT 1")
# The bare link names nobody: the merchant's number at WeChat and the order's together do.
_OF_ANY: Final = text(_FIND + " ORDER BY a.provider_id LIMIT 1")


def read(deps: Deps, asked: Asked) -> Receipt | None:
    """None for an order that is not ours. Never slow: what takes too long raises."""
    found = deps.transact(lambda s: _find(s, asked))
    if found is None:
        return None
    is_paid = found.status == AttemptStatus.PAID
    is_proven = is_paid and _holds(asked, found.transaction_id)
    if is_paid:
        _note_view(deps, asked, found, is_proven=is_proven)
    return _shown(found, is_proven=is_proven, is_paid=is_paid)


def ask_wallet(deps: Deps, asked: Asked) -> None:
    """The page may be faster than the notification: ask about the order now, not when it is due."""

    def unit(session: Session) -> Any:
        found = _find(session, asked)
        if found is not None and found.status != AttemptStatus.PAID:
            session.execute(
                text(
                    "UPDATE pay_attempt SET due_at = :now WHERE provider_id = :p"
                    " AND out_trade_no = :n AND status IN ('created', 'payable')"
                    " AND due_at > :now AND polls < :most"
                ),
                {"now": deps.now(), "p": found.provider_id, "n": asked.out_trade_no,
                 "most": MOST_QUESTIONS},
            )  # fmt: skip
        return found

    found = deps.transact(unit)
    if found is not None and found.status != AttemptStatus.PAID:
        asking.ask_if_due(deps, found.provider_id, asked.out_trade_no)


def check_code(link: str, sub_mch_id: str, out_trade_no: str, transaction_id: str) -> str:
    """The literal rule of wechat.md B3."""
    told = {
        "sub_mch_id": sub_mch_id, "out_trade_no": out_trade_no, "transaction_id": transaction_id,
    }  # fmt: skip
    return hashlib.md5(f"{link}?{urlencode(told)}".encode(), usedforsecurity=False).hexdigest()


def _find(session: Session, asked: Asked) -> Any:
    session.execute(text(f"SET LOCAL statement_timeout = {LOOKED_UP_WITHIN_MS}"))
    values = {"number": asked.out_trade_no, "payee": asked.sub_mch_id}
    if asked.out_mch_id is None:
        return session.execute(_OF_ANY, values).one_or_none()
    return session.execute(_OF_PROVIDER, {**values, "out_mch_id": asked.out_mch_id}).one_or_none()


def _holds(asked: Asked, transaction_id: str | None) -> bool:
    wanted = check_code(asked.link, asked.sub_mch_id, asked.out_trade_no, transaction_id or "")
    said = asked.check_code.lower().encode()
    return transaction_id is not None and hmac.compare_digest(wanted.encode(), said)


def _shown(found: Any, *, is_proven: bool, is_paid: bool) -> Receipt:
    filled = found.blocks or []
    if not is_proven:
        shop = found.short_name or found.merchant_name
        notice = blocks.neutral(filled)
        tall = blocks.height(one.kind for one in notice) if is_paid else _tall(filled)
        return Receipt(shop, notice, is_proven=False, is_paid=is_paid, height=tall)
    branch = f" · {found.branch_name}" if found.branch_name else ""
    return Receipt(
        shop=f"{found.store_name}{branch}",
        shown=blocks.lines(filled, found.number, found.paid_at),
        is_proven=True,
        is_paid=True,
        amount_fen=found.amount_fen,
        number=found.number,
        order_path=f"/q/{found.out_mch_id}/o/{found.public_id}",
        card_path=f"/card/{found.out_mch_id}/{found.out_sub_mch_id}",
        height=_tall(filled),
    )


def _tall(filled: Sequence[Mapping[str, Any]]) -> int:
    return blocks.height(str(block.get("kind")) for block in filled)


def _note_view(deps: Deps, asked: Asked, found: Any, *, is_proven: bool) -> None:
    """Once a minute and merchant: a view that proves the plan open, or one whose code is odd."""
    now = deps.now()
    if not is_proven:
        log.warning(
            "receipt check code does not hold",
            extra={"out_trade_no": asked.out_trade_no, "given": bool(asked.check_code)},
        )
    last: datetime | None = found.viewed_at if is_proven else found.odd_at
    is_newer = is_proven and (found.viewed_paid_at is None or found.paid_at > found.viewed_paid_at)
    if last is not None and now < last + NOTED_EVERY:
        return
    seen: dict[str, datetime] = {"viewed_at" if is_proven else "odd_at": now}
    if is_newer:
        seen["viewed_paid_at"] = found.paid_at
    keys = {"provider_id": found.provider_id, "merchant_id": found.merchant_id}
    wanted = insert(GoldPlan).values(**keys, **seen, created_at=now)
    deps.transact(
        lambda s: (
            s.execute(
                wanted.on_conflict_do_update(
                    index_elements=["provider_id", "merchant_id"], set_=dict(seen)
                )
            )
            and None
        )
    )
