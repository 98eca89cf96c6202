"""A full, valid request of every operation: the ground that generated refusals start from."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.wechat.client import BASE, Answer, Changes, Merchant, trade_no

PRODUCTS = ("jsapi", "native", "h5", "app")
ORDERS = tuple(f"wechat.{product}" for product in PRODUCTS)
REFUNDS = "/v3/refund/domestic/refunds"
PLANS = {
    "wechat.goldplan": "changegoldplanstatus",
    "wechat.goldplan_receipt": "changecustompagestatus",
    "wechat.goldplan_tags": "set-advertising-industry-filter",
    "wechat.goldplan_ads": "open-advertising-show",
    "wechat.goldplan_no_ads": "close-advertising-show",
}
APPLYMENTS = "/v3/applyment4sub/applyment"
LOOKUPS = ("wechat.query", "wechat.query_by_id", "wechat.close")


@dataclass
class Sample:
    operation: str
    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict)
    url: dict[str, str] = field(default_factory=dict)
    raw_query: str = ""

    def target(self) -> str:
        if self.operation in ORDERS:
            path = f"{BASE}/{self.operation.removeprefix('wechat.')}"
        elif self.operation == "wechat.refund":
            path = REFUNDS
        elif self.operation == "wechat.refund_query":
            path = f"{REFUNDS}/{self.url['out_refund_no']}"
        elif self.operation == "wechat.certificates":
            path = "/v3/certificates"
        elif self.operation == "wechat.tradebill":
            path = "/v3/bill/tradebill"
        elif self.operation in PLANS:
            path = f"/v3/goldplan/merchants/{PLANS[self.operation]}"
        elif self.operation == "wechat.applyment_submit":
            path = f"{APPLYMENTS}/"
        elif self.operation == "wechat.applyment_query":
            path = f"{APPLYMENTS}/business_code/{self.url['business_code']}"
        elif self.operation == "wechat.applyment_query_id":
            path = f"{APPLYMENTS}/applyment_id/{self.url['applyment_id']}"
        elif self.operation == "wechat.query_by_id":
            path = f"{BASE}/id/{self.url['transaction_id']}"
        else:
            path = f"{BASE}/out-trade-no/{self.url['out_trade_no']}"
            path += "/close" if self.operation == "wechat.close" else ""
        query = "&".join(f"{k}={v}" for k, v in self.query.items()) + self.raw_query
        return path + (f"?{query}" if query else "")

    def method(self) -> str:
        if self.operation == "wechat.goldplan_ads":
            return "PATCH"
        return "GET" if self.body is None else "POST"

    def send(self, shop: Merchant, changes: Changes | None = None) -> Answer:
        return shop.call(self.method(), self.target(), self.body, changes)

    def copy(self) -> Sample:
        return copy.deepcopy(self)


def full_tradebill(shop: Merchant) -> dict[str, str]:
    """Of a day that has been over for long, wherever the clock stands."""
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
    sub = shop.creds["sub_mchid"]
    return {"bill_date": str(day), "sub_mchid": sub, "bill_type": "ALL", "tar_type": "GZIP"}


def full_order(shop: Merchant, product: str, openid: str, sub_openid: str) -> dict[str, Any]:
    body = shop.order(
        sub_appid="wxd678efh567hg6999",
        time_expire="2030-01-01T20:00:00+08:00",
        attach="m=1",
        goods_tag="WXG",
        limit_pay=["no_credit"],
        support_fapiao=False,
        settle_info={"profit_sharing": False},
        detail={
            "cost_price": 1300,
            "invoice_id": "I1",
            "goods_detail": [
                {
                    "merchant_goods_id": "G1",
                    "wechatpay_goods_id": "1001",
                    "goods_name": "龙井",
                    "quantity": 1,
                    "unit_price": 1300,
                }
            ],
        },
        scene_info={
            "payer_client_ip": "203.0.113.9",
            "device_id": "D1",
            "store_info": {"id": "S1", "name": "柜台", "area_code": "440305", "address": "南山区"},
        },
    )
    if product == "jsapi":
        body["payer"] = {"sp_openid": openid, "sub_openid": sub_openid}
    if product == "h5":
        body["scene_info"]["h5_info"] = {
            "type": "Wap",
            "app_name": "一码付",
            "app_url": "https://pay.example.com",
            "bundle_id": "com.example.pay",
            "package_name": "com.example.pay",
        }
    return body


def full_refund(shop: Merchant) -> dict[str, Any]:
    return {
        "sub_mchid": shop.parties()["sub_mchid"],
        "transaction_id": "4200002345202611221234567890",
        "out_trade_no": trade_no(),
        "out_refund_no": "R20261122000001",
        "reason": "缺货",
        "notify_url": "https://pay.example.com/notify",
        "funds_account": "AVAILABLE",
        "amount": {
            "refund": 100,
            "total": 1230,
            "currency": "CNY",
            "from": [{"account": "AVAILABLE", "amount": 100}],
        },
        "goods_detail": [
            {
                "merchant_goods_id": "G1",
                "wechatpay_goods_id": "1001",
                "goods_name": "龙井",
                "unit_price": 100,
                "refund_amount": 100,
                "refund_quantity": 1,
            }
        ],
    }


def full_plan(shop: Merchant, operation: str) -> dict[str, Any]:
    body: dict[str, Any] = {"sub_mchid": shop.parties()["sub_mchid"]}
    if operation in ("wechat.goldplan", "wechat.goldplan_receipt"):
        body["operation_type"] = "OPEN"
    if operation == "wechat.goldplan":
        body["operation_pay_scene"] = "JSAPI"
    if operation in ("wechat.goldplan_tags", "wechat.goldplan_ads"):
        body["advertising_industry_filters"] = ["FOOD", "CAR"]
    return body


def full_application() -> dict[str, Any]:
    """Every field that the table has. What must be sealed is not: the table comes first."""
    sealed, picture = "c2VhbGVk", "V1_picture"
    return {
        "business_code": "APPLY_1",
        "contact_info": {
            "contact_type": "SUPER",
            "contact_name": sealed,
            "contact_id_number": sealed,
            "mobile_phone": sealed,
            "contact_email": sealed,
            "contact_id_doc_type": "IDENTIFICATION_TYPE_IDCARD",
            "contact_id_doc_copy": picture,
            "contact_id_doc_copy_back": picture,
            "contact_period_begin": "2020-01-01",
            "contact_period_end": "长期",
            "business_authorization_letter": picture,
        },
        "subject_info": {
            "subject_type": "SUBJECT_TYPE_ENTERPRISE",
            "finance_institution": False,
            "business_license_info": {
                "license_copy": picture,
                "license_number": "91330106MA2CFLCB9X",
                "merchant_name": "青禾茶事有限公司",
                "legal_person": "林小满",
            },
            "identity_info": {
                "id_holder_type": "LEGAL",
                "id_doc_type": "IDENTIFICATION_TYPE_IDCARD",
                "owner": True,
                "id_card_info": {
                    "id_card_copy": picture,
                    "id_card_national": picture,
                    "id_card_name": sealed,
                    "id_card_number": sealed,
                    "id_card_address": sealed,
                    "card_period_begin": "2020-01-01",
                    "card_period_end": "2040-01-01",
                },
            },
        },
        "business_info": {
            "merchant_shortname": "青禾茶事",
            "service_phone": "0571-88888888",
            "sales_info": {
                "sales_scenes_type": ["SALES_SCENES_STORE"],
                "biz_store_info": {
                    "biz_store_name": "湖滨店",
                    "biz_address_code": "330106",
                    "biz_store_address": "湖滨路 1 号",
                    "store_entrance_pic": [picture],
                    "indoor_pic": [picture],
                },
            },
        },
        "settlement_info": {"settlement_id": "719", "qualification_type": "餐饮"},
        "bank_account_info": {
            "bank_account_type": "BANK_ACCOUNT_TYPE_CORPORATE",
            "account_name": sealed,
            "account_bank": "招商银行",
            "bank_name": "招商银行杭州湖滨支行",
            "bank_branch_id": "308331012345",
            "account_number": sealed,
        },
    }


def sample(operation: str, shop: Merchant, openid: str = "o", sub_openid: str = "o") -> Sample:
    """Lookups ask for an order that need not exist: they are refused before anyone looks."""
    parties = shop.parties()
    if operation in ORDERS:
        product = operation.removeprefix("wechat.")
        return Sample(operation, body=full_order(shop, product, openid, sub_openid))
    if operation == "wechat.close":
        return Sample(operation, body=dict(parties), url={"out_trade_no": trade_no()})
    if operation == "wechat.query":
        return Sample(operation, query=dict(parties), url={"out_trade_no": trade_no()})
    if operation == "wechat.query_by_id":
        no = "4200002345202611221234567890"
        return Sample(operation, query=dict(parties), url={"transaction_id": no})
    if operation == "wechat.refund":
        return Sample(operation, body=full_refund(shop))
    if operation == "wechat.refund_query":
        sub = {"sub_mchid": parties["sub_mchid"]}
        return Sample(operation, query=sub, url={"out_refund_no": "R20261122000001"})
    if operation in PLANS:
        return Sample(operation, body=full_plan(shop, operation))
    if operation == "wechat.applyment_submit":
        return Sample(operation, body=full_application())
    if operation == "wechat.applyment_query":
        return Sample(operation, url={"business_code": "APPLY_1"})
    if operation == "wechat.applyment_query_id":
        return Sample(operation, url={"applyment_id": "2000002124775691"})
    if operation == "wechat.tradebill":
        return Sample(operation, query=full_tradebill(shop))
    return Sample(operation)
