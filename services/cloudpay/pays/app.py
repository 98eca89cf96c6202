"""app_pay: an order that is paid in the merchant's own app (WeChat)."""

from __future__ import annotations

from models.order import AttemptMethod
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.methods import Method, Once
from services.cloudpay.pays.asking import (
    NUMBER,
    WAITING,
    WECHAT_ONLY,
    OrderAsked,
    channel_of,
    placed,
    store_of,
    wanted,
)
from services.cloudpay.pays.signed import key_of, wxpay_ids
from services.cloudpay.shapes import Told
from services.cloudpay.statuses import bad_member
from services.cloudpay.structures import PayMchKeyTold

TRADE_TYPE = 4


class SdkWxpay(Told):
    """What the app hands to WeChat's SDK."""

    app_id: str
    timestamp: str
    nonce_str: str
    package_value: str
    partner_id: str
    sign: str
    prepare_id: str


class SdkArgs(Told):
    wxpay: SdkWxpay


class AppPayTold(Told):
    pay_mch_key: PayMchKeyTold
    nonce_str: str
    sdk_args: SdkArgs


def app_pay(call: Call, asked: OrderAsked) -> Answer:
    channel = channel_of(asked, WECHAT_ONLY)
    scan = store_of(call, asked)
    appid = wxpay_ids(asked).mob_app_id
    if not appid:
        raise bad_member("pay_mch_key.wxpay_pay_mch_key_ext.mob_app_id", "缺失")
    found = placed(call, scan, wanted(call, asked, channel, AttemptMethod.APP, sub_appid=appid))
    if isinstance(found, Answer):
        return found
    assert found.bridge is not None
    _, key = key_of(call, asked)
    signed = found.bridge
    sdk = SdkWxpay(
        app_id=signed["appid"],
        timestamp=signed["timestamp"],
        nonce_str=signed["noncestr"],
        package_value=signed["package"],
        partner_id=signed["partnerid"],
        sign=signed["sign"],
        prepare_id=signed["prepayid"],
    )
    told = AppPayTold(pay_mch_key=key, nonce_str=fresh_nonce(), sdk_args=SdkArgs(wxpay=sdk))
    return Answer(told, WAITING)


APP_PAY = Method(
    name="app_pay",
    asked=OrderAsked,
    told=AppPayTold,
    run=app_pay,
    result="app_pay",
    summary=(
        "App支付（微信）：把sdk_args交给App里的微信SDK调起付款",
        "Paid in an app: hand sdk_args to WeChat's SDK there",
    ),
    group="pays",
    once=Once("pay", NUMBER, trade_type=TRADE_TYPE),
)
