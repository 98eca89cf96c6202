"""What a member agrees to before recharging: written once, changed by a new version."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput
from models.card import CardTerms
from models.merchant import Merchant
from services import audit
from services.deps import Deps

BODY_MOST = 20_000


@dataclass(frozen=True, slots=True)
class NewTerms:
    """Who issues the card (the legal name), how to reach them, how unused money comes back."""

    issuer_name: str
    contact: str
    refund_rule: str
    body: str = ""


def current_terms(session: Session, provider_id: int, merchant_id: int) -> CardTerms | None:
    """The newest version, or None where nothing was published yet."""
    return session.scalar(
        select(CardTerms)
        .where(CardTerms.provider_id == provider_id, CardTerms.merchant_id == merchant_id)
        .order_by(CardTerms.version.desc())
        .limit(1)
    )


def publish(deps: Deps, provider_id: int, merchant_id: int, new: NewTerms, *, actor: str) -> int:
    """The version that holds from now on; the same text again makes none. Raises BadInput.

    Recharges that were made under an older version keep its number and its row.
    """
    wanted = _checked(new)

    def unit(session: Session) -> int:
        session.get_one(Merchant, (provider_id, merchant_id), with_for_update={"key_share": True})
        before = current_terms(session, provider_id, merchant_id)
        if before is not None and _same(before, wanted):
            return before.version
        version = 1 if before is None else before.version + 1
        session.add(
            CardTerms(
                provider_id=provider_id,
                merchant_id=merchant_id,
                version=version,
                issuer_name=wanted.issuer_name,
                contact=wanted.contact,
                refund_rule=wanted.refund_rule,
                body=wanted.body,
                created_by=actor,
                created_at=deps.now(),
            )
        )
        session.flush()
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor,
            action="card_terms_published",
            subject=f"merchant:{merchant_id}",
            at=deps.now(),
            version=version,
        )
        return version

    return deps.transact(unit)


def _checked(new: NewTerms) -> NewTerms:
    found = NewTerms(*(part.strip() for part in (new.issuer_name, new.contact, new.refund_rule)))
    for name, value, longest in (
        ("issuer name", found.issuer_name, 128),
        ("contact", found.contact, 128),
        ("refund rule", found.refund_rule, 512),
    ):
        if not value or len(value) > longest:
            raise BadInput(f"the {name} of the terms has 1 to {longest} characters")
    if len(new.body) > BODY_MOST:
        raise BadInput(f"the text of the terms has at most {BODY_MOST} characters")
    return NewTerms(found.issuer_name, found.contact, found.refund_rule, new.body.strip())


def _same(row: CardTerms, new: NewTerms) -> bool:
    kept = NewTerms(row.issuer_name, row.contact, row.refund_rule, row.body)
    return kept == new
