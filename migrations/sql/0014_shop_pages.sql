ALTER TABLE store
    ADD COLUMN takes_remark BOOLEAN DEFAULT true NOT NULL,
    ADD COLUMN province VARCHAR(32) DEFAULT '' NOT NULL,
    ADD COLUMN city VARCHAR(32) DEFAULT '' NOT NULL,
    ADD COLUMN district VARCHAR(32) DEFAULT '' NOT NULL,
    ADD COLUMN address VARCHAR(128) DEFAULT '' NOT NULL,
    ADD COLUMN phone VARCHAR(64) DEFAULT '' NOT NULL,
    ADD COLUMN longitude VARCHAR(16) DEFAULT '' NOT NULL,
    ADD COLUMN latitude VARCHAR(16) DEFAULT '' NOT NULL,
    ADD COLUMN receive_notify_after_duty BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN send_micro_pay_notify BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN paused_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT ck_store_open_is_active
        CHECK (NOT is_active OR (paused_at IS NULL AND deleted_at IS NULL));
CREATE INDEX ix_store_merchant ON store (provider_id, merchant_id, id);
ALTER TABLE pay_code ADD COLUMN bound_at TIMESTAMP WITH TIME ZONE;
CREATE INDEX ix_pay_code_store ON pay_code (provider_id, store_id, id);
