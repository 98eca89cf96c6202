"""What a client says of a payment beyond every payment's members, as the gateways take it."""

from __future__ import annotations

import re
from typing import Any, Final

from gateways.ordering import NONE, BrowserScene, Extras
from services.cloudpay.pays.contents import basket, extend_params
from services.cloudpay.statuses import bad_member
from services.cloudpay.structures import AlipayContentExt, PayContent, WxpayContentExt

WXPAY: Final = "pay_content.wxpay_pay_content_ext"
ALIPAY: Final = "pay_content.alipay_pay_content_ext"
_CHANNELS: Final = re.compile(r"[0-9A-Za-z_]+(,[0-9A-Za-z_]+)*", re.ASCII)


def extras_of(content: PayContent, channel: str, scene: BrowserScene | None = None) -> Extras:
    """For one wallet; a member's card has none. Raises Refused that names what is wrong."""
    wxpay = content.wxpay_pay_content_ext or WxpayContentExt()
    alipay = content.alipay_pay_content_ext or AlipayContentExt()
    no_credit = _no_credit(wxpay)
    if channel not in ("wechat", "alipay"):
        return NONE
    return Extras(
        attach=content.own_words,
        no_credit=no_credit,
        basket=basket(content.detail, content.total_fee),
        scene=scene,
        **(_alipay(alipay, content.total_fee) if channel == "alipay" else {}),
    )


def goods_tag(content: PayContent, channel: str) -> str:
    """WeChat's coupons."""
    ext = content.wxpay_pay_content_ext
    return ext.goods_tag if ext and channel == "wechat" else ""


def undiscountable(content: PayContent, channel: str) -> int | None:
    """Alipay's, in fen."""
    ext = content.alipay_pay_content_ext
    return ext.undiscountable_amount if ext and channel == "alipay" else None


def _no_credit(wxpay: WxpayContentExt) -> bool:
    """Whether credit cards are not taken; another limit than that is none of WeChat's."""
    if wxpay.limit_pay not in ("", "no_credit"):
        raise bad_member(f"{WXPAY}.limit_pay", "只能是no_credit")
    return wxpay.limit_pay == "no_credit"


def _alipay(ext: AlipayContentExt, total_fen: int) -> dict[str, Any]:
    """Alipay: given both, the parts make up the total; one alone is within it (alipay.md 4.1)."""
    if ext.royalty_info:
        raise bad_member(f"{ALIPAY}.royalty_info", "暂不支持分账")
    if ext.disable_pay_channels and not _CHANNELS.fullmatch(ext.disable_pay_channels):
        raise bad_member(f"{ALIPAY}.disable_pay_channels", "应为逗号分隔的渠道名，如pcredit,point")
    named = {
        name: value
        for name in ("discountable_amount", "undiscountable_amount")
        if (value := getattr(ext, name)) is not None
    }
    for name, value in named.items():
        if value > total_fen:
            raise bad_member(f"{ALIPAY}.{name}", "不能大于total_fee")
    if len(named) == 2 and sum(named.values()) != total_fen:
        raise bad_member(
            f"{ALIPAY}.undiscountable_amount", "与discountable_amount之和应为total_fee"
        )
    return {
        "discountable_fen": ext.discountable_amount,
        "disabled_channels": ext.disable_pay_channels,
        "extend": extend_params(ext.extend_params),
    }
