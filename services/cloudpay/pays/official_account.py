"""official_account_pay: an order that is paid on a page inside of WeChat or Alipay."""

from __future__ import annotations

from typing import Final

from models.order import AttemptMethod
from services.cloudpay.call import Answer, Call
from services.cloudpay.methods import Method, Once
from services.cloudpay.pays.asking import (
    NUMBER,
    WALLETS,
    OrderAsked,
    channel_of,
    placed,
    store_of,
    wanted,
)
from services.cloudpay.pays.signed import (
    AlipayArgs,
    JsapiArgs,
    JsapiTold,
    TradePay,
    WxpayArgs,
    bridge_args,
    jsapi_answer,
    wxpay_ids,
)
from services.cloudpay.statuses import bad_member
from services.scan import Scan

TRADE_TYPE = 3
_EXT: Final = "pay_mch_key.wxpay_pay_mch_key_ext"
_USER: Final = "pay_mch_key.alipay_pay_mch_key_ext.user_id"


def official_account_pay(call: Call, asked: OrderAsked) -> Answer:
    channel = channel_of(_inferred(asked), WALLETS)
    scan = store_of(call, asked)
    return _wechat(call, asked, scan) if channel == "wechat" else _alipay(call, asked, scan)


def _inferred(asked: OrderAsked) -> OrderAsked:
    """A client that names the payer, but not the wallet, has named it all the same."""
    key = asked.pay_mch_key
    if key.pay_platform or (key.wxpay_pay_mch_key_ext and key.alipay_pay_mch_key_ext):
        return asked
    platform = 1 if key.wxpay_pay_mch_key_ext else 2 if key.alipay_pay_mch_key_ext else 0
    return asked.model_copy(
        update={"pay_mch_key": key.model_copy(update={"pay_platform": platform})}
    )


def _wechat(call: Call, asked: OrderAsked, scan: Scan) -> Answer:
    """`sub_open_id` is the payer at the merchant's own app, `open_id` at the provider's; the page
    is the one whose openid it is (wechat.md A5)."""
    ids = wxpay_ids(asked)
    if not ids.open_id and not ids.sub_open_id:
        raise bad_member(f"{_EXT}.open_id", "缺失：open_id和sub_open_id至少填一个")
    own = ids.sub_app_id or scan.wechat_sub_appid or ""
    if ids.sub_open_id and not own:
        raise bad_member(f"{_EXT}.sub_app_id", "缺失：填了sub_open_id，商户又没有配置公众号AppID")
    is_sub = bool(ids.sub_open_id)
    order = wanted(
        call,
        asked,
        "wechat",
        AttemptMethod.JSAPI,
        payer=ids.sub_open_id or ids.open_id,
        sub_appid=own if is_sub else None,
        is_sub_payer=is_sub,
    )
    found = placed(call, scan, order)
    if isinstance(found, Answer):
        return found
    assert found.bridge is not None
    args = JsapiArgs(wxpay=WxpayArgs(get_brand_wcpay=bridge_args(found.bridge)))
    named = {"sub_app_id": own, "sub_open_id": ids.sub_open_id} if is_sub else {}
    return jsapi_answer(call, asked, args, open_id=ids.open_id, **named)


def _alipay(call: Call, asked: OrderAsked, scan: Scan) -> Answer:
    ext = asked.pay_mch_key.alipay_pay_mch_key_ext
    if ext is None or not ext.user_id:
        raise bad_member(_USER, "缺失")
    order = wanted(call, asked, "alipay", AttemptMethod.JSAPI, payer=ext.user_id)
    found = placed(call, scan, order)
    if isinstance(found, Answer):
        return found
    assert found.prepay_id is not None
    args = JsapiArgs(alipay=AlipayArgs(trade_pay=TradePay(trade_no=found.prepay_id)))
    return jsapi_answer(call, asked, args)


OFFICIAL_ACCOUNT_PAY = Method(
    name="official_account_pay",
    asked=OrderAsked,
    told=JsapiTold,
    run=official_account_pay,
    result="official_account_pay",
    summary=(
        "公众号/生活号支付：用jsapi_args在微信或支付宝的网页里调起付款",
        "Paid on a page inside of WeChat or Alipay, which jsapi_args opens the sheet of",
    ),
    group="pays",
    once=Once("pay", NUMBER, trade_type=TRADE_TYPE),
)
