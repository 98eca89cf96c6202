"""The objects that many methods share: pay_mch_key, order_client, pay_content and their replies.

Names, lengths and marks are Cloud Pay's ("common structures"). A client's practice differs from its
tables: what real clients leave out is optional here, and the method that needs it says so.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field

from services.cloudpay.shapes import (
    Asked,
    Fen,
    Flag,
    Name32,
    Number,
    Seconds,
    Text,
    Text32,
    Text64,
    Text127,
    Text128,
    Text255,
    Told,
    Whole,
)

Platform = Annotated[int, Whole(0, 4)]  # PayPlatform; 0: unspecified


class WxpayKeyExt(Asked):
    app_id: Text32 = ""
    sub_app_id: Text32 = ""
    open_id: Text255 = Field(default="", repr=False)
    sub_open_id: Text255 = Field(default="", repr=False)
    mob_app_id: Text32 = ""
    mini_program_sub_app_id: Text32 = ""


class AlipayKeyExt(Asked):
    user_id: Text32 = Field(default="", repr=False)


class PayMchKey(Asked):
    pay_platform: Platform = 0
    sub_pay_platform: Number = 0
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    out_shop_id: Name32
    is_sub_mch_admin: Flag | None = Field(
        default=None, validation_alias=AliasChoices("is_sub_mch_admin", "is_sub_admin")
    )
    authorization_staff_id: Text64 = ""
    authorization_name: Text32 = ""
    notify_open_ids: tuple[Text255, ...] = Field(default=(), max_length=100, repr=False)
    sub_mch_pay_info: Text255 = ""
    wxpay_pay_mch_key_ext: WxpayKeyExt | None = None
    alipay_pay_mch_key_ext: AlipayKeyExt | None = None


class OrderClient(Asked):
    """Who asks: a till or terminal. Nothing in it is believed; it is kept and shown."""

    device_id: Text64 = ""
    staff_id: Text64 = ""
    shop_id: Text64 = ""
    terminal_type: Annotated[int, Whole(0, 1000)] = 100
    sub_terminal_type: Number = 0
    machine_no: Text32 = ""
    sdk_version: Text32 = ""
    spbill_create_ip: Text64 = ""
    sn_code: Text128 = ""


class WxpayContentExt(Asked):
    attach: Text127 = Field(
        default="",
        description="商户自己的话，交给钱包：微信最多127字节，支付宝编码后最多512字符，再长的截去"
        " / the merchant's own words, told to the wallet: WeChat takes 127 bytes, Alipay 512"
        " characters once encoded, what is longer is cut",
    )
    goods_tag: Text32 = ""
    product_id: Text32 = ""
    limit_pay: Text32 = ""
    scene_info: Text255 = ""


class AlipayContentExt(Asked):
    discountable_amount: Number | None = None
    undiscountable_amount: Number | None = None
    product_code: Text128 = ""
    royalty_info: Text255 = ""
    extend_params: Text255 = ""
    disable_pay_channels: Text128 = Field(
        default="",
        description="顾客不能用的支付宝渠道，逗号分隔，如pcredit,creditCardExpress"
        " / channels of Alipay that the payer may not use, with commas",
    )
    timeout_express: Text32 = ""


class PayContent(Asked):
    out_trade_no: Name32
    total_fee: Fen
    fee_type: Annotated[str, Text(3, pattern="^CNY$")] = "CNY"
    time_expire: Seconds | None = None
    client_flow_id: Text64 = ""
    body: Text128 = ""
    detail: Annotated[str, Text(6000)] = Field(
        default="",
        description="单品：JSON，含goods_detail、cost_price、receipt_id，交给钱包；其他文字只保存"
        " / goods: JSON with goods_detail, cost_price, receipt_id goes to the wallet, other text"
        " is only kept",
    )
    remark: Text127 = ""
    attach: Text127 = ""  # where a vendor's sample puts it
    caller_notify_url: Annotated[str, Text(1024)] = ""  # taken, and never called
    wxpay_pay_content_ext: WxpayContentExt | None = None
    alipay_pay_content_ext: AlipayContentExt | None = None

    @property
    def own_words(self) -> str:
        """`attach`, wherever the client put it."""
        return (self.wxpay_pay_content_ext and self.wxpay_pay_content_ext.attach) or self.attach


class WxpayKeyExtTold(Told):
    app_id: str | None = None
    sub_app_id: str | None = None
    open_id: str | None = Field(default=None, repr=False)
    sub_open_id: str | None = Field(default=None, repr=False)


class AlipayKeyExtTold(Told):
    user_id: str | None = Field(default=None, repr=False)


class PayMchKeyTold(Told):
    pay_platform: int
    out_mch_id: str
    out_sub_mch_id: str
    out_shop_id: str
    sub_pay_platform: int
    wxpay_pay_mch_key_ext: WxpayKeyExtTold | None = None
    alipay_pay_mch_key_ext: AlipayKeyExtTold | None = None


class OrderClientTold(Told):
    device_id: str | None = None
    staff_id: str | None = None
    terminal_type: int | None = None
    sub_terminal_type: int | None = None
    machine_no: str | None = None
    sdk_version: str | None = None
    spbill_create_ip: str | None = None
    sn_code: str | None = None


class WxpayOrderExt(Told):
    current_trade_state: int
    attach: str | None = None
    bank_type: str | None = None
    goods_tag: str | None = None
    product_id: str | None = None
    prepare_id: str | None = None
    trade_state_desc: str | None = None
    limit_pay: str | None = None


class FundBill(Told):
    fund_channel: str
    amount: int


class AlipayOrderExt(Told):
    current_trade_state: int
    fund_bill_list: tuple[FundBill, ...] | None = None
    discountable_amount: int | None = None
    undiscountable_amount: int | None = None
    product_code: str | None = None
    send_pay_date: int | None = None
    disable_pay_channels: str | None = None


class CardOrderExt(Told):
    current_trade_state: int
    membership_number: str | None = None


class OrderContent(Told):
    out_trade_no: str
    transaction_id: str | None = None
    trade_type: int | None = None
    code_url: str | None = None
    time_expire: int | None = None
    time_end: int | None = None
    nonce_str: str
    create_time: int
    last_update_time: int
    is_transforming: bool
    total_fee: int
    cash_fee: int | None = None
    settlement_total_fee: int | None = None
    fee_type: str = "CNY"
    refunded_fee: int | None = None
    body: str | None = None
    detail: str | None = None
    remark: str | None = None
    client_flow_id: str | None = None
    wxpay_order_content_ext: WxpayOrderExt | None = None
    alipay_order_content_ext: AlipayOrderExt | None = None
    card_order_content_ext: CardOrderExt | None = None
    out_freeze_no: str | None = None
    freeze_fee: int | None = None
    is_confirm_unfreeze: bool | None = None
    manual_unfreeze_fee: int | None = None
    freeze_id: str | None = None
    is_deposit_mode: bool | None = None
    source_type: int | None = None


class NonceOnly(Told):
    """The result of a method that tells nothing, and of every refusal."""

    nonce_str: str
