"""Tokens at 2/3 of their life are renewed by the worker, while the old one serves on; and what
accounts grant is looked at when something was told, or once a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import TextClause, text

from services.claims import claim_statement
from services.deps import Deps
from services.oa import grants
from services.oa.askers import ComponentAsker
from services.oa.renewing import Asker, renew
from services.oa.tokens import access_asker, ticket_asker
from services.problems import PayProblem

CLAIM = timedelta(seconds=60)  # longer than a lease and a call
_CLAIM = claim_statement("oa_token")
_CLAIM_ACCOUNTS = claim_statement("official_account")


@dataclass(frozen=True, slots=True)
class Claim:
    """A token's row that is ours for a minute."""

    provider_id: int
    id: int


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Tokens whose time has come; one whose holder dies comes back by itself."""
    return _claimed(deps, _CLAIM, most)


def claim_accounts(deps: Deps, most: int) -> list[Claim]:
    """The same for accounts whose grant is to be looked at."""
    return _claimed(deps, _CLAIM_ACCOUNTS, most)


def _claimed(deps: Deps, statement: TextClause, most: int) -> list[Claim]:
    now = deps.now()
    values = {"now": now, "until": now + CLAIM, "most": most}
    rows = deps.transact(lambda s: s.execute(statement, values).all())
    return [Claim(row.provider_id, row.id) for row in rows]


def look(deps: Deps, claim: Claim) -> None:
    """Ask what the account grants. Where WeChat does not say it, the claim comes back."""
    grants.look(deps, claim.provider_id)


def pursue(deps: Deps, claim: Claim) -> None:
    """Ask for the next token, unless another process is at it or the account is another's now."""
    row = deps.transact(
        lambda s: s.execute(
            text("SELECT kind, app_id FROM oa_token WHERE provider_id = :p AND id = :i"),
            {"p": claim.provider_id, "i": claim.id},
        ).one()
    )
    asker = _asker(deps, claim.provider_id, row.kind, row.app_id)
    if asker is None or asker.key.app_id != row.app_id:
        _leave(deps, claim)
    else:
        renew(deps, asker)


def _asker(deps: Deps, provider_id: int, kind: str, app_id: str) -> Asker | None:
    if kind == "component":
        return ComponentAsker(deps, app_id)
    try:
        if kind == "access":
            return access_asker(deps, provider_id)
        return ticket_asker(deps, provider_id, kind)
    except PayProblem:
        return None


def _leave(deps: Deps, claim: Claim) -> None:
    deps.transact(
        lambda s: s.execute(
            text("UPDATE oa_token SET due_at = NULL WHERE provider_id = :p AND id = :i"),
            {"p": claim.provider_id, "i": claim.id},
        )
    )
