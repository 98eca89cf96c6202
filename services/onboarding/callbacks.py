"""A provider's own system: where it is told, and the key that what it is told is signed with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from errors import BadInput
from models.provider import Provider
from services.accounts import seal_place
from services.deps import Deps
from services.onboarding.checks import lock_provider, note


@dataclass(frozen=True, slots=True)
class CallbackSet:
    """What holds now; `new_key` is told this once, the first time."""

    out_mch_id: str
    host: str
    on_refund: bool
    new_key: str | None = field(default=None, repr=False)


def make_authen_key(deps: Deps, provider: Provider) -> str:
    """A new key of the provider's, sealed into the row; the old one ends with the commit."""
    mark, key = secrets.token_hex(16), secrets.token_hex(16)
    provider.seal_key = mark
    provider.authen_key_sealed = deps.ring.seal(
        key, seal_place("provider", "authen_key_sealed", mark)
    )
    return key


def set_callback(
    deps: Deps, out_mch_id: str, url: str, *, on_refund: bool, actor: str
) -> CallbackSet:
    """Tell this address from the next event on. Raises CallbackAddress for one not to be called.

    The name is looked up now and again at every try: that it was fine once says nothing.
    """
    deps.gateways.callbacks.check(url)

    def unit(session: Session) -> CallbackSet:
        provider = lock_provider(session, out_mch_id)
        key = None if provider.authen_key_sealed else make_authen_key(deps, provider)
        provider.callback_url, provider.callback_is_active = url, True
        provider.callback_on_refund = on_refund
        host = urlsplit(url).hostname or ""
        note(
            session, provider, actor, "callback_set", f"provider:{provider.out_mch_id}", deps.now(),
            host=host, on_refund=on_refund, new_key=key is not None,
        )  # fmt: skip
        return CallbackSet(provider.out_mch_id, host, on_refund, key)

    return deps.transact(unit)


def stop_callback(deps: Deps, out_mch_id: str, *, actor: str) -> str:
    """Nothing is told any more; what waits dies at its next try. Raises BadInput if none was."""

    def unit(session: Session) -> str:
        provider = lock_provider(session, out_mch_id)
        if not provider.callback_is_active:
            raise BadInput(f"provider {provider.out_mch_id} has no callback address")
        provider.callback_is_active = False
        note(
            session, provider, actor, "callback_stopped", f"provider:{provider.out_mch_id}",
            deps.now(),
        )  # fmt: skip
        return provider.out_mch_id

    return deps.transact(unit)


def new_authen_key(deps: Deps, out_mch_id: str, *, actor: str) -> str:
    """Another key, at once and for good; told this once."""

    def unit(session: Session) -> str:
        provider = lock_provider(session, out_mch_id)
        key = make_authen_key(deps, provider)
        note(
            session, provider, actor, "authen_key_made", f"provider:{provider.out_mch_id}",
            deps.now(),
        )  # fmt: skip
        return key

    return deps.transact(unit)
