"""What the serving role may do with each table. Run after every migration."""

from __future__ import annotations

from sqlalchemy import Connection, text

# Rows that may be removed: they are not about money, or say it a second time, and they
# pile up.
REMOVABLE = frozenset(
    {"web_session", "oauth_state", "nonce_seen", "upstream_quota", "heartbeat", "lease", "route"}
) | {
    "day_delta",
    "bill_payee",
    "bill_stray",
    "card_release",
    "ledger_tail",
    "card_code",
    "phone_code",
    "sms_quota",
    "oa_push",
    "verify_file",
    "activation_try",
    "payment_notice",
    "notice_verdict",
    "console_session",
    "console_invite",
    "console_recovery",
    "console_try",
    "audit_tail",
    "long_job_row",
    "health_finding",
    "maidan_part",
    "application_paper",
    "ad_view",
    "merchant_file",
    "store_group",
    "device_setting",
    "device_binding",
    "device_key",
    "till_login",
    "device_report",
    "till_telemetry",
}
# Rows that are written once.
APPEND_ONLY = frozenset(
    {
        "audit_entry",
        "audit_seal",
        "upstream_event",
        "card_terms",
        "ledger_entry",
        "ledger_seal",
        "import_batch",
    }
)


def apply_grants(connection: Connection, app_role: str) -> None:
    """Give `app_role` what it needs and no more; it owns nothing and truncates nothing."""
    quoted = connection.dialect.identifier_preparer.quote(app_role)
    tables = connection.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ).all()
    for table in tables:
        rights = ["SELECT", "INSERT"]
        if table == "alembic_version":
            rights = ["SELECT"]
        elif table not in APPEND_ONLY:
            rights.append("UPDATE")
        if table in REMOVABLE or table.startswith("procrastinate_"):
            rights.append("DELETE")
        connection.execute(text(f"REVOKE ALL ON {table} FROM {quoted}"))
        connection.execute(text(f"GRANT {', '.join(rights)} ON {table} TO {quoted}"))
    connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}"))
    connection.execute(text(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {quoted}"))
