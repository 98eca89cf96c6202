"""A member's phone and name: cleaned, sealed, found by a keyed hash, shown masked."""

from __future__ import annotations

import re
import unicodedata

from models.card import Member
from services.accounts import seal_place
from services.cards.member_problems import PhoneInvalid
from services.deps import Deps

PHONE = re.compile(r"1[3-9][0-9]{9}")
NAME_MOST = 32


def clean_phone(text: str) -> str:
    """Eleven digits of a mainland mobile phone; blanks, dashes and +86 are taken off.

    Raises PhoneInvalid.
    """
    bare = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text))
    bare = re.sub(r"^(\+86|0086)", "", bare)
    if not PHONE.fullmatch(bare):
        raise PhoneInvalid()
    return bare


def clean_name(text: str) -> str:
    """Without blanks at the ends, full-width made half-width; ValueError for what is no name.

    A name that a spreadsheet would take for a formula is none: it would come out again in exports.
    """
    found = unicodedata.normalize("NFKC", text).strip()
    if len(found) > NAME_MOST or not found.isprintable() or found[:1] in tuple("=+-@"):
        raise ValueError("not a name")
    return found


def phone_hash(deps: Deps, provider_id: int, merchant_id: int, phone: str) -> str:
    """Other at each merchant: two merchants' tables do not tell that they share a customer."""
    return deps.ring.blind(f"{provider_id}:{merchant_id}:{phone}", "member phone")


def name_hash(deps: Deps, provider_id: int, merchant_id: int, name: str) -> str:
    return deps.ring.blind(f"{provider_id}:{merchant_id}:{name.casefold()}", "member name")


def seal(deps: Deps, column: str, provider_id: int, member_id: int, plain: str) -> str:
    return deps.ring.seal(plain, seal_place("member", column, f"{provider_id}:{member_id}"))


def phone_of(deps: Deps, member: Member) -> str | None:
    return _open(deps, "phone_sealed", member, member.phone_sealed)


def name_of(deps: Deps, member: Member) -> str | None:
    return _open(deps, "name_sealed", member, member.name_sealed)


def _open(deps: Deps, column: str, member: Member, sealed: str | None) -> str | None:
    if sealed is None:
        return None
    place = seal_place("member", column, f"{member.provider_id}:{member.id}")
    return deps.ring.open(sealed, place)


def mask_phone(phone: str) -> str:
    """`138****5678`."""
    return f"{phone[:3]}****{phone[-4:]}"


def mask_name(name: str) -> str:
    """The first character and a star: `林*`."""
    return f"{name[:1]}*"
