"""Which official account a provider has, and how it is reached."""

from __future__ import annotations

from sqlalchemy import text

from services.accounts import OfficialAccount
from services.deps import Deps
from services.problems import PayProblem
from services.single import Single

_VERSION = Single(text("SELECT account_version FROM provider WHERE id = :p"))


def official_of(deps: Deps, provider_id: int) -> OfficialAccount:
    """Raises PayProblem PROVIDER_OA_NOT_AUTHORIZED where there is none."""
    row = _VERSION.first(deps, {"p": provider_id})
    found = None
    if row is not None:
        found = deps.accounts_of(provider_id, row.account_version).official
    if found is None:
        raise PayProblem("PROVIDER_OA_NOT_AUTHORIZED")
    return found
