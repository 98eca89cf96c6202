"""Whether payers can be sent to the account, as its row says; and the end of an authorisation."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.official import OaMode, OfficialAccount
from models.provider import OaState, Provider
from services import audit
from services.oa import rows

WEB, SERVICE_ACCOUNT, NOT_VERIFIED = 4, 2, -1  # wechat.md D


def state_of(row: OfficialAccount) -> OaState:
    """What a payer's page may expect of WeChat: our page says it before WeChat's own does."""
    if not row.is_authorised:
        return OaState.NOT_AUTHORIZED
    if row.verify_type == NOT_VERIFIED:
        return OaState.NOT_VERIFIED
    is_subscription = row.service_type is not None and row.service_type != SERVICE_ACCOUNT
    if is_subscription or (row.mode is OaMode.COMPONENT and WEB not in row.granted):
        return OaState.SCOPE_DENIED
    return OaState.AUTHORIZED


def ended(session: Session, provider_id: int, why: str, *, at: datetime, now: datetime) -> bool:
    """The account grants us nothing any more: its tokens go, payers are told on our page.

    False for word that is older than what we know: an event may arrive late or be sent again.
    """
    provider = session.get_one(Provider, provider_id, with_for_update=True)
    row = session.scalar(rows.of_provider(provider_id).with_for_update())
    if row is None or row.mode is not OaMode.COMPONENT:
        return False
    if row.event_at is not None and at < row.event_at:
        return False
    was, row.is_authorised, row.event_at = row.is_authorised, False, at
    row.refresh_sealed, row.granted, row.due_at = None, [], None
    row.said_code, row.said_at = why[:32], now
    provider.oa_state = OaState.NOT_AUTHORIZED
    session.flush()
    session.execute(
        text(
            "UPDATE oa_token SET sealed = NULL, until_at = NULL, due_at = NULL,"
            " version = version + 1 WHERE provider_id = :p AND app_id = :a"
        ),
        {"p": provider_id, "a": row.app_id},
    )
    if was:
        audit.record(
            session, provider_id=provider_id, actor="wechat", action="oa_unauthorised",
            subject=f"provider:{provider.out_mch_id}", at=now, why=why,
        )  # fmt: skip
    return True
