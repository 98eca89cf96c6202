"""The job queue: Procrastinate 3.10's own schema, with its notify triggers switched off.

A transaction that notifies takes a lock over the whole server at commit; workers poll instead.
Going back drops the queue: stop the workers first, jobs that have not run are lost.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parent.parent / "sql" / "procrastinate_3_10.sql"
NOTIFY_TRIGGERS = (
    "procrastinate_jobs_notify_queue_job_inserted_v1",
    "procrastinate_jobs_notify_queue_job_aborted_v1",
)


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SCHEMA.read_text(encoding="utf-8"))
    for trigger in NOTIFY_TRIGGERS:
        op.execute(f"ALTER TABLE procrastinate_jobs DISABLE TRIGGER {trigger}")


def downgrade() -> None:
    op.execute(
        "DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs, "
        "procrastinate_workers CASCADE"
    )
    op.execute(
        """DO $$ DECLARE f regprocedure; BEGIN
        FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'procrastinate_%' LOOP
            EXECUTE 'DROP FUNCTION ' || f || ' CASCADE'; END LOOP; END $$"""
    )
    op.execute(
        "DROP TYPE IF EXISTS procrastinate_job_to_defer_v1, procrastinate_job_event_type, "
        "procrastinate_job_status CASCADE"
    )
