-- What two migrations before this one widened: read here, where payments go on meanwhile.
ALTER TABLE pay_attempt VALIDATE CONSTRAINT ck_pay_attempt_attemptmethod;
ALTER TABLE money_case VALIDATE CONSTRAINT ck_money_case_casekind;

-- Lists of the Cloud Pay API: a merchant's payments and refunds by the time that they are listed by.
-- Whose refund it is stands in its own row: a merchant's refunds are found without everybody's.
ALTER TABLE refund
    ADD COLUMN merchant_id bigint,
    ADD COLUMN store_id bigint,
    ADD COLUMN is_second boolean DEFAULT false NOT NULL;
UPDATE refund r SET merchant_id = o.merchant_id, store_id = o.store_id,
    is_second = a.transaction_id IS DISTINCT FROM o.transaction_id
FROM pay_order o, pay_attempt a
WHERE o.provider_id = r.provider_id AND o.id = r.order_id
    AND a.provider_id = r.provider_id AND a.id = r.attempt_id;
ALTER TABLE refund
    ALTER COLUMN merchant_id SET NOT NULL,
    ALTER COLUMN store_id SET NOT NULL;
ALTER TABLE refund ADD CONSTRAINT fk_refund_provider_id_merchant_id
    FOREIGN KEY (provider_id, merchant_id) REFERENCES merchant (provider_id, id);
ALTER TABLE refund ADD CONSTRAINT fk_refund_provider_id_store_id
    FOREIGN KEY (provider_id, store_id) REFERENCES store (provider_id, id);
CREATE INDEX ix_refund_merchant_succeeded ON refund (provider_id, merchant_id, succeeded_at, id)
    INCLUDE (store_id) WHERE status = 'success' AND NOT is_second;
CREATE INDEX ix_refund_merchant_made ON refund (provider_id, merchant_id, created_at, id)
    INCLUDE (store_id) WHERE NOT is_second;
-- The store and the wallet stand beside the key: a list narrowed to them is counted from the index.
CREATE INDEX ix_pay_order_merchant_paid ON pay_order (provider_id, merchant_id, paid_at, id)
    INCLUDE (store_id, channel) WHERE status = 'paid';
CREATE INDEX ix_pay_order_merchant_made ON pay_order (provider_id, merchant_id, created_at, id)
    INCLUDE (store_id, channel, status);
