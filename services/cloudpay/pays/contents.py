"""The JSON texts inside of a payment's content: detail, scene_info, extend_params."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any, Final

from pydantic import Field

from gateways.ordering import Basket, BrowserScene, Goods
from services.cloudpay.shapes import Asked, Number, Text, Whole, read_members
from services.cloudpay.statuses import Internal, Refused, bad_member
from services.cloudpay.wire_json import read_object

_KINDS: Final = {"wap": "Wap", "ios": "iOS", "android": "Android"}
DETAIL: Final = "pay_content.detail"
SCENE: Final = "pay_content.wxpay_pay_content_ext.scene_info"
EXTEND: Final = "pay_content.alipay_pay_content_ext.extend_params"
PAYER_IP: Final = "order_client.spbill_create_ip"


class _Line(Asked):
    goods_id: Annotated[str, Text(64, least=1)]
    goods_name: Annotated[str, Text(256)] = ""
    quantity: Annotated[int, Whole(1)]
    price: Number


class _Detail(Asked):
    cost_price: Number | None = None
    receipt_id: Annotated[str, Text(32)] = ""
    goods_detail: tuple[_Line, ...] = Field(default=(), max_length=100)


class _PayContent(Asked):
    detail: _Detail


class _Whole(Asked):
    pay_content: _PayContent


def basket(detail: str, total_fen: int) -> Basket | None:
    """The goods of `pay_content.detail`. Text that is no JSON object is a till's own remark: it is
    kept and shown, and no wallet hears of it. Raises Refused that names the member."""
    try:
        found = read_object(detail)
    except ValueError:
        return None
    read = read_members(_Whole, {"pay_content": {"detail": found}}).pay_content.detail
    goods = tuple(
        Goods(one.goods_id, one.goods_name, one.quantity, one.price) for one in read.goods_detail
    )
    if sum(one.quantity * one.price_fen for one in goods) > total_fen:
        told = bad_member(f"{DETAIL}.goods_detail", "的金额之和不能大于total_fee")
        raise Refused(told.description, internal=Internal.AMOUNT)
    if not goods and read.cost_price is None and not read.receipt_id:
        return None
    return Basket(goods, read.cost_price, read.receipt_id)


def scene(text: str, payer_ip: str) -> BrowserScene:
    """Where an H5 order is paid from, as WeChat's older and newer documents write it. The payer's
    own address is needed: WeChat compares it with the browser's."""
    found = _object(text, SCENE)
    inner = found.get("h5_info", found)
    if not isinstance(inner, dict):
        raise bad_member(f"{SCENE}.h5_info", "应为对象")
    kind = _KINDS.get(str(inner.get("type", "")).lower())
    if kind is None:
        raise bad_member(f"{SCENE}.h5_info.type", "应为Wap、iOS或Android")
    try:
        ip = str(ip_address(payer_ip))
    except ValueError:
        raise bad_member(PAYER_IP, "应为付款人的IP地址") from None
    return BrowserScene(
        payer_ip=ip,
        kind=kind,
        app_name=_either(inner, "app_name", "wap_name"),
        app_url=_either(inner, "app_url", "wap_url"),
        bundle_id=_either(inner, "bundle_id"),
        package_name=_either(inner, "package_name"),
    )


def extend_params(text: str) -> dict[str, str]:
    """Alipay's extend_params: an object of texts."""
    found = _object(text, EXTEND) if text else {}
    for name, value in found.items():
        if not isinstance(value, str):
            raise bad_member(f"{EXTEND}.{name}"[:120], "应为字符串")
    return found


def _object(text: str, path: str) -> dict[str, Any]:
    try:
        return read_object(text)
    except ValueError as problem:
        raise bad_member(path, str(problem)) from None


def _either(inner: dict[str, Any], *names: str) -> str:
    """The first of them that is a text."""
    for name in names:
        value = inner.get(name)
        if isinstance(value, str) and value:
            return value
    return ""
