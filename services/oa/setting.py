"""Putting the provider's own account in place (mode `direct`): how it pushes, until when it is
verified."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from errors import BadInput
from models.official import OaMode, OfficialAccount
from models.provider import OaState
from services.deps import Deps
from services.oa import rows
from services.oa.ending import state_of
from services.onboarding.checks import account_query, lock_provider, note, raise_version

PUSH_TOKEN = re.compile(r"[0-9A-Za-z]{3,32}")
PUSH_KEY = re.compile(r"[0-9A-Za-z]{43}")
USER_NAME = re.compile(r"gh_[0-9a-z]{8,40}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to change; "" and None leave a thing as it is."""

    push_token: str = field(default="", repr=False)
    push_key: str = field(default="", repr=False)
    plain: bool = False  # forget the key: pushes come in the clear
    user_name: str = ""
    verified_until: datetime | None = None


def checked_push(token: str, key: str) -> None:
    """Raises BadInput for what WeChat's form would not take."""
    if token and not PUSH_TOKEN.fullmatch(token):
        raise BadInput("the push token is 3 to 32 letters and digits")
    if key and not PUSH_KEY.fullmatch(key):
        raise BadInput("the EncodingAESKey is 43 letters and digits")


def set_direct(deps: Deps, out_mch_id: str, entry: Entry, *, actor: str) -> str:
    """The account that has its AppSecret with us; gives the address that WeChat is to push to.
    Raises BadInput where it has none: `provider set-wechat` takes it."""
    checked_push(entry.push_token, entry.push_key)
    if entry.user_name and not USER_NAME.fullmatch(entry.user_name):
        raise BadInput("the account's own name begins with gh_")

    def unit(session: Session) -> str:
        provider, now = lock_provider(session, out_mch_id), deps.now()
        account = session.scalar(account_query(provider, "wechat", "oa"))
        if account is None or not account.facts.get("app_id"):
            raise BadInput("no official account: run `flask provider set-wechat` first")
        app_id = account.facts["app_id"]
        row = rows.make(session, provider.id, OaMode.DIRECT, app_id, "", now)
        changed = _write(deps, row, entry)
        if account.facts.get("component_appid"):
            account.facts = {**account.facts, "component_appid": ""}
            row.refresh_sealed, row.granted, row.is_authorised, row.due_at = None, [], True, None
            provider.oa_state = state_of(row)
            raise_version(session, provider, actor, "oa_direct", ["mode"], now)
        elif provider.oa_state is OaState.NOT_VERIFIED and row.verify_type != -1:
            provider.oa_state = OaState.AUTHORIZED
        note(session, provider, actor, "oa_set", f"provider:{provider.out_mch_id}", now,
             changed=changed)  # fmt: skip
        return f"{deps.settings.base_url}/oa/{provider.out_mch_id}"

    return deps.transact(unit)


def set_verified_until(deps: Deps, out_mch_id: str, until: datetime, *, actor: str) -> None:
    """No call of WeChat's tells it: entered by hand, in either mode."""

    def unit(session: Session) -> None:
        provider, now = lock_provider(session, out_mch_id), deps.now()
        row = session.scalar(rows.of_provider(provider.id).with_for_update())
        if row is None:
            raise BadInput("no official account yet")
        row.verify_until = until
        note(session, provider, actor, "oa_verified_until", f"provider:{provider.out_mch_id}", now,
             until=f"{until:%F}")  # fmt: skip

    deps.transact(unit)


def _write(deps: Deps, row: OfficialAccount, entry: Entry) -> list[str]:
    changed = []
    if entry.push_token:
        rows.seal(deps, row, "push_token_sealed", entry.push_token)
        changed.append("push_token")
    if entry.push_key or entry.plain:
        rows.seal(deps, row, "push_key_sealed", entry.push_key)
        changed.append("push_key")
    if entry.user_name:
        row.user_name = entry.user_name
        changed.append("user_name")
    if entry.verified_until is not None:
        row.verify_until = entry.verified_until
        if row.verify_type == -1:
            row.verify_type = 0  # somebody says that it was renewed
        changed.append("verified_until")
    return changed
