"""One table of business parameters per method.

Names: the official models (alipay-sdk-python 3.7.1411 and alipay-sdk-java, `AlipayTrade…Model`).
Limits: alipay.md 4.1 and the official field tables; where those give none, the row has none.
"""

from __future__ import annotations

from decimal import Decimal

from simulator.alipay.fields import Field

CENT = Decimal("0.01")
MOST = Decimal("100000000")
EXPRESS = r"([1-9]\d{0,4}[mhd]|1c)"
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"
ENCODED = r"([0-9A-Za-z\-_.~!*'()+]|%[0-9A-Fa-f]{2})+"  # by the sender: alipay.md 2.2
PID = r"2088\d{12}"

GOODS = (
    Field("goods_id", required=True, max_len=64),
    Field("alipay_goods_id", max_len=32),
    Field("goods_name", required=True, max_len=256),
    Field("quantity", "number", required=True),
    Field("price", "price", required=True),
    Field("goods_category", max_len=24),
    Field("categories_tree", max_len=128),
    Field("body", max_len=1000),
    Field("show_url", max_len=400),
    Field("goods_ean_id", max_len=64),
    Field("out_item_id", max_len=64),
    Field("out_sku_id", max_len=64),
)
EXTEND = (
    Field("sys_service_provider_id", max_len=64, pattern=PID),
    Field("hb_fq_num", max_len=5),
    Field("hb_fq_seller_percent", max_len=3),
    Field("industry_reflux_info", max_len=512),
    Field("card_type", max_len=32),
    Field("specified_seller_name", max_len=32),
    Field("credit_ext_info", max_len=512),
    Field("fq_channels", max_len=128),
    Field("fq_num", max_len=5),
    Field("fq_seller_percent", max_len=3),
    Field("royalty_freeze", max_len=5),
    Field("tc_installment_order_id", max_len=64),
    Field("trade_component_order_id", max_len=64),
)
BUSINESS = (
    Field("actual_order_time", max_len=32),
    Field("buyer_memo", max_len=512),
    Field("campus_card", max_len=64),
    Field("card_type", max_len=128),
    Field("enterprise_pay_amount", max_len=16),
    Field("enterprise_pay_info", max_len=1024),
    Field("force_pwd", max_len=5),
    Field("good_taxes", max_len=20),
    Field("mc_create_trade_ip", max_len=128),
    Field("priority_unfreeze_asset", max_len=64),
    Field("tiny_app_merchant_biz_type", max_len=64),
)
SUB_MERCHANT = (
    Field("merchant_id", required=True, max_len=20),
    Field("merchant_type", max_len=32),
)

NUMBER = Field("out_trade_no", required=True, max_len=64, pattern=r"[0-9A-Za-z_]+")
AMOUNT = Field(
    "total_amount",
    "price",
    required=True,
    minimum=CENT,
    maximum=MOST,
    over_code="ACQ.TOTAL_FEE_EXCEED",
)

# What every way of opening a trade knows: alipay.md 4.1.
SHARED = (
    NUMBER,
    AMOUNT,
    Field("subject", required=True, max_len=256, pattern=r"[^/=&]+"),
    Field("product_code", max_len=64),
    Field("body", max_len=128),
    Field("goods_detail", "list", members=GOODS),
    Field("time_expire", max_len=32, pattern=MOMENT),
    Field("timeout_express", max_len=6, pattern=EXPRESS),
    Field("seller_id", max_len=28, pattern=PID),
    Field("store_id", max_len=32),
    Field("merchant_order_no", max_len=64),
    Field("disable_pay_channels", max_len=1024),
    Field("passback_params", max_len=512, pattern=ENCODED),
    Field("extend_params", "object", members=EXTEND),
    Field("query_options", "list", items="string", max_len=1024),
    Field("sub_merchant", "object", members=SUB_MERCHANT),
    Field("settle_info", "object"),
    Field("royalty_info", "object"),
    Field("ext_user_info", "object"),
)
F2F = (
    Field("operator_id", max_len=28),
    Field("alipay_store_id", max_len=32),
    Field("terminal_id", max_len=32),
    Field("discountable_amount", "price", maximum=MOST),
    Field("undiscountable_amount", "price", maximum=MOST),
    Field("business_params", "object", members=BUSINESS),
    Field("bkagent_req_info", "object"),
)
BUYER = (Field("buyer_id", max_len=28, pattern=PID), Field("buyer_open_id", max_len=128))
CHANNELS = Field("enable_pay_channels", max_len=1024)
LOGON = Field("buyer_logon_id", max_len=100)

CREATE = (
    *SHARED,
    *F2F,
    *BUYER,
    CHANNELS,
    LOGON,
    Field("op_app_id", max_len=32),
    Field("op_buyer_open_id", max_len=128),
    Field("agreement_sign_params", "object"),
    Field("logistics_detail", "object"),
    Field("receiver_address_info", "object"),
)
PRECREATE = (
    *SHARED,
    *F2F,
    CHANNELS,
    LOGON,
    Field("qr_code_timeout_express", max_len=6, pattern=EXPRESS),
    Field("code_type", max_len=32),
    Field("payment_type", max_len=16),
)
PAY = (
    *SHARED,
    *F2F,
    *BUYER,
    Field("auth_code", max_len=64),
    Field("scene", max_len=32, choices=("bar_code", "security_code", "wave_code")),
    Field("advance_payment_type", max_len=128),
    Field("agreement_params", "object"),
    Field("auth_confirm_mode", max_len=32, choices=("COMPLETE", "NOT_COMPLETE")),
    Field("auth_no", max_len=64),
    Field("is_async_pay", max_len=5),
    Field("pay_params", "object"),
    Field("promo_params", "object"),
    Field("request_org_pid", max_len=16, pattern=PID),
    Field("settle_currency", max_len=8),
    Field("terminal_params", max_len=2048),
    Field("trans_currency", max_len=8),
)
WAP_PAY = (
    *SHARED,
    CHANNELS,
    Field("quit_url", max_len=400),
    Field("auth_token", max_len=40),
    Field("business_params", max_len=512),
    Field("goods_type", max_len=2, choices=("0", "1")),
    Field("invoice_info", "object"),
    Field("promo_params", max_len=512),
    Field("specified_channel", max_len=128),
)

_WHICH = (
    Field("out_trade_no", max_len=64),
    Field("trade_no", max_len=64),
)
QUERY = (
    *_WHICH,
    Field("org_pid", max_len=16, pattern=PID),
    Field("query_options", "list", items="string", max_len=1024),
)
CLOSE = (*_WHICH, Field("operator_id", max_len=28), Field("extend_params", "object"))
CANCEL = _WHICH
REFUND = (
    *_WHICH,
    Field("refund_amount", "price", required=True, minimum=CENT, maximum=MOST),
    Field("out_request_no", max_len=64),
    Field("refund_reason", max_len=256),
    Field("refund_currency", max_len=8, choices=("CNY",)),
    Field("refund_goods_detail", "list"),
    Field("refund_royalty_parameters", "list"),
    Field("query_options", "list", items="string", max_len=1024),
    Field("operator_id", max_len=30),
    Field("store_id", max_len=32),
    Field("terminal_id", max_len=32),
    Field("org_pid", max_len=16, pattern=PID),
)
REFUND_QUERY = (
    *_WHICH,
    Field("out_request_no", required=True, max_len=64),
    Field("org_pid", max_len=16, pattern=PID),
    Field("query_options", "list", items="string", max_len=1024),
)
BILL = (
    Field("bill_type", required=True, max_len=20, pattern=r"[a-zA-Z_]+"),
    Field("bill_date", required=True, max_len=15, pattern=r"\d{4}-\d\d(-\d\d)?"),
    Field("smid", max_len=20),
)
TOKEN_QUERY = (Field("app_auth_token", required=True, max_len=128),)
APP_TOKEN = (
    Field("grant_type", required=True, max_len=20),
    Field("code", max_len=40),
    Field("refresh_token", max_len=40),
)
SHOPS = (
    Field("page_no", required=True, max_len=8, pattern=r"[0-9]+"),
    Field("op_role", max_len=16, choices=("ISV", "PROVIDER", "MERCHANT")),
)
SHOP = (
    Field("shop_id", required=True, max_len=32, pattern=r"[0-9]+"),
    Field("op_role", max_len=16, choices=("ISV", "PROVIDER", "MERCHANT")),
)
# Top-level parameters of alipay.system.oauth.token; its own errors are not of the ACQ family.
OAUTH_TOKEN = (
    Field("grant_type", max_len=20),
    Field("code", max_len=40),
    Field("refresh_token", max_len=40),
)
