"""Rows whose time is over, and the signs of life that `readyz` reads."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.after_payment import keeping
from services.applications import retention as papers
from services.deps import Deps
from services.privacy import retention

_EXPIRED = (
    "DELETE FROM oauth_state WHERE expires_at < :now",
    "DELETE FROM web_session WHERE expires_at < :now",
    "DELETE FROM console_session WHERE expires_at < :now",
    "DELETE FROM nonce_seen WHERE expires_at < :now",
    "DELETE FROM console_invite WHERE expires_at < :month_ago",
    "DELETE FROM console_try WHERE began_at < :month_ago"
    " OR (began_at < :yesterday AND subject NOT LIKE 'known:%')",
    "DELETE FROM card_code WHERE expires_at < :hour_ago",
    "DELETE FROM upstream_quota WHERE minute < :yesterday",
    "DELETE FROM phone_code WHERE expires_at < :yesterday",
    "DELETE FROM sms_quota WHERE last_at < :yesterday",
    "DELETE FROM oa_push WHERE received_at < :yesterday",
    "DELETE FROM payment_notice WHERE created_at < :month_ago AND due_at IS NULL",
    "DELETE FROM notice_verdict WHERE received_at < :yesterday",
    "DELETE FROM heartbeat WHERE seen_at < :yesterday",
    "DELETE FROM activation_try WHERE tried_at < :yesterday",
    "DELETE FROM ad_view WHERE seen_at < :two_days_ago",
    "DELETE FROM device_setting WHERE expires_at < :yesterday",
    "DELETE FROM device_binding WHERE expires_at < :yesterday",
    "DELETE FROM till_login WHERE expires_at < :yesterday",
    "DELETE FROM device_report WHERE received_at < :reports_end",
    "DELETE FROM till_telemetry WHERE received_at < :reports_end",
    "DELETE FROM merchant_file WHERE created_at < :week_ago",
)


def remove_expired(deps: Deps) -> None:
    def unit(session: Session) -> None:
        now = deps.now()
        times = {"now": now, "hour_ago": now - timedelta(hours=1), "yesterday": now - timedelta(1)}
        times["month_ago"], times["week_ago"] = now - timedelta(30), now - timedelta(7)
        times["two_days_ago"] = now - timedelta(2)
        times["reports_end"] = now - timedelta(deps.settings.device_reports_days)
        for statement in _EXPIRED:
            session.execute(text(statement), times)

    deps.transact(unit)
    retention.remove_old(deps)
    papers.remove_old(deps)
    keeping.remove_old(deps)


def beat(deps: Deps, name: str) -> None:
    """A worker says that it lives."""
    deps.transact(
        lambda s: s.execute(
            text(
                "INSERT INTO heartbeat (name, seen_at) VALUES (:n, :t)"
                " ON CONFLICT (name) DO UPDATE SET seen_at = :t"
            ),
            {"n": name, "t": deps.now()},
        )
    )
