"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.methods import Method
from services.cloudpay.pays.app import APP_PAY
from services.cloudpay.pays.micro import MICRO_PAY
from services.cloudpay.pays.mini_program import MINI_PROGRAM_PAY
from services.cloudpay.pays.mob_web import MOB_WEB_PAY
from services.cloudpay.pays.official_account import OFFICIAL_ACCOUNT_PAY
from services.cloudpay.pays.scan_code import SCAN_CODE_PAY

METHODS: tuple[Method, ...] = (
    MICRO_PAY,
    SCAN_CODE_PAY,
    OFFICIAL_ACCOUNT_PAY,
    MINI_PROGRAM_PAY,
    MOB_WEB_PAY,
    APP_PAY,
)
