"""mini_program_pay: an order that is paid in the merchant's mini program at WeChat."""

from __future__ import annotations

from typing import Final

from models.order import AttemptMethod
from services.cloudpay.call import Answer, Call
from services.cloudpay.methods import Method, Once
from services.cloudpay.pays.asking import (
    NUMBER,
    WECHAT_ONLY,
    OrderAsked,
    channel_of,
    placed,
    store_of,
    wanted,
)
from services.cloudpay.pays.signed import (
    JsapiArgs,
    JsapiTold,
    WxpayArgs,
    bridge_args,
    jsapi_answer,
    wxpay_ids,
)
from services.cloudpay.statuses import bad_member

TRADE_TYPE = 9
_EXT: Final = "pay_mch_key.wxpay_pay_mch_key_ext"


def mini_program_pay(call: Call, asked: OrderAsked) -> Answer:
    channel = channel_of(asked, WECHAT_ONLY)
    scan = store_of(call, asked)
    ids = wxpay_ids(asked)
    appid = ids.mini_program_sub_app_id or ids.sub_app_id
    if not appid:
        raise bad_member(f"{_EXT}.mini_program_sub_app_id", "缺失")
    if not ids.sub_open_id:
        raise bad_member(f"{_EXT}.sub_open_id", "缺失")
    order = wanted(
        call,
        asked,
        channel,
        AttemptMethod.MINI,
        payer=ids.sub_open_id,
        sub_appid=appid,
        is_sub_payer=True,
    )
    found = placed(call, scan, order)
    if isinstance(found, Answer):
        return found
    assert found.bridge is not None
    args = JsapiArgs(wxpay=WxpayArgs(mini_program_pay=bridge_args(found.bridge)))
    return jsapi_answer(call, asked, args, sub_app_id=appid, sub_open_id=ids.sub_open_id)


MINI_PROGRAM_PAY = Method(
    name="mini_program_pay",
    asked=OrderAsked,
    told=JsapiTold,
    run=mini_program_pay,
    result="mini_program_pay",
    summary=(
        "小程序支付（微信）：用jsapi_args在小程序里调起付款，timestamp须原样使用",
        "Paid in a WeChat mini program with jsapi_args, its timestamp as it is",
    ),
    group="pays",
    once=Once("pay", NUMBER, trade_type=TRADE_TYPE),
)
