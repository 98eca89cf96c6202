"""Takings of all of a provider's merchants by the hour; what of a day came by payment codes.

Going back drops what is added up here: it is made of orders and refunds, and coming here again
counts it anew. Counting reads every order once and keeps payments waiting for that time: about a
minute for ten million orders. Payments that an older version of the product takes after it count
for midnight's hour and for no payment code; `flask totals verify --repair` puts the latter right.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0025_console_figures.sql"
DAY = "CAST({at} AT TIME ZONE 'Asia/Shanghai' AS date)"
HOUR = "CAST(extract(hour FROM {at} AT TIME ZONE 'Asia/Shanghai') AS smallint)"
CHANNEL = "CASE o.purpose WHEN 'recharge' THEN 'recharge:' ELSE '' END || o.channel"
CODE = "o.intent_key LIKE 'code:%'"
REFUNDS = """
FROM refund r
JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
WHERE r.status = 'success' AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id
"""
COUNT_HOURS = f"""
INSERT INTO provider_hour (provider_id, day_on, hour, channel, paid_count, paid_fen, refund_count,
    refund_fen, code_paid_count, code_paid_fen, code_refund_count, code_refund_fen)
SELECT provider_id, day_on, hour, channel, sum(paid_count), sum(paid_fen), sum(refund_count),
    sum(refund_fen), sum(code_paid_count), sum(code_paid_fen), sum(code_refund_count),
    sum(code_refund_fen)
FROM (
    SELECT o.provider_id, {DAY.format(at="o.paid_at")} AS day_on,
        {HOUR.format(at="o.paid_at")} AS hour, {CHANNEL} AS channel, count(*) AS paid_count,
        sum(o.amount_fen) AS paid_fen, 0 AS refund_count, 0 AS refund_fen,
        count(*) FILTER (WHERE {CODE}) AS code_paid_count,
        COALESCE(sum(o.amount_fen) FILTER (WHERE {CODE}), 0) AS code_paid_fen,
        0 AS code_refund_count, 0 AS code_refund_fen
    FROM pay_order o WHERE o.status = 'paid' GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT o.provider_id, {DAY.format(at="r.succeeded_at")}, {HOUR.format(at="r.succeeded_at")},
        {CHANNEL}, 0, 0, 1, r.amount_fen, 0, 0, CASE WHEN {CODE} THEN 1 ELSE 0 END,
        CASE WHEN {CODE} THEN r.amount_fen ELSE 0 END {REFUNDS}
) parts GROUP BY provider_id, day_on, hour, channel
"""
COUNT_CODES = f"""
UPDATE day_total t SET code_paid_count = n.paid_count, code_paid_fen = n.paid_fen,
    code_refund_count = n.refund_count, code_refund_fen = n.refund_fen
FROM (
    SELECT provider_id, merchant_id, day_on, store_id, channel, sum(paid_count) AS paid_count,
        sum(paid_fen) AS paid_fen, sum(refund_count) AS refund_count, sum(refund_fen) AS refund_fen
    FROM (
        SELECT o.provider_id, o.merchant_id, {DAY.format(at="o.paid_at")} AS day_on, o.store_id,
            {CHANNEL} AS channel, 1 AS paid_count, o.amount_fen AS paid_fen, 0 AS refund_count,
            0 AS refund_fen
        FROM pay_order o WHERE o.status = 'paid' AND {CODE}
        UNION ALL
        SELECT o.provider_id, o.merchant_id, {DAY.format(at="r.succeeded_at")}, o.store_id,
            {CHANNEL}, 0, 0, 1, r.amount_fen {REFUNDS} AND {CODE}
    ) parts GROUP BY provider_id, merchant_id, day_on, store_id, channel
) n
WHERE t.provider_id = n.provider_id AND t.merchant_id = n.merchant_id AND t.day_on = n.day_on
    AND t.store_id = n.store_id AND t.channel = n.channel
"""
FIGURES = ("code_paid_count", "code_paid_fen", "code_refund_count", "code_refund_fen")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    cursor = connection.cursor()
    cursor.execute(SQL.read_text("utf-8"))
    cursor.execute(COUNT_HOURS)
    cursor.execute(COUNT_CODES)


def downgrade() -> None:
    op.drop_table("provider_hour")
    op.drop_index("ix_money_case_open", table_name="money_case")
    op.drop_index("ix_day_total_day", table_name="day_total")
    op.drop_column("day_delta", "hour")
    for table in ("day_delta", "day_total"):
        for figure in FIGURES:
            op.drop_column(table, figure)
