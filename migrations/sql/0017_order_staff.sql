-- Whose pay code an order was made at, as it was then: codes change hands, orders do not.
ALTER TABLE pay_order ADD COLUMN staff_id bigint;
ALTER TABLE pay_order ADD CONSTRAINT fk_pay_order_provider_id_staff_id
    FOREIGN KEY (provider_id, staff_id) REFERENCES staff (provider_id, id) NOT VALID;
ALTER TABLE pay_order VALIDATE CONSTRAINT fk_pay_order_provider_id_staff_id;
CREATE INDEX ix_pay_order_staff_newest ON pay_order (provider_id, staff_id, id DESC)
    WHERE staff_id IS NOT NULL;
