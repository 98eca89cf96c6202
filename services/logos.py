"""Logos: a merchant's, and the provider's for merchants without one (product PRV-10, MCH-1).

Re-encoded as pictures of ads are (ADR 034): nothing that was uploaded is ever served.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.logo import Logo
from models.provider import Provider
from services import audit
from services.after_payment.pictures import LOGO, Encoded, encode
from services.deps import Deps
from services.merchants.changing import touch
from services.merchants.reading import find as find_merchant
from services.numbers import new_public_id

MOST_BYTES: Final = (2 << 20) + (64 << 10)  # a request: a picture and the form around it


def set_of_merchant(
    deps: Deps, provider_id: int, out_id: str, sent: bytes | None, *, actor: str
) -> None:
    """From the next page on; None takes it away. Raises NotFound and what `encode` raises."""
    made = encode(sent, LOGO) if sent is not None else None

    def unit(session: Session) -> None:
        merchant = find_merchant(session, provider_id, out_id, lock=True)
        before, logo = merchant.logo_id, _keep(session, deps, provider_id, made, actor)
        if before != logo:
            merchant.logo_id = logo
            touch(session, merchant, "logo_set", deps.now(), actor, before=before, after=logo)

    deps.transact(unit)


def set_of_provider(deps: Deps, provider_id: int, sent: bytes | None, *, actor: str) -> None:
    """The same for all merchants that have none of their own."""
    made = encode(sent, LOGO) if sent is not None else None

    def unit(session: Session) -> None:
        row = session.get_one(Provider, provider_id, with_for_update={"key_share": True})
        before, logo = row.logo_id, _keep(session, deps, provider_id, made, actor)
        if before == logo:
            return
        row.logo_id = logo
        session.flush()
        audit.record(
            session, provider_id=provider_id, actor=actor, action="logo_set",
            subject=f"provider:{row.out_mch_id}", at=deps.now(), before=before, after=logo,
        )  # fmt: skip

    deps.transact(unit)


def _keep(
    session: Session, deps: Deps, provider_id: int, made: Encoded | None, actor: str
) -> str | None:
    """Its public id. The same picture is kept once."""
    if made is None:
        return None
    values = {
        "provider_id": provider_id, "public_id": new_public_id(), "sha256": made.sha256,
        "body": made.body, "uploaded_by": actor, "created_at": deps.now(),
    }  # fmt: skip
    session.execute(
        insert(Logo).values(values).on_conflict_do_nothing(index_elements=["provider_id", "sha256"])
    )
    return session.scalars(
        select(Logo.public_id).where(Logo.provider_id == provider_id, Logo.sha256 == made.sha256)
    ).one()


def body_of(session: Session, out_mch_id: str, public_id: str) -> bytes | None:
    """What a page asks for; None where this provider has none of that id."""
    return session.scalar(
        select(Logo.body)
        .join(Provider, Provider.id == Logo.provider_id)
        .where(Provider.out_mch_id == out_mch_id, Logo.public_id == public_id)
    )


def of_provider(session: Session, provider_id: int) -> str | None:
    return session.get_one(Provider, provider_id).logo_id
