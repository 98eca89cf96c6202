"""Forgetting a payer: the identity goes, orders and audit stay."""

from __future__ import annotations

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.order import PayAttempt
from models.person import Person
from services import audit
from services.deps import Deps


def erase_payer(deps: Deps, number: str, *, actor: str) -> None:
    """By a number on the payer's bill: ours, or the wallet's. A second call changes nothing.

    Empties the sealed openid and ends the browser sessions. The keyed hash stays, so that the same
    person's next payment makes no second row.
    """

    def unit(session: Session) -> None:
        now = deps.now()
        attempt = session.scalar(
            select(PayAttempt).where(
                or_(PayAttempt.out_trade_no == number, PayAttempt.transaction_id == number)
            )
        )
        if attempt is None or attempt.person_id is None:
            raise NotFound(f"no payer is known for {number}")
        keys = (attempt.provider_id, attempt.person_id)
        person = session.get_one(Person, keys, with_for_update=True)
        if person.sealed is None:
            return
        person.sealed, person.erased_at = None, now
        session.execute(
            text(
                "UPDATE web_session SET revoked_at = :now WHERE provider_id = :p"
                " AND (wechat_person_id = :i OR alipay_person_id = :i) AND revoked_at IS NULL"
            ),
            {"now": now, "p": keys[0], "i": keys[1]},
        )
        session.flush()
        audit.record(
            session,
            provider_id=keys[0],
            actor=actor,
            action="payer_erased",
            subject=f"person:{keys[1]}",
            at=now,
        )

    deps.transact(unit)
