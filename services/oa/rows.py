"""The official account's row, and what is sealed in it."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateways.wechat_oa.push import PushSecrets
from models.official import OaMode, OfficialAccount
from services.accounts import seal_place
from services.deps import Deps


def account_place(row: OfficialAccount, column: str) -> str:
    return seal_place("official_account", column, row.seal_key)


def of_provider(provider_id: int) -> Select[OfficialAccount]:
    return select(OfficialAccount).where(OfficialAccount.provider_id == provider_id)


def sealed(deps: Deps, row: OfficialAccount, column: str) -> str:
    """A sealed column in the clear, "" if it is empty."""
    value = getattr(row, column)
    return deps.ring.open(value, account_place(row, column)) if value else ""


def seal(deps: Deps, row: OfficialAccount, column: str, plain: str) -> None:
    setattr(row, column, deps.ring.seal(plain, account_place(row, column)) if plain else None)


def push_secrets(deps: Deps, row: OfficialAccount) -> PushSecrets:
    """Those of mode `direct`: in component mode the platform's are used."""
    return PushSecrets(
        row.app_id, sealed(deps, row, "push_token_sealed"), sealed(deps, row, "push_key_sealed")
    )


def make(
    session: Session, provider_id: int, mode: OaMode, app_id: str, platform: str, now: datetime
) -> OfficialAccount:
    """The provider's row, locked; made where there is none. Another account than before starts
    anew: nothing of the old one's is its own."""
    row = session.scalar(of_provider(provider_id).with_for_update())
    if row is None:
        row = OfficialAccount(
            provider_id=provider_id, mode=mode, app_id=app_id, granted=[],
            component_appid=platform or None, seal_key=secrets.token_hex(16), created_at=now,
        )  # fmt: skip
        session.add(row)
    elif row.app_id != app_id:
        row.app_id, row.granted, row.refresh_sealed = app_id, [], None
        row.user_name = row.nick_name = row.principal_name = ""
        row.service_type = row.verify_type = row.verify_until = row.event_at = None
    row.mode, row.component_appid = mode, platform or None
    session.flush()
    return row
