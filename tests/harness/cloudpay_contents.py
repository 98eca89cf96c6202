"""One content that succeeds, for every method of the API: what the generated tests start from.

Written from the protocol's description. `Party` is a till with things of every kind that its
merchant owns; a maker takes it and gives the content of one call that answers status 0.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.device import BoundBy, ShiftType
from models.merchant import Staff, Store
from services.devices import changing, keys
from tests.harness.cloudpay import Till, code_of
from tests.harness.product import Product
from tests.integration.cloudpay.ordering import SP_APPID, SUB_APPID, openid
from tests.integration.deposits.helping import allow

Content = dict[str, Any]
FEN = 600


@dataclass
class Party:
    """A merchant's till and the ids that only this merchant owns."""

    product: Product
    till: Till
    ids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, product: Product, till: Till) -> Party:
        """With the ids of the simulator's apps and of a person in them."""
        made = cls(product, till)
        allow(product)
        made.ids |= {
            "open_id": openid(SP_APPID),
            "sub_open_id": openid(SUB_APPID),
            "mini_program_sub_app_id": SUB_APPID,
            "mob_app_id": SUB_APPID,
        }
        return made

    def code(self, wallet: str = "wechat") -> str:
        said = self.product.simulator.post(f"/sim/{wallet}/paycode", {"person": "zhou"})
        return str(said["auth_code"])

    def trade(self, platform: int = 1, **members: Any) -> Content:
        return {
            **members,
            "pay_mch_key": self.till.mch_key(pay_platform=platform),
            "order_client": self.till.client(),
            "nonce_str": secrets.token_hex(16),
        }

    def paid(self) -> str:
        """A new order, paid by a payment code."""
        number = self.till.number()
        said = self.till.call("micro_pay", self.till.pay(self.code(), FEN, number))
        assert said["status"] == 0, said
        return number

    def waiting(self) -> str:
        """A new order that nobody has paid."""
        content = MAKERS["scan_code_pay"](self)
        said = self.till.call("scan_code_pay", content)
        assert said["status"] == 0, said
        return str(content["pay_content"]["out_trade_no"])

    def refunded(self) -> tuple[str, str]:
        """(order, refund): accepted, a part of it."""
        order = self.paid()
        content = MAKERS["refund"](self, order)
        said = self.till.call("refund", content)
        assert said["status"] == 0, said
        return order, str(content["refund_content"]["out_refund_no"])

    def frozen(self, platform: int = 1) -> str:
        """A new hold of a payer's money."""
        content = MAKERS["micro_freeze"](self, platform)
        said = self.till.call("micro_freeze", content)
        assert said["status"] == 0, said
        return str(content["freeze_content"]["out_freeze_no"])

    def device(self) -> tuple[str, str]:
        """(device_id, serial number) of a device of the shop that is bound."""
        sn, device_id = self.machine()[0], "d" + secrets.token_hex(4)

        def unit(session: Session) -> None:
            store = session.scalars(
                select(Store).where(Store.out_shop_id == self.till.out_shop_id)
            ).one()
            staff = session.scalars(
                select(Staff).where(Staff.merchant_id == store.merchant_id)
            ).first()
            assert staff is not None
            wish = changing.Wish("收银台", int(ShiftType.SMART_POS), device_id)
            now = self.product.deps.now()
            made = changing.put(session, store, wish, actor="test", now=now)
            changing.bind(
                session, made, sn, by=BoundBy.KEY, staff_id=staff.id, actor="test", now=now
            )

        self.product.deps.transact(unit)
        return device_id, sn

    def machine(self) -> tuple[str, str]:
        """(serial number, init key) as a factory registers them."""
        made = keys.Registered(f"BF_M100_BF{secrets.token_hex(5).upper()}", secrets.token_hex(16))
        provider = self.product.one(
            "SELECT provider_id FROM merchant WHERE out_sub_mch_id = :m", m=self.till.out_sub_mch_id
        )
        keys.register(self.product.deps, provider.provider_id, [made], actor="test")
        self.ids["init_key:" + made.sn_code] = made.key
        return made.sn_code, made.key

    def of_machine(self, sn: str) -> Till:
        """The till that signs with this machine's own init key."""
        return replace(self.till, key=self.ids["init_key:" + sn])


def _pay(party: Party, **more: Any) -> Content:
    return {
        "out_trade_no": party.till.number(),
        "total_fee": FEN,
        "fee_type": "CNY",
        "body": "咖啡",
        **more,
    }


def _jsapi(party: Party) -> Content:
    content = party.trade(pay_content=_pay(party), trade_type=3)
    content["pay_mch_key"]["wxpay_pay_mch_key_ext"] = {"open_id": party.ids["open_id"]}
    return content


def _refund(party: Party, order: str | None = None) -> Content:
    return party.trade(
        refund_content={
            "out_trade_no": order or party.paid(),
            "out_refund_no": party.till.number(),
            "total_fee": FEN,
            "refund_fee": 100,
            "refund_fee_type": "CNY",
        }
    )


def _query_refund(party: Party) -> Content:
    order, refund = party.refunded()
    return party.trade(out_trade_no=order, out_refund_no=refund)


def _list(party: Party, **more: Any) -> Content:
    now = int(time.time())
    return {
        "out_sub_mch_id": party.till.out_sub_mch_id,
        "out_shop_id": party.till.out_shop_id,
        "order_type": 3,
        "start_time": now - 86_400,
        "end_time": now + 86_400,
        "nonce_str": secrets.token_hex(16),
        **more,
    }


def _shops(party: Party, **more: Any) -> Content:
    return {
        "out_mch_id": party.till.out_mch_id,
        "out_sub_mch_id": party.till.out_sub_mch_id,
        "nonce_str": secrets.token_hex(16),
        **more,
    }


def _client(party: Party, **more: Any) -> Content:
    return {
        **_shops(party),
        "out_shop_id": party.till.out_shop_id,
        "order_client": party.till.client(),
        **more,
    }


def _brief(party: Party, **more: Any) -> Content:
    return {"osi": party.till.out_shop_id, "ns": secrets.token_hex(16), **more}


def _brief_list(party: Party, **more: Any) -> Content:
    now = int(time.time())
    return _brief(
        party, spps=[], osmi=party.till.out_sub_mch_id, di="1", ot=3, st=now - 86_400,
        et=now + 86_400, **more,
    )  # fmt: skip


def _login(party: Party) -> Content:
    begun = party.till.call("client_initialize", MAKERS["client_initialize"](party))
    return {
        "out_sub_mch_id": party.till.out_sub_mch_id,
        "token": begun["client_initialize"]["token"],
    }


def _unbind(party: Party) -> Content:
    device_id, sn = party.device()
    return {
        "out_sub_mch_id": party.till.out_sub_mch_id,
        "out_shop_id": party.till.out_shop_id,
        "device_id": device_id,
        "sn_code": sn,
    }


def _bind_begin(party: Party) -> Content:
    return {
        "sn_code": party.machine()[0],
        "app_cpay_version": "1.0",
        "nonce_str": secrets.token_hex(4),
        "timestamp": int(time.time()),
    }


def _bind_ask(party: Party) -> Content:
    begin = _bind_begin(party)
    name = "generate_bill_device_bind_qr_code"
    begun = party.of_machine(begin["sn_code"]).call(name, begin)
    assert begun["status"] == 0, begun
    return {
        "sn_code": begin["sn_code"],
        "token": begun[name]["token"],
        "nonce_str": secrets.token_hex(4),
        "timestamp": int(time.time()),
    }


def _bind_check(party: Party) -> Content:
    device_id, sn = party.device()
    nonce = secrets.token_hex(4)
    return {
        "sn_code": sn,
        "out_shop_id": party.till.out_shop_id,
        "device_id": device_id,
        "nonce_str": nonce,
        "hash_content": code_of(party.till.key, nonce),
        "timestamp": int(time.time()),
    }


def _report(party: Party) -> Content:
    device_id, sn = party.device()
    now = int(time.time())
    counts = {
        f"{wallet}_pay_{what}": n
        for n, wallet in enumerate(("wx", "ali", "other"))
        for what in ("count", "success_count", "amount")
    }
    return {
        "device_type": 1, "company_code": "BF", "model": "M100", "sn": sn,
        "begin_timestamp": now - 600, "end_timestamp": now, "network_type": "4g", **counts,
        "out_mch_id": party.till.out_mch_id, "out_sub_mch_id": party.till.out_sub_mch_id,
        "cloud_cashier_id": party.till.prefix, "authen_type": 1,
        "out_shop_id": party.till.out_shop_id, "device_id": device_id, "app_cpay_version": "1.0",
        "nonce_str": secrets.token_hex(16),
    }  # fmt: skip


def _mapping(party: Party) -> Content:
    own = {
        "out_mch_id": party.till.out_mch_id,
        "out_sub_mch_id": party.till.out_sub_mch_id,
        "out_shop_id": party.till.out_shop_id,
    }
    return {"out": own, "nonce_str": secrets.token_hex(16)}


def _appid(party: Party, name: str, **pay: Any) -> Content:
    content = party.trade(pay_content=_pay(party, **pay))
    content["pay_mch_key"]["wxpay_pay_mch_key_ext"] = {name: party.ids[name]} | (
        {"sub_open_id": party.ids["sub_open_id"]} if name == "mini_program_sub_app_id" else {}
    )
    return content


def _freeze(party: Party, platform: int = 1, **content: Any) -> Content:
    return party.trade(
        platform,
        freeze_content={
            "out_freeze_no": party.till.number(),
            "freeze_fee": FEN,
            "fee_type": "CNY",
            "body": "客房押金",
            **content,
        },
    )


def _unfreeze(party: Party, platform: int = 2) -> Content:
    content = {
        "out_freeze_no": party.frozen(platform),
        "out_unfreeze_no": party.till.number(),
        "unfreeze_fee": 100,
        "remark": "退房",
    }
    return party.trade(platform, unfreeze_content=content)


def _query_unfreeze(party: Party) -> Content:
    asked = _unfreeze(party)
    said = party.till.call("unfreeze", asked)
    assert said["status"] == 0, said
    content = asked["unfreeze_content"]
    names = ("out_freeze_no", "out_unfreeze_no")
    return party.trade(2, **{name: content[name] for name in names})


SCENE = '{"h5_info":{"type":"Wap","wap_url":"https://shop.example","wap_name":"shop"}}'

Maker = Callable[..., Content]
MAKERS: dict[str, Maker] = {
    "micro_pay": lambda p: p.till.pay(p.code(), FEN),
    "scan_code_pay": lambda p: p.trade(pay_content=_pay(p)),
    "official_account_pay": _jsapi,
    "query_order": lambda p: p.trade(out_trade_no=p.paid()),
    "close_order": lambda p: p.trade(out_trade_no=p.waiting(), trade_type=2),
    "reverse": lambda p: p.trade(out_trade_no=p.paid()),
    "refund": _refund,
    "query_refund_order": _query_refund,
    "query_order_list": lambda p: _list(p, page_num=1, page_size=50),
    "query_order_list_overview": _list,
    "query_sub_mch_shop_info": lambda p: _shops(p, page_num=1, page_size=10),
    "sdk_query_sub_mch_info": lambda p: _shops(p, page_num=1, page_size=1),
    "micro_freeze": lambda p, platform=1: _freeze(
        p, platform, author_code=p.code("alipay" if platform == 2 else "wechat")
    ),
    "scancode_freeze": lambda p: _freeze(p, 2),
    "deposit_consume": lambda p: p.trade(
        pay_content=_pay(p, out_freeze_no=p.frozen(), is_confirm_unfreeze=True)
    ),
    "unfreeze": _unfreeze,
    "query_freeze_order": lambda p: p.trade(out_freeze_no=p.frozen()),
    "query_unfreeze_order": _query_unfreeze,
    "mob_web_pay": lambda p: p.trade(
        pay_content=_pay(p, wxpay_pay_content_ext={"scene_info": SCENE})
    ),
    "mini_program_pay": lambda p: _appid(p, "mini_program_sub_app_id"),
    "app_pay": lambda p: _appid(p, "mob_app_id"),
    "set_sub_mch_shop_info": lambda p: _shops(
        p, is_all=False, shop_infos=[{"shop_id": secrets.token_hex(4), "shop_name": "新店"}]
    ),
    "query_identity_mapping": _mapping,
    "client_initialize": lambda p: _client(p, authorize_terminal_type=1),
    "client_try_get_initializers": _login,
    "upload_client_monitor_info": lambda p: _client(
        p, interval=60, is_compress=False, uncompressed_monitor_info={}
    ),
    "upload_client_conf_info": lambda p: _client(p, machine_info={}),
    "unbind_device_sn_code": _unbind,
    "generate_bill_device_bind_qr_code": _bind_begin,
    "get_bill_device_bind_info": _bind_ask,
    "check_bill_device_bind_info": _bind_check,
    "device_report": _report,
    "device_info_report": _report,
    "client_order_detail": lambda p: _list(p, query_order_type=3, page_num=1, page_size=50),
    "client_sub_mch_sales_overview": lambda p: _list(
        p, out_mch_id=p.till.out_mch_id, stat_type=1, page_num=1, page_size=50
    ),
    "brief_micro_pay": lambda p: _brief(
        p, sc="BF_M100_BF91RA00001", otn=p.till.number(), ac=p.code(), tf=FEN, bd="咖啡", di="1",
        stt=1111,
    ),
    "brief_query_order": lambda p: _brief(p, otn=p.paid()),
    "brief_query_order_list": lambda p: _brief_list(p, pn=1, ps=10),
    "brief_query_order_list_overview": _brief_list,
}  # fmt: skip
