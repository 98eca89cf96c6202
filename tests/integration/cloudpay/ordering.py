"""The five roads of an order as a merchant's own system asks for them, and who pays them how."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cloudpay.helping import CODES

SP_APPID, SUB_APPID = "wx8888888888888888", "wxd678efh567hg6999"
ALIPAY_USER = "2088102000000001"
SCENE = json.dumps({"h5_info": {"type": "Wap", "wap_url": "https://a.example", "wap_name": "青禾"}})


def openid(appid: str = SP_APPID, person: str = "lin") -> str:
    """What the simulator calls a person under one appid."""
    return "oSim" + hashlib.sha256(f"{appid}:{person}".encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Road:
    """One way to ask. `on` is what the simulator's faults call it, `trail` what its trail does."""

    method: str
    wallet: str
    on: str
    key: dict[str, Any]
    result: str = ""
    trade_type: int = 0

    @property
    def trail(self) -> str:
        return self.on.replace("alipay.", "alipay.trade.")

    @property
    def name(self) -> str:
        return f"{self.method}-{self.wallet}"


def _wxpay(**ids: str) -> dict[str, Any]:
    return {"wxpay_pay_mch_key_ext": ids}


SCAN_WECHAT = Road("scan_code_pay", "wechat", "wechat.native", {}, "scan_code_pay", 2)
SCAN_ALIPAY = Road("scan_code_pay", "alipay", "alipay.precreate", {}, "scan_code_pay", 2)
PAGE_WECHAT = Road(
    "official_account_pay", "wechat", "wechat.jsapi", _wxpay(open_id=openid()),
    "official_account_pay", 3,
)  # fmt: skip
PAGE_ALIPAY = Road(
    "official_account_pay", "alipay", "alipay.create",
    {"alipay_pay_mch_key_ext": {"user_id": ALIPAY_USER}}, "official_account_pay", 3,
)  # fmt: skip
MINI = Road(
    "mini_program_pay", "wechat", "wechat.jsapi",
    _wxpay(mini_program_sub_app_id=SUB_APPID, sub_open_id=openid(SUB_APPID)),
    "mini_program_pay", 9,
)  # fmt: skip
H5 = Road("mob_web_pay", "wechat", "wechat.h5", {}, "mobile_web_pay", 6)
APP = Road("app_pay", "wechat", "wechat.app", _wxpay(mob_app_id=SUB_APPID), "app_pay", 4)
ROADS = (SCAN_WECHAT, SCAN_ALIPAY, PAGE_WECHAT, PAGE_ALIPAY, MINI, H5, APP)


def order(till: Till, road: Road, fen: int = 1234, **more: Any) -> dict[str, Any]:
    """The content; `more` goes into pay_content."""
    content = till.pay("", fen, **more)
    del content["pay_content"]["author_code"]
    content["pay_mch_key"] |= {"pay_platform": CODES[road.wallet], **deepcopy(road.key)}
    content["order_client"]["spbill_create_ip"] = "203.0.113.9"
    if road is H5:
        ext = content["pay_content"].setdefault("wxpay_pay_content_ext", {})
        ext.setdefault("scene_info", SCENE)
    if road is APP:
        del content["order_client"]  # its clients send none
    return content


def number_of(content: dict[str, Any]) -> str:
    return str(content["pay_content"]["out_trade_no"])


def sheet(road: Road, result: dict[str, Any]) -> dict[str, Any]:
    """What the payer's phone is given, as the client of that road makes it of the reply."""
    if road in (SCAN_WECHAT, SCAN_ALIPAY):
        return {"code_url" if road is SCAN_WECHAT else "qrCode": result["code_url"]}
    if road is PAGE_ALIPAY:
        return {"tradeNO": result["jsapi_args"]["alipay"]["trade_pay"]["trade_no"]}
    if road is H5:
        assert result["mweb_args"] == result["mobile_web_pay"]
        return {"h5_url": result["mweb_args"]["wxpay"]["mweb_url"]}
    if road is APP:
        said = result["sdk_args"]["wxpay"]
        return {
            "appid": said["app_id"], "partnerid": said["partner_id"],
            "prepayid": said["prepare_id"], "package": said["package_value"],
            "noncestr": said["nonce_str"], "timestamp": said["timestamp"], "sign": said["sign"],
        }  # fmt: skip
    word = "mini_program_pay" if road.method == "mini_program_pay" else "get_brand_wcpay"
    said = result["jsapi_args"]["wxpay"][word]
    return {
        "appId": said["app_id"], "timeStamp": said["timestamp"], "nonceStr": said["nonce_str"],
        "package": said["package"], "signType": said["sign_type"], "paySign": said["pay_sign"],
    }  # fmt: skip


def ordered(till: Till, road: Road, content: dict[str, Any]) -> dict[str, Any]:
    """The result of a call that the wallet took."""
    answer = till.call(road.method, content)
    assert (answer["status"], answer["internal_status"]) == (0, 0), answer
    return dict(answer[road.result])


def pay(product: Product, road: Road, result: dict[str, Any], act: str = "confirm") -> Any:
    status, said = product.simulator.wallet(road.wallet, sheet(road, result), act, person="lin")
    assert status == 200, said
    return said


def attempt(product: Product, number: str) -> Any:
    return product.one("SELECT * FROM pay_attempt WHERE out_trade_no = :n", n=number)


def order_row(product: Product, number: str) -> Any:
    return product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=number)
