"""`/m/`: who comes in, and with what right; the pages stand in `routes.py`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, g, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers, entry
from blueprints.merchant.routes import NEEDS, ROUTES, Open
from errors import AppError, Forbidden
from services import audit
from services.payers import hashed
from services.people import signing_in
from services.people.acting import Acting, why_not
from services.people.rights import may
from services.people.signing_in import Holder
from web.runtime import deps

bp = Blueprint("merchant", __name__, url_prefix="/m")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who comes with this cookie: in a role, in none yet, or nobody."""

    acting: Acting | None
    holder: Holder | None
    provider: tuple[int, int] | None  # that the address names with `p`

    @property
    def is_elsewhere(self) -> bool:
        """The address is of a provider whose account has not told who this is."""
        own = self.acting or self.holder
        return self.provider is not None and (own is None or own.provider_id != self.provider[0])


@bp.before_request
def come_in() -> ResponseReturnValue | None:
    """A live session with the page's right, or the page that says how to get one.

    A page that `routes.py` does not declare is closed to everybody. An address with `p`, a
    provider's number, is a way in: its official account tells who holds the phone.
    """
    needs = NEEDS.get((request.endpoint or "").removeprefix("merchant."))
    if needs is Open.ANYONE:
        return None
    visitor = deps().transact(_visitor)
    if visitor.is_elsewhere and request.method == "GET":
        assert visitor.provider is not None
        return entry.leave(visitor.provider, request.args["p"], _own_address())
    g.holder, who = visitor.holder, visitor.acting
    if needs is Open.PERSON:
        g.staff = None if who is None or who.is_stopped else who
        return entry.not_signed_in() if visitor.holder is None else None
    if who is None:
        return entry.not_signed_in() if visitor.holder is None else redirect("/m/choose", 303)
    if who.is_stopped:
        _remember(who)
        return entry.stopped(who)
    g.staff = who
    if not isinstance(needs, Open) and (needs is None or not may(who, needs)):
        _remember(who)
        raise Forbidden(str(needs))
    return None


def _visitor(session: Session) -> Visitor:
    cookie, now = entry.session_id(), deps().now()
    acting = why_not(session, hashed(cookie), now) if cookie else None
    holder = signing_in.holder_of(session, hashed(cookie), now) if cookie else None
    named = request.args.get("p", "")[:40]
    return Visitor(acting, holder, signing_in.provider_of(session, named) if named else None)


def _own_address() -> str:
    """This page again, without the provider's number: below `/m/`, whatever was typed."""
    query = urlencode([(k, v) for k, v in request.args.items(multi=True) if k != "p"])
    return f"{request.path}?{query}" if query and len(query) < 1000 else request.path


def _remember(who: Acting) -> None:
    """Whoever sent a form that he has no right to any more, or never had, stands in the audit."""
    if request.method == "GET":
        return
    page = (request.endpoint or "").removeprefix("merchant.")
    deps().transact(
        lambda s: audit.record(
            s,
            provider_id=who.provider_id,
            actor=who.actor,
            action="page_denied",
            subject=f"merchant:{who.merchant_id}",
            at=deps().now(),
            page=page,
            is_stopped=who.is_stopped,
        )
    )


@bp.errorhandler(AppError)
def refused(error: AppError) -> ResponseReturnValue:
    """Somebody else's rows are told like rows that nobody has."""
    return answers.refused(error, "/m/")


for route in ROUTES:
    bp.add_url_rule(
        route.rule, endpoint=route.endpoint, view_func=route.view, methods=[route.method]
    )
