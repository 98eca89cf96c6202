"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.deposits.consuming import DEPOSIT_CONSUME
from services.cloudpay.deposits.freezing import MICRO_FREEZE, SCANCODE_FREEZE
from services.cloudpay.deposits.querying import QUERY_FREEZE_ORDER, QUERY_UNFREEZE_ORDER
from services.cloudpay.deposits.releasing import UNFREEZE
from services.cloudpay.methods import Method

METHODS: tuple[Method, ...] = (
    MICRO_FREEZE,
    SCANCODE_FREEZE,
    DEPOSIT_CONSUME,
    UNFREEZE,
    QUERY_FREEZE_ORDER,
    QUERY_UNFREEZE_ORDER,
)
