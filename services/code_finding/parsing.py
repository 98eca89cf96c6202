"""What was pasted or scanned, told by its form alone; nobody is asked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlsplit


class Kind(StrEnum):
    PAY_CODE = "pay_code"  # /q/<out_mch_id>/<code>
    RESULT = "result"  # /q/<out_mch_id>/o/<public_id>
    OLD_STORE = "old_store"  # /cpay/qrcode_shop?id=
    OLD_STAFF = "old_staff"  # /cpay/qrcode_person?id=&out_shop_id=
    ONE_OFF = "one_off"  # /cpay/qrcode_disposable_payment?out_shop_id=&total_fee=&trade_num=
    ALIPAY_GRANT = "alipay_grant"  # /cpay/alipay_mch_authorize?oshop=
    DEVICE = "device"  # /cpay/use_device_setting?osi=&si=&sn=
    MEMBER_CARD = "member_card"  # /card/<out_mch_id>/<out_sub_mch_id>
    ACTIVATION = "activation"  # /m/activate?…: grants a right, is never shown again
    PAYMENT_CODE = "payment_code"  # what a payer shows at a till
    OF_WALLET = "of_wallet"  # a code of WeChat's or Alipay's own
    FOREIGN = "foreign"  # a link of somebody else
    NUMBER = "number"
    EMPTY = "empty"


LABELS: Final = {
    Kind.PAY_CODE: "收款码",
    Kind.RESULT: "一笔付款的结果页",
    Kind.OLD_STORE: "旧版门店码",
    Kind.OLD_STAFF: "旧版店员码",
    Kind.ONE_OFF: "一次性付款链接",
    Kind.ALIPAY_GRANT: "旧版支付宝授权链接",
    Kind.DEVICE: "设备配置码",
    Kind.MEMBER_CARD: "会员卡链接",
    Kind.ACTIVATION: "激活码或商户后台入口",
    Kind.PAYMENT_CODE: "顾客的付款码",
    Kind.OF_WALLET: "微信或支付宝自己的码",
    Kind.FOREIGN: "别家的链接",
    Kind.NUMBER: "编号",
    Kind.EMPTY: "",
}
LONGEST: Final = 600
_ID: Final = r"[0-9A-Za-z_-]{1,64}"
_PATHS: Final = (
    (Kind.RESULT, re.compile(rf"/q/(?P<provider>{_ID})/o/(?P<order>{_ID})(/state)?/?")),
    (
        Kind.PAY_CODE,
        re.compile(rf"/q/(?P<provider>{_ID})/(?P<code>[0-9A-Za-z]{{1,24}})(/pay|/pending)?/?"),
    ),
    (Kind.MEMBER_CARD, re.compile(rf"/card/(?P<provider>{_ID})/(?P<merchant>{_ID})(/.*)?")),
    (Kind.ACTIVATION, re.compile(r"/m/?|/m/activate.*")),
    (Kind.OLD_STORE, re.compile(r"/cpay/qrcode_shop")),
    (Kind.OLD_STAFF, re.compile(r"/cpay/qrcode_person")),
    (Kind.ONE_OFF, re.compile(r"/cpay/qrcode_disposable_payment")),
    (Kind.ALIPAY_GRANT, re.compile(r"/cpay/alipay_mch_authorize")),
    (Kind.DEVICE, re.compile(r"/cpay/use_device_setting")),
)
# name here -> name in the query of an old link
_QUERIES: Final = {
    Kind.OLD_STORE: {"store": "id"},
    Kind.OLD_STAFF: {"store": "out_shop_id", "staff": "id"},
    Kind.ONE_OFF: {"store": "out_shop_id", "amount": "total_fee", "trade": "trade_num"},
    Kind.ALIPAY_GRANT: {"store": "oshop"},
    Kind.DEVICE: {"store": "osi", "setting": "si", "sn": "sn"},
}
_WALLETS: Final = re.compile(
    r"(wxp|weixin|alipays?):.*|https?://(weixin\.qq\.com|wx\.tenpay\.com|payapp\.weixin\.qq\.com"
    r"|u\.wechat\.com|qr\.alipay\.com|m\.alipay\.com|mobilecodec\.alipay\.com)(/.*)?",
    re.I,
)
_PAYER_CODE: Final = re.compile(r"1[0-5]\d{16}|(2[5-9]|30)\d{14,22}|99\d{16}")


@dataclass(frozen=True, slots=True)
class Link:
    """What was pasted. `host` is where a link leads, "" where there is none; `parts` its ids."""

    kind: Kind
    typed: str
    host: str
    parts: dict[str, str]

    def part(self, name: str) -> str:
        return self.parts.get(name, "")


def parse(typed: str) -> Link:
    """White space, full-width characters and what chats put around a link are taken off."""
    text = unicodedata.normalize("NFKC", typed).strip()[:LONGEST]
    text = re.sub(r"[\s\u200b-\u200f\ufeff]", "", text).strip("<>\"'“”‘’()，。,;")
    if not text:
        return Link(Kind.EMPTY, "", "", {})
    if _WALLETS.fullmatch(text):
        return Link(Kind.OF_WALLET, text[:120], "", {})
    if _PAYER_CODE.fullmatch(text):
        return Link(Kind.PAYMENT_CODE, "", "", {})  # good for a payment: it is not shown again
    if "/" not in text:
        return Link(Kind.NUMBER, text[:64], "", {"number": text[:64]})
    return _link(text)


def _link(text: str) -> Link:
    if not re.match(r"[a-z][a-z0-9+.-]*://", text, re.I) and not text.startswith("/"):
        text = f"//{text}"  # pay.example.com/q/…, as people type it
    try:
        url = urlsplit(text)
        host = url.netloc.rpartition("@")[2].lower()
    except ValueError:  # https://[ and the like
        return Link(Kind.FOREIGN, text[:120], "", {})
    for kind, path in _PATHS:
        found = path.fullmatch(url.path)
        if found is not None:
            parts = {name: value for name, value in found.groupdict().items() if value}
            shown = text[:120] if kind is not Kind.ACTIVATION else ""
            return Link(kind, shown.removeprefix("//"), host, parts | _query(kind, url.query))
    return Link(Kind.FOREIGN, text[:120].removeprefix("//"), host, {})


def _query(kind: Kind, query: str) -> dict[str, str]:
    said = parse_qs(query, max_num_fields=20) if query.count("&") < 20 else {}
    return {
        name: said[wanted][0][:64] for name, wanted in _QUERIES.get(kind, {}).items()
        if wanted in said
    }  # fmt: skip
