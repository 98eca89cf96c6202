-- What a merchant brought along: the prefix of its old tills' numbers, and its app at WeChat.
ALTER TABLE merchant
    ADD COLUMN second_prefix VARCHAR(10),
    ADD COLUMN wechat_sub_appid VARCHAR(32),
    ADD CONSTRAINT uq_merchant_provider_id_second_prefix UNIQUE (provider_id, second_prefix),
    ADD CONSTRAINT ck_merchant_two_prefixes CHECK (second_prefix <> order_prefix);

-- An audit log that is not what was written is a case, too.
ALTER TABLE money_case DROP CONSTRAINT ck_money_case_casekind;
ALTER TABLE money_case ADD CONSTRAINT ck_money_case_casekind
    CHECK (kind IN ('amount_mismatch', 'payee_mismatch', 'unknown_trade', 'paid_twice',
        'refund_notice', 'refund_waiting', 'refund_abnormal', 'refund_mismatch', 'refund_slow',
        'paid_after_reverse', 'ledger_broken', 'audit_broken', 'payout_overdue',
        'no_answer')) NOT VALID;
ALTER TABLE money_case VALIDATE CONSTRAINT ck_money_case_casekind;
