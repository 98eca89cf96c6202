"""JSAPI, NATIVE, H5 and APP orders on WeChat's wire; pure but for signatures.

Source: wechat.md A5, A6; `limit_pay` is in WeChat's own SDKs (wechatpay-go, partnerpayments).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from errors import GatewayUnknown
from gateways import strict_json
from gateways.base import Prepay, PrepayRequest, WechatAccount
from gateways.ordering import Basket, BrowserScene, Extras, Product
from gateways.wechat_pay import mapping
from gateways.wechat_pay.client import WechatPayClient

NO_CREDIT = "no_credit"
_ATTACH_BYTES = 127
_GOODS_ID_BYTES = 32
_GOODS_NAME_BYTES = 256


def body(account: WechatAccount, req: PrepayRequest) -> dict[str, Any]:
    """The order of the request's product. Unused fields are left out (wechat.md A0)."""
    made = mapping.prepay_body(account, req)
    if req.product is not Product.JSAPI:
        del made["payer"]  # whoever scans or comes
    elif req.is_sub_payer:
        made["payer"] = {"sub_openid": req.payer}
    return made | _extras(req.extras)


def _extras(extras: Extras) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if extras.attach:
        made["attach"] = mapping.cut(extras.attach, _ATTACH_BYTES)
    if extras.no_credit:
        made["limit_pay"] = [NO_CREDIT]
    if extras.basket is not None:
        made["detail"] = _detail(extras.basket)
    if extras.scene is not None:
        made["scene_info"] = _scene(extras.scene)
    return made


def _detail(basket: Basket) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if basket.cost_fen is not None:
        made["cost_price"] = basket.cost_fen
    if basket.receipt_id:
        made["invoice_id"] = mapping.cut(basket.receipt_id, _GOODS_ID_BYTES)
    lines = [
        {
            "merchant_goods_id": mapping.cut(one.goods_id, _GOODS_ID_BYTES),
            "quantity": one.quantity,
            "unit_price": one.price_fen,
            **({"goods_name": mapping.cut(one.name, _GOODS_NAME_BYTES)} if one.name else {}),
        }
        for one in basket.goods
    ]
    return made | ({"goods_detail": lines} if lines else {})


def _scene(scene: BrowserScene) -> dict[str, Any]:
    told = {
        "type": scene.kind,
        "app_name": mapping.cut(scene.app_name, 64),
        "app_url": mapping.cut(scene.app_url, 128),
        "bundle_id": mapping.cut(scene.bundle_id, 128),
        "package_name": mapping.cut(scene.package_name, 128),
    }
    return {
        "payer_client_ip": scene.payer_ip,
        "h5_info": {name: value for name, value in told.items() if value},
    }


def prepay(
    client: WechatPayClient, account: WechatAccount, req: PrepayRequest, answer: dict[str, Any]
) -> Prepay:
    """What WeChat's answer gives the payer. GatewayUnknown where it gives nothing."""
    if req.product is Product.NATIVE:
        return Prepay(None, code_url=_address(answer, "code_url"))
    if req.product is Product.H5:
        url = _address(answer, "h5_url")
        found = parse_qs(urlsplit(url).query).get("prepay_id", [""])[0]
        return Prepay(found or None, redirect=url)
    prepay_id = _word(answer, "prepay_id")
    signed = bridge(client, account, prepay_id, req.product, is_sub_payer=req.is_sub_payer)
    return Prepay(prepay_id, bridge=signed)


def bridge(
    client: WechatPayClient,
    account: WechatAccount,
    prepay_id: str,
    product: Product,
    *,
    is_sub_payer: bool,
) -> dict[str, str]:
    """Signed for the app that opens the sheet: the sub_appid where the merchant's own does."""
    if product is Product.APP:
        appid = account.sub_appid or account.sp_appid
        return client.app_bridge(prepay_id, appid, account.sub_mchid)
    return client.bridge(prepay_id, (is_sub_payer and account.sub_appid) or "")


def _word(answer: dict[str, Any], name: str) -> str:
    try:
        found = strict_json.word(answer, name)
    except ValueError:
        found = None
    if found is None:
        raise GatewayUnknown(f"no {name} in the answer")
    return found


def _address(answer: dict[str, Any], name: str) -> str:
    found = answer.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= 512 or not found.isascii():
        raise GatewayUnknown(f"no {name} in the answer")
    return found
