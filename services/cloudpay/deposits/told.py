"""What the replies about deposits hold (FreezeOrderContent, UnfreezeOrderContent)."""

from __future__ import annotations

from services.cloudpay.shapes import Told
from services.cloudpay.structures import OrderClientTold, OrderContent, PayMchKeyTold


class WxpayFreezeExt(Told):
    current_trade_state: int
    attach: str | None = None
    trade_state_desc: str | None = None
    limit_pay: str | None = None
    goods_tag: str | None = None


class AlipayFreezeExt(Told):
    current_trade_state: int
    product_code: str
    enable_pay_channels: str | None = None


class FreezeOrderContent(Told):
    out_freeze_no: str
    freeze_id: str | None = None
    trade_type: int
    time_expire: int | None = None
    time_end: int | None = None
    nonce_str: str
    create_time: int
    last_update_time: int
    is_transforming: bool
    freeze_fee: int
    fee_type: str = "CNY"
    cash_fee: int
    cash_fee_type: str = "CNY"
    settlement_total_fee: int
    body: str
    detail: str | None = None
    remark: str | None = None
    total_consume_fee: int
    total_manual_unfreeze_fee: int
    total_auto_unfreeze_fee: int
    total_refund_fee: int
    wxpay_freeze_order_content_ext: WxpayFreezeExt | None = None
    alipay_freeze_order_content_ext: AlipayFreezeExt | None = None


class WxpayUnfreezeExt(Told):
    current_trade_state: int


class AlipayUnfreezeExt(Told):
    current_trade_state: int


class UnfreezeOrderContent(Told):
    out_freeze_no: str
    out_unfreeze_no: str
    unfreeze_id: str | None = None
    trade_type: int
    time_end: int | None = None
    nonce_str: str
    create_time: int
    last_update_time: int
    is_transforming: bool
    unfreeze_fee: int
    fee_type: str = "CNY"
    remark: str | None = None
    freeze_id: str | None = None
    wxpay_unfreeze_order_content_ext: WxpayUnfreezeExt | None = None
    alipay_unfreeze_order_content_ext: AlipayUnfreezeExt | None = None


class MicroFreezeTold(Told):
    freeze_order_content: FreezeOrderContent
    pay_mch_key: PayMchKeyTold
    nonce_str: str


class ScanCodeFreezeTold(Told):
    code_url: str | None = None
    nonce_str: str


class DepositConsumeTold(Told):
    order_content: OrderContent
    pay_mch_key: PayMchKeyTold
    nonce_str: str


class UnfreezeTold(Told):
    unfreeze_order_content: UnfreezeOrderContent
    pay_mch_key: PayMchKeyTold
    nonce_str: str


class QueryFreezeTold(Told):
    freeze_order_content: FreezeOrderContent
    pay_mch_key: PayMchKeyTold
    order_client: OrderClientTold
    nonce_str: str


class QueryUnfreezeTold(Told):
    unfreeze_order_content: tuple[UnfreezeOrderContent, ...]
    pay_mch_key: PayMchKeyTold
    order_client: tuple[OrderClientTold, ...]
    nonce_str: str
