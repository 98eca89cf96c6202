"""Business parameters of the fund authorisation methods (alipay.md 6).

Names: the official models (alipay-sdk-python 3.7.1411, `AlipayFundAuth…Model`). Limits: the
published field tables as remembered; numbers take no sign but Chinese characters [?].
"""

from __future__ import annotations

from simulator.alipay.fields import Field
from simulator.alipay.tables import CENT, EXPRESS, MOST, PID

_NUMBER = r"[0-9A-Za-z\u4e00-\u9fff]+"
_ORDER = Field("out_order_no", required=True, max_len=64, pattern=_NUMBER)
_REQUEST = Field("out_request_no", required=True, max_len=64, pattern=_NUMBER)
_AMOUNT = Field("amount", "price", required=True, minimum=CENT, maximum=MOST)
_HELD = (
    _ORDER,
    _REQUEST,
    _AMOUNT,
    Field("order_title", required=True, max_len=100),
    Field("product_code", required=True, max_len=32, choices=("PRE_AUTH",)),
    Field("payee_user_id", max_len=28, pattern=PID),
    Field("payee_logon_id", max_len=100),
    Field("pay_timeout", max_len=6, pattern=EXPRESS),
    Field("timeout_express", max_len=6, pattern=EXPRESS),
    Field("extra_param", max_len=300),
    Field("business_params", max_len=512),
    Field("identity_params", max_len=512),
    Field("enable_pay_channels", max_len=1024),
    Field("disable_pay_channels", max_len=1024),
    Field("deposit_product_mode", max_len=32),
    Field("post_payments", "list"),
    Field("settle_currency", max_len=8),
    Field("trans_currency", max_len=8, choices=("CNY",)),
)
FREEZE = (
    *_HELD,
    Field("auth_code", required=True, max_len=64),
    Field("auth_code_type", required=True, max_len=32, choices=("bar_code", "security_code")),
    Field("scene_code", max_len=64),
    Field("terminal_params", max_len=2048),
)
VOUCHER = _HELD
_WHICH = (
    Field("auth_no", max_len=64),
    Field("out_order_no", max_len=64),
    Field("operation_id", max_len=64),
    Field("out_request_no", max_len=64),
)
DETAIL = (
    *_WHICH,
    Field("operation_type", max_len=32, choices=("FREEZE", "UNFREEZE", "PAY")),
    Field("query_options", "list", items="string", max_len=1024),
)
UNFREEZE = (
    Field("auth_no", required=True, max_len=64),
    _REQUEST,
    _AMOUNT,
    Field("remark", required=True, max_len=100),
    Field("extra_param", max_len=512),
)
CANCEL = (*_WHICH, Field("remark", required=True, max_len=100))
