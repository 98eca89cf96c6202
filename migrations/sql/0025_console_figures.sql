-- What a provider's pages show of all merchants: by hour, and what came by payment codes.
LOCK TABLE day_delta IN SHARE ROW EXCLUSIVE MODE;

ALTER TABLE day_total
	ADD COLUMN code_paid_count BIGINT DEFAULT '0' NOT NULL,
	ADD COLUMN code_paid_fen BIGINT DEFAULT '0' NOT NULL,
	ADD COLUMN code_refund_count BIGINT DEFAULT '0' NOT NULL,
	ADD COLUMN code_refund_fen BIGINT DEFAULT '0' NOT NULL;

ALTER TABLE day_delta
	ADD COLUMN hour SMALLINT DEFAULT '0' NOT NULL,
	ADD COLUMN code_paid_count BIGINT DEFAULT '0' NOT NULL,
	ADD COLUMN code_paid_fen BIGINT DEFAULT '0' NOT NULL,
	ADD COLUMN code_refund_count BIGINT DEFAULT '0' NOT NULL,
	ADD COLUMN code_refund_fen BIGINT DEFAULT '0' NOT NULL;

CREATE INDEX ix_day_total_day ON day_total (provider_id, day_on, merchant_id);
CREATE INDEX ix_money_case_open ON money_case (provider_id, id) WHERE closed_at IS NULL;

CREATE TABLE provider_hour (
	provider_id BIGINT NOT NULL,
	day_on DATE NOT NULL,
	hour SMALLINT NOT NULL,
	channel VARCHAR(16) NOT NULL,
	paid_count BIGINT NOT NULL,
	paid_fen BIGINT NOT NULL,
	refund_count BIGINT NOT NULL,
	refund_fen BIGINT NOT NULL,
	code_paid_count BIGINT NOT NULL,
	code_paid_fen BIGINT NOT NULL,
	code_refund_count BIGINT NOT NULL,
	code_refund_fen BIGINT NOT NULL,
	CONSTRAINT pk_provider_hour PRIMARY KEY (provider_id, day_on, hour, channel),
	CONSTRAINT fk_provider_hour_provider_id FOREIGN KEY(provider_id) REFERENCES provider (id)
);

-- What waits is added up first: the rows made below are counted from the orders, with these in them.
INSERT INTO day_total AS old (provider_id, merchant_id, day_on, store_id, channel, paid_count,
	paid_fen, refund_count, refund_fen, returned_fen, last_order_id)
SELECT provider_id, merchant_id, day_on, store_id, channel, sum(paid_count), sum(paid_fen),
	sum(refund_count), sum(refund_fen), sum(returned_fen), max(last_order_id)
FROM day_delta GROUP BY provider_id, merchant_id, day_on, store_id, channel
ON CONFLICT (provider_id, merchant_id, day_on, store_id, channel) DO UPDATE SET
	paid_count = old.paid_count + EXCLUDED.paid_count,
	paid_fen = old.paid_fen + EXCLUDED.paid_fen,
	refund_count = old.refund_count + EXCLUDED.refund_count,
	refund_fen = old.refund_fen + EXCLUDED.refund_fen,
	returned_fen = old.returned_fen + EXCLUDED.returned_fen,
	last_order_id = greatest(old.last_order_id, EXCLUDED.last_order_id);
DELETE FROM day_delta;
