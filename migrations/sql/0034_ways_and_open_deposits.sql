-- How payments came, where the other totals do not tell it; and deposits by what is still held.
LOCK TABLE day_delta IN SHARE ROW EXCLUSIVE MODE;

ALTER TABLE day_delta ADD COLUMN way VARCHAR(16) DEFAULT '' NOT NULL;

CREATE TABLE way_total (
	provider_id BIGINT NOT NULL,
	merchant_id BIGINT NOT NULL,
	day_on DATE NOT NULL,
	channel VARCHAR(16) NOT NULL,
	way VARCHAR(16) NOT NULL,
	paid_count BIGINT NOT NULL,
	paid_fen BIGINT NOT NULL,
	refund_count BIGINT NOT NULL,
	refund_fen BIGINT NOT NULL,
	CONSTRAINT pk_way_total PRIMARY KEY (provider_id, merchant_id, day_on, channel, way),
	CONSTRAINT fk_way_total_provider_id FOREIGN KEY(provider_id) REFERENCES provider (id)
);

-- What waits now says no way: it is counted here, with what was added up before.
INSERT INTO way_total (provider_id, merchant_id, day_on, channel, way, paid_count, paid_fen,
	refund_count, refund_fen)
WITH ours AS (
	SELECT o.provider_id, o.id, o.merchant_id, o.channel, o.transaction_id, o.amount_fen, o.paid_at,
		CASE WHEN o.intent_key LIKE 'deposit:%' THEN 'deposit'
			WHEN o.intent_key LIKE 'code:%' THEN 'api_code'
			ELSE 'api_' || CASE a.method WHEN 'native' THEN 'native' WHEN 'h5' THEN 'h5'
				WHEN 'app' THEN 'app' WHEN 'mini' THEN 'mini' ELSE 'jsapi' END END AS way
	FROM pay_order o
	JOIN pay_attempt a ON a.provider_id = o.provider_id AND a.order_id = o.id
		AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id AND a.status = 'paid'
	WHERE o.status = 'paid' AND o.purpose = 'sale' AND (o.intent_key LIKE 'api:%'
		OR o.intent_key LIKE 'deposit:%'
		OR (o.intent_key LIKE 'code:%' AND a.request ->> 'asked_by' LIKE 'api:%'))
), parts AS (
	SELECT provider_id, merchant_id, CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day_on,
		channel, way, 1 AS paid_count, amount_fen AS paid_fen, 0 AS refund_count, 0 AS refund_fen
	FROM ours
	UNION ALL
	SELECT o.provider_id, o.merchant_id,
		CAST(r.succeeded_at AT TIME ZONE 'Asia/Shanghai' AS date), o.channel, o.way, 0, 0, 1,
		r.amount_fen
	FROM ours o
	JOIN refund r ON r.provider_id = o.provider_id AND r.order_id = o.id AND r.status = 'success'
	JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
		AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id
)
SELECT provider_id, whose, day_on, channel, way, sum(paid_count), sum(paid_fen), sum(refund_count),
	sum(refund_fen)
FROM parts, LATERAL (VALUES (merchant_id), (CAST(0 AS bigint))) whose_all (whose)
GROUP BY provider_id, whose, day_on, channel, way;

CREATE INDEX ix_deposit_freeze_store ON deposit_freeze (provider_id, store_id, id DESC);
CREATE INDEX ix_deposit_freeze_open ON deposit_freeze (provider_id, merchant_id, id DESC)
	WHERE status IN ('created', 'waiting', 'frozen');
CREATE INDEX ix_deposit_freeze_all_open ON deposit_freeze (provider_id, id DESC)
	WHERE status IN ('created', 'waiting', 'frozen');
CREATE INDEX ix_deposit_freeze_wallet ON deposit_freeze (provider_id, freeze_id)
	WHERE freeze_id IS NOT NULL;
