"""Calls with a token: `call` hands it over, and where WeChat takes it no more there is one new
token for all processes, not one each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from errors import GatewayRejected
from gateways.wechat_oa.calls import TOKEN_ERRORS
from gateways.wechat_oa.tokens import Platform
from services.deps import Deps
from services.oa.account import official_of
from services.oa.askers import AccessAsker, ComponentAsker, GrantAsker, TicketAsker
from services.oa.book import Token
from services.oa.renewing import Asker, obtain

T = TypeVar("T")


def call(deps: Deps, provider_id: int, fn: Callable[[str], T]) -> T:
    """`fn(access_token)`; once more with a new one where WeChat says that it is over (40001,
    40014, 42001): then nothing was done. Raises what `fn` raises, PayProblem without an account,
    and GatewayRejected or GatewayUnknown where there is no token to be had.
    """
    return _called(deps, access_asker(deps, provider_id), fn)


def jsapi_ticket(deps: Deps, provider_id: int) -> str:
    """What a page's `wx.config` is signed with."""
    return _ticket(deps, provider_id, "jsapi")


def card_ticket(deps: Deps, provider_id: int) -> str:
    """What `wx.addCard` is signed with."""
    return _ticket(deps, provider_id, "wx_card")


def component_call(deps: Deps, component_appid: str, fn: Callable[[Platform], T]) -> T:
    """The same with the third-party platform's own token."""
    asker = ComponentAsker(deps, component_appid)
    return _called(deps, asker, lambda token: fn(Platform(component_appid, token)))


def access_asker(deps: Deps, provider_id: int) -> Asker:
    official = official_of(deps, provider_id)
    if official.component_appid:
        return GrantAsker(deps, provider_id, official.app_id, official.component_appid)
    return AccessAsker(deps, provider_id, official.app_id, official.secret)


def ticket_asker(deps: Deps, provider_id: int, kind: str) -> Asker:
    access = access_asker(deps, provider_id)
    return TicketAsker(deps, access, kind)


def _ticket(deps: Deps, provider_id: int, kind: str) -> str:
    return obtain(deps, ticket_asker(deps, provider_id, kind)).value


def _called(deps: Deps, asker: Asker, fn: Callable[[str], T]) -> T:
    token: Token = obtain(deps, asker)
    try:
        return fn(token.value)
    except GatewayRejected as problem:
        if problem.upstream_code not in TOKEN_ERRORS:
            raise
    return fn(obtain(deps, asker, bad=token).value)
