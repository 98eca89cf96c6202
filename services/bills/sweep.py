"""Bills and their cases whose time has come, claimed so that several workers do each once."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy.orm import Session

from errors import Conflict
from models.bill import BillStatus
from services.bills import healing
from services.bills.fetching import LEASE, fetch_bill, find_bill
from services.bills.matching import match_bill
from services.claims import claim_statement
from services.deps import Deps

log = logging.getLogger(__name__)

ACTOR = "worker"
MATCHABLE = (BillStatus.LOADED, BillStatus.EMPTY)


@dataclass(frozen=True, slots=True)
class Claim:
    """A bill taken for a while; if its holder dies, its due time brings it back."""

    provider_id: int
    bill_id: int


@dataclass(frozen=True, slots=True)
class CaseClaim:
    """The same for a difference that the wallet is to be asked about."""

    provider_id: int
    case_id: int


_BILLS, _CASES = claim_statement("bill"), claim_statement("bill_case")


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Take up to `most` bills whose time has come."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_BILLS, {"now": now, "until": now + LEASE, "most": most})
        return [Claim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def pursue(deps: Deps, claim: Claim) -> None:
    """Fetch the bill if need be, and match it. Killed in between, the next one goes on."""
    try:
        if deps.transact(lambda s: find_bill(s, claim.bill_id).status) not in MATCHABLE:
            fetch_bill(deps, claim.bill_id)
        if deps.transact(lambda s: find_bill(s, claim.bill_id).status) in MATCHABLE:
            match_bill(deps, claim.bill_id)
    except Conflict as problem:
        log.info("bill left to another", extra={"bill": claim.bill_id, "why": problem.detail})


def claim_cases(deps: Deps, most: int) -> list[CaseClaim]:
    """Take up to `most` differences that the wallet is to be asked about."""

    def unit(session: Session) -> list[CaseClaim]:
        now = deps.now()
        rows = session.execute(_CASES, {"now": now, "until": now + healing.CLAIM, "most": most})
        return [CaseClaim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def pursue_case(deps: Deps, claim: CaseClaim) -> None:
    healing.heal(deps, claim.case_id, ACTOR)
