"""The phone of somebody who works in a shop: kept for messages to him, and only while he agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import Forbidden
from models.consent import ConsentKind
from models.merchant import Staff
from services import audit
from services.deps import Deps
from services.people import contact
from services.people.acting import Acting
from services.people.problems import PersonInvalid
from services.privacy import consents
from services.privacy.consents import Agreed

KIND = ConsentKind.STAFF_PHONE


@dataclass(frozen=True, slots=True)
class OwnPhone:
    """Masked; `agreed_at` is None where an admin typed it and its owner has not agreed yet."""

    phone: str = ""
    agreed_at: datetime | None = None


def read(session: Session, deps: Deps, who: Acting) -> OwnPhone:
    row = session.get(Staff, (who.provider_id, who.id)) if not who.role.is_providers else None
    phone = contact.phone_of(deps, row) if row is not None else None
    if row is None or row.person_id is None or phone is None:
        return OwnPhone(contact.mask_phone(phone) if phone else "")
    found = consents.live(session, row.provider_id, row.merchant_id, row.person_id, KIND)
    return OwnPhone(contact.mask_phone(phone), found.given_at if found is not None else None)


def agree(deps: Deps, who: Acting, typed: str, agreed: Agreed) -> None:
    """A yes to messages, to the number `typed`, or with "" to the one that is there.

    Raises ConsentMissing and PersonInvalid.
    """
    phone = contact.clean_phone(typed) if typed.strip() else None

    def unit(session: Session) -> None:
        row, person_id = _own(session, who)
        if phone is not None:
            contact.keep_phone(deps, row, phone)
        if row.phone_sealed is None:
            raise PersonInvalid("填写手机号")
        place = (row.provider_id, row.merchant_id, person_id)
        consents.give(session, deps, *place, KIND, agreed)
        session.flush()

    deps.transact(unit)


def withdraw(deps: Deps, who: Acting) -> None:
    """The number goes from each of his roles at this merchant. A second call changes nothing."""

    def unit(session: Session) -> None:
        row, person_id = _own(session, who)
        consents.withdraw(session, deps, row.provider_id, row.merchant_id, person_id, KIND)
        own = select(Staff).where(
            Staff.provider_id == row.provider_id,
            Staff.merchant_id == row.merchant_id,
            Staff.person_id == person_id,
            Staff.phone_sealed.is_not(None),
        )
        for one in session.scalars(own.order_by(Staff.id).with_for_update()).all():
            contact.keep_phone(deps, one, None)
            audit.record(
                session,
                provider_id=one.provider_id,
                actor=who.actor,
                action="staff_phone_removed",
                subject=f"staff:{one.id}",
                at=deps.now(),
            )

    deps.transact(unit)


def for_messages(session: Session, deps: Deps, row: Staff) -> str | None:
    """The plain number, where its owner has agreed to be sent messages."""
    if row.phone_sealed is None or row.person_id is None:
        return None
    place = (row.provider_id, row.merchant_id, row.person_id)
    if consents.live(session, *place, KIND) is None:
        return None
    return contact.phone_of(deps, row)


def _own(session: Session, who: Acting) -> tuple[Staff, int]:
    """The row that gives this person his role, locked."""
    if who.role.is_providers:
        raise Forbidden("服务商的人不在这里登记手机号")
    key = (who.provider_id, who.id)
    row = session.get_one(Staff, key, with_for_update=True, populate_existing=True)
    if row.person_id is None or not row.is_active:
        raise PersonInvalid("先用微信激活身份，再登记手机号")
    return row, row.person_id
