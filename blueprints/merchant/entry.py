"""The way in: `/m/` itself, and the demo's logins."""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import abort, make_response, redirect
from flask.typing import ResponseReturnValue
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.merchant import Staff
from models.session import WebSession
from services.payers import hashed
from web.runtime import deps
from web.visit import STAFF_COOKIE, set_cookie


def home() -> ResponseReturnValue:
    return redirect("/m/orders")


def demo_login(public_id: str) -> ResponseReturnValue:
    """Sign in as a demo person. In simulation only: elsewhere this address does not exist."""
    if not deps().settings.simulation:
        abort(404)
    fresh, now = secrets.token_urlsafe(24), deps().now()

    def unit(session: Session) -> bool:
        staff = session.scalar(select(Staff).where(Staff.public_id == public_id, Staff.is_active))
        if staff is None:
            return False
        session.execute(
            insert(WebSession).values(
                id_hash=hashed(fresh),
                kind="staff",
                provider_id=staff.provider_id,
                staff_id=staff.id,
                created_at=now,
                expires_at=now + timedelta(hours=12),
            )
        )
        return True

    if not deps().transact(unit):
        abort(404)
    response = make_response(redirect("/m/orders", 303))
    set_cookie(response, STAFF_COOKIE, fresh, deps().settings)
    return response
