"""How each kind of token is asked for, and what must be kept with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.wechat_oa.calls import TOKEN_ERRORS
from gateways.wechat_oa.tokens import Authorised, Platform
from services.deps import Deps
from services.leases import Held, holds
from services.oa import platform, rows
from services.oa.book import Key, Token
from services.oa.ending import ended
from services.oa.renewing import Asker, NotReady, obtain
from services.oa.store import Got

NO_TICKET = "61006"  # WeChat's own number for a ticket that is not there or not good
NOT_GRANTED, REFRESH_INVALID = "61003", "61023"


@dataclass
class AccessAsker:
    """The account's own token, with its own secret (mode `direct`)."""

    deps: Deps
    provider_id: int
    app_id: str
    secret: str = field(repr=False)

    @property
    def key(self) -> Key:
        return Key(self.provider_id, "access", self.app_id)

    def ready(self) -> None:
        """Nothing is wanted first."""

    def ask(self, held: Held, bad: Token | None) -> Got:
        """Once more by force where WeChat gives the very token that it does not take."""
        tokens, asked_at = self.deps.gateways.wechat_tokens, self.deps.now()
        issued = tokens.stable(self.app_id, self.secret)
        if bad is not None and issued.value == bad.value:
            asked_at = self.deps.now()
            issued = tokens.stable(self.app_id, self.secret, force=True)
        return Got(issued, asked_at)


@dataclass
class TicketAsker:
    """A ticket, asked for with the account's token."""

    deps: Deps
    access: Asker
    kind: str
    _token: Token | None = None
    _bad: Token | None = None

    @property
    def key(self) -> Key:
        return Key(self.access.key.provider_id, self.kind, self.access.key.app_id)

    def ready(self) -> None:
        self._token = obtain(self.deps, self.access, self._bad)

    def ask(self, held: Held, bad: Token | None) -> Got:
        assert self._token is not None
        asked_at = self.deps.now()
        try:
            return Got(
                self.deps.gateways.wechat_tokens.ticket(self._token.value, self.kind), asked_at
            )
        except GatewayRejected as problem:
            if problem.upstream_code not in TOKEN_ERRORS or self._bad is not None:
                raise
            self._bad = self._token
        raise NotReady


@dataclass
class ComponentAsker:
    """The platform's own token, asked for with the ticket that WeChat pushed last."""

    deps: Deps
    app_id: str

    @property
    def key(self) -> Key:
        return Key(0, "component", self.app_id)

    def ready(self) -> None:
        """The ticket comes by itself or not at all."""

    def ask(self, held: Held, bad: Token | None) -> Got:
        found = platform.load(self.deps, self.app_id)
        now = self.deps.now()
        if not found.ticket or found.ticket_at is None:
            raise GatewayRejected(NO_TICKET, "no component_verify_ticket was pushed to us yet")
        if now - found.ticket_at >= platform.TICKET_LIVES:
            raise GatewayRejected("61005", "the component_verify_ticket is older than 12 hours")
        tokens = self.deps.gateways.wechat_tokens
        return Got(tokens.component(found.app_id, found.secret, found.ticket), now)


@dataclass
class GrantAsker:
    """The account's token by what it granted us (mode `component`). Each answer brings the refresh
    token for the next, which is kept with it before either is used."""

    deps: Deps
    provider_id: int
    app_id: str
    component_appid: str
    _token: Token | None = None
    _bad: Token | None = None

    @property
    def key(self) -> Key:
        return Key(self.provider_id, "access", self.app_id)

    def ready(self) -> None:
        asker = ComponentAsker(self.deps, self.component_appid)
        self._token = obtain(self.deps, asker, self._bad)

    def ask(self, held: Held, bad: Token | None) -> Got:
        assert self._token is not None
        by = Platform(self.component_appid, self._token.value)
        began = self.deps.now()
        try:
            return self._ask(held, by)
        except GatewayRejected as problem:
            if problem.upstream_code in (NOT_GRANTED, REFRESH_INVALID):
                self._end(problem.upstream_code, began)
            if problem.upstream_code not in TOKEN_ERRORS or self._bad is not None:
                raise
            self._bad = self._token
        raise NotReady

    def _end(self, why: str, at: datetime) -> None:
        self.deps.transact(lambda s: ended(s, self.provider_id, why, at=at, now=self.deps.now()))

    def _ask(self, held: Held, by: Platform) -> Got:
        tokens, asked_at = self.deps.gateways.wechat_tokens, self.deps.now()
        ours = self._refresh_token()
        try:
            found = tokens.authorizer_token(by, self.app_id, ours)
        except GatewayRejected as problem:
            if problem.upstream_code != REFRESH_INVALID:
                raise
            found = self._recovered(held, by, ours, problem)
        return Got(found.access, asked_at, self._keep(found.refresh_token))

    def _recovered(
        self, held: Held, by: Platform, ours: str, problem: GatewayRejected
    ) -> Authorised:
        """An answer that nobody heard may have brought a newer refresh token: WeChat's list has
        it. It is stored before it is used."""
        tokens = self.deps.gateways.wechat_tokens
        theirs = tokens.refresh_token_of(by, self.app_id)
        if not theirs or theirs == ours:
            raise problem
        keep = self._keep(theirs)

        def unit(session: Session) -> bool:
            if not holds(session, held):
                return False
            keep(session)
            return True

        if not self.deps.transact(unit):
            raise GatewayUnknown("somebody else is asking by now", sent=False)
        return tokens.authorizer_token(by, self.app_id, theirs)

    def _refresh_token(self) -> str:
        row = self.deps.transact(lambda s: s.scalar(rows.of_provider(self.provider_id)))
        if row is None or row.refresh_sealed is None or not row.is_authorised:
            raise GatewayRejected(NOT_GRANTED, "the account does not grant us anything")
        return rows.sealed(self.deps, row, "refresh_sealed")

    def _keep(self, refresh_token: str) -> Callable[[Session], None]:
        def keep(session: Session) -> None:
            row = session.scalars(rows.of_provider(self.provider_id).with_for_update()).one()
            rows.seal(self.deps, row, "refresh_sealed", refresh_token)
            session.flush()

        return keep
