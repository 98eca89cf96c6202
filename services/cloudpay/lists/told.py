"""Rows of lists and overviews, in Cloud Pay's names and order. What is not known is left out.

Left out for good: `cash_fee`, `discount_fee`, `coupon_infos`, `poundage`, `income_fee` and
`bank_type`, which only a wallet knows, and `uid` and `credits`, which there are none of.
"""

from __future__ import annotations

from services.cloudpay.shapes import Told


class _Place(Told):
    """Where and by whom; of a refund and a release the own till's, else the payment's."""

    out_mch_id: str
    out_sub_mch_id: str
    out_shop_id: str
    shop_name: str
    staff_id: str | None = None
    staff_name: str | None = None
    device_id: str | None = None
    device_name: str | None = None


class OrderRow(_Place):
    qrcode_id: str | None = None
    qrcode_name: str | None = None
    source_type: int
    sub_pay_platform: int
    trade_type: int
    out_trade_no: str
    transaction_id: str | None = None
    total_fee: int
    fee_type: str = "CNY"
    settlement_total_fee: int | None = None
    recharge_bonus_fee: int | None = None
    is_card_recharge: bool = False
    remaining_settlement_fee: int | None = None
    time_end: int | None = None
    create_time: int
    last_update_time: int
    body: str | None = None
    detail: str | None = None
    client_flow_id: str | None = None
    remark: str | None = None
    refunded_fee: int = 0
    refund_create_time: int | None = None
    refund_time: int | None = None
    refunded_settlement_fee: int | None = None
    wxpay_current_trade_state: int | None = None
    attach: str | None = None
    goods_tag: str | None = None
    scene_info: str | None = None
    alipay_current_trade_state: int | None = None
    discountable_amount: int | None = None
    undiscountable_amount: int | None = None
    card_current_trade_state: int | None = None
    membership_number: str | None = None
    out_freeze_no: str | None = None
    freeze_fee: int | None = None
    is_deposit_mode: bool = False
    is_confirm_unfreeze: bool | None = None
    manual_unfreeze_fee: int | None = None
    freeze_id: str | None = None


class RefundRow(_Place):
    qrcode_id: str | None = None
    qrcode_name: str | None = None
    source_type: int
    sub_pay_platform: int
    trade_type: int
    out_trade_no: str
    total_fee: int
    out_refund_no: str
    refund_id: str | None = None
    refund_fee: int
    settlement_refund_fee: int | None = None
    refund_fee_type: str = "CNY"
    create_time: int
    last_update_time: int
    refund_start_processing_time: int | None = None
    pay_last_update_time: int | None = None
    refund_reason: str | None = None
    client_refund_flow_id: str | None = None
    wxpay_refund_state: int | None = None
    alipay_refund_state: int | None = None
    card_refund_state: int | None = None
    is_deposit_mode: bool = False
    out_freeze_no: str | None = None
    freeze_fee: int | None = None


class FreezeRow(_Place):
    sub_pay_platform: int
    trade_type: int
    out_freeze_no: str
    freeze_id: str | None = None
    freeze_fee: int
    fee_type: str = "CNY"
    total_consume_fee: int
    total_manual_unfreeze_fee: int
    total_auto_unfreeze_fee: int
    total_refund_fee: int
    create_time: int
    last_update_time: int
    time_end: int | None = None
    body: str | None = None
    detail: str | None = None
    remark: str | None = None
    wxpay_current_trade_state: int | None = None
    alipay_current_trade_state: int | None = None


class UnfreezeRow(_Place):
    sub_pay_platform: int
    trade_type: int
    out_freeze_no: str
    out_unfreeze_no: str
    unfreeze_id: str | None = None
    freeze_id: str | None = None
    unfreeze_fee: int
    fee_type: str = "CNY"
    time_end: int | None = None
    create_time: int
    last_update_time: int
    remark: str | None = None
    wxpay_current_trade_state: int | None = None
    alipay_current_trade_state: int | None = None


Row = OrderRow | RefundRow | FreezeRow | UnfreezeRow


class Detail(Told):
    """One line: exactly one of the four."""

    order: OrderRow | None = None
    refund_order: RefundRow | None = None
    freeze_order: FreezeRow | None = None
    unfreeze_order: UnfreezeRow | None = None

    @property
    def row(self) -> Row:
        found = self.order or self.refund_order or self.freeze_order or self.unfreeze_order
        assert found is not None
        return found


class OrderList(Told):
    nonce_str: str
    total_count: int
    order_details: tuple[Detail, ...]  # empty behind the last page: clients read until then


class OverviewRow(Told):
    """Sums of one wallet, in fen. What only a wallet knows (fees, coupons) is 0 where clients
    demand the member; `income_amount` is therefore before the wallet's fee."""

    out_sub_mch_id: str
    out_shop_id: str | None = None
    staff_id: str | None = None
    device_id: str | None = None
    qrcode_id: str | None = None
    source_type: int | None = None
    sub_pay_platform: int
    trade_type: int | None = None
    fee_type: str = "CNY"
    success_count: int
    success_amount: int
    settle_amount: int
    discount_amount: int = 0
    pay_settle_amount: int
    refund_settle_amount: int
    refund_create_count: int
    refund_create_amount: int
    poundage: int = 0
    income_amount: int
    order_refunded_amount: int
    sub_mch_recharge_coupon_count: int = 0
    sub_mch_recharge_coupon_amount: int = 0
    platform_recharge_coupon_count: int = 0
    platform_recharge_coupon_amount: int = 0
    others_recharge_coupon_count: int = 0
    others_recharge_coupon_amount: int = 0
    sub_mch_non_recharge_coupon_count: int = 0
    sub_mch_non_recharge_coupon_amount: int = 0
    platform_non_recharge_coupon_count: int = 0
    platform_non_recharge_coupon_amount: int = 0
    others_non_recharge_coupon_count: int = 0
    others_non_recharge_coupon_amount: int = 0
    freeze_count: int
    freeze_amount: int
    direct_unfreeze_count: int
    direct_unfreeze_amount: int
    consumed_unfreeze_amount: int
    auto_unfreeze_amount: int


class Overview(Told):
    nonce_str: str
    total_count: int  # rows that a list of the same question has
    overviews: tuple[OverviewRow, ...]
