-- Trades of devices: one that was unbound is told from one that was never bound.
ALTER TABLE device
    ADD COLUMN unbound_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN refused_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN refused_why VARCHAR(16);
-- Binding alone gives a device somebody to work for, and unbinding leaves it.
UPDATE device SET unbound_at = COALESCE(deleted_at, seen_at, created_at)
WHERE sn_code IS NULL AND staff_id IS NOT NULL;
ALTER TABLE device
    ADD CONSTRAINT ck_device_unbound_or_bound CHECK (unbound_at IS NULL OR sn_code IS NULL),
    ADD CONSTRAINT ck_device_refused_is_whole CHECK ((refused_at IS NULL) = (refused_why IS NULL));

ALTER TABLE merchant ADD COLUMN device_rule VARCHAR(32) DEFAULT 'bound' NOT NULL;
ALTER TABLE merchant ADD CONSTRAINT ck_merchant_devicerule
    CHECK (device_rule IN ('if_told', 'bound', 'registered'));
