"""mob_web_pay: an order that is paid from a page in another browser of the phone (H5, WeChat)."""

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
from services.cloudpay.pays.contents import SCENE, scene
from services.cloudpay.pays.signed import key_of
from services.cloudpay.shapes import Told
from services.cloudpay.statuses import bad_member
from services.cloudpay.structures import PayMchKeyTold

TRADE_TYPE = 6


class MwebArgs(Told):
    mweb_url: str
    prepay_id: str | None = None


class Mweb(Told):
    wxpay: MwebArgs


class MobWebTold(Told):
    """The field table and the sample name the inner member differently: both are sent."""

    pay_mch_key: PayMchKeyTold
    nonce_str: str
    mweb_args: Mweb
    mobile_web_pay: Mweb


def mob_web_pay(call: Call, asked: OrderAsked) -> Answer:
    channel = channel_of(asked, WECHAT_ONLY)
    scan = store_of(call, asked)
    ext = asked.pay_content.wxpay_pay_content_ext
    if ext is None or not ext.scene_info:
        raise bad_member(SCENE, "缺失")
    where = scene(ext.scene_info, asked.order_client.spbill_create_ip)
    found = placed(call, scan, wanted(call, asked, channel, AttemptMethod.H5, scene=where))
    if isinstance(found, Answer):
        return found
    assert found.redirect is not None
    _, key = key_of(call, asked)
    args = Mweb(wxpay=MwebArgs(mweb_url=found.redirect, prepay_id=found.prepay_id))
    told = MobWebTold(pay_mch_key=key, nonce_str=fresh_nonce(), mweb_args=args, mobile_web_pay=args)
    return Answer(told, WAITING)


MOB_WEB_PAY = Method(
    name="mob_web_pay",
    asked=OrderAsked,
    told=MobWebTold,
    run=mob_web_pay,
    result="mobile_web_pay",
    summary=(
        "H5支付（微信）：让手机浏览器打开mweb_url，5分钟内有效，可追加redirect_url",
        "Paid from a phone's browser: open mweb_url within 5 minutes; redirect_url may be appended",
    ),
    group="pays",
    once=Once("pay", NUMBER, trade_type=TRADE_TYPE),
)
