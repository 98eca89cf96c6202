"""The page that a customer is sent to after paying (支付完成页), with what was paid in its address.

Ours are `out_mch_id, out_shop_id, out_sub_mch_id, out_trade_no, pay_platform, pay_time, state,
total_fee` and `sign`, the upper-case hex HMAC-SHA256, keyed with the merchant's `authen_key`, over
the others in this order as `name=value` joined by `&`, before URL-encoding (as one-off links are
signed). No person is in it. Fen; Unix seconds; platforms as Cloud Pay numbers them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import CallbackAddress
from gateways.outgoing.address import is_inside, read_url
from models.after_payment import AfterPage
from models.merchant import Merchant
from models.order import PayOrder
from services import audit
from services.accounts import seal_place
from services.after_payment import switch
from services.after_payment.ads import Acting
from services.after_payment.problems import AdChanged, CompleteUrl
from services.deps import Deps
from services.scan import Scan

NAMES: Final = (
    "out_mch_id", "out_shop_id", "out_sub_mch_id", "out_trade_no", "pay_platform", "pay_time",
    "state", "total_fee",
)  # fmt: skip
PLATFORMS: Final = {"wechat": "1", "alipay": "2", "balance": "3"}
LONGEST: Final = 400  # so that the address with its parameters stays short enough for WebViews


def read_address(typed: str, *, allow_http: bool = False) -> str | None:
    """An https address, or None for none. Raises CompleteUrl with the reason."""
    url = typed.strip()
    if not url:
        return None
    if len(url) > LONGEST:
        raise CompleteUrl(f"网址最长 {LONGEST} 个字符")
    if url.lower().startswith("http://") and not allow_http:
        raise CompleteUrl("请用 https 网址，否则微信会拦截。")
    if "#" in url:
        raise CompleteUrl("网址里不要有 #：付款参数接在后面会传不过去。")
    try:
        target = read_url(url, allow_http=allow_http, allow_private=allow_http)
    except CallbackAddress as problem:
        raise CompleteUrl("网址写法不对：不要有空格、汉字和账号密码。") from problem
    if is_inside(target) and not allow_http:
        raise CompleteUrl("这是内网地址，顾客打不开。")
    asked = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    taken = sorted(asked & {*NAMES, "sign"})
    if taken:
        raise CompleteUrl(f"网址里已有 {taken[0]}，和付款参数重名，请去掉。")
    return url


def url_for(session: Session, provider_id: int, merchant_id: int) -> str | None:
    """The merchant's own, else the provider's."""
    rows = session.scalars(
        select(AfterPage).where(
            AfterPage.provider_id == provider_id,
            AfterPage.merchant_id.is_(None) | (AfterPage.merchant_id == merchant_id),
            AfterPage.complete_url.is_not(None),
        )
    ).all()
    nearest = sorted(rows, key=lambda row: row.merchant_id is None)
    return nearest[0].complete_url if nearest else None


def with_payment(session: Session, deps: Deps, url: str, order: PayOrder, scan: Scan) -> str:
    """The address that the phone goes to."""
    assert order.paid_at is not None
    values = {
        "out_mch_id": scan.out_mch_id, "out_shop_id": scan.out_shop_id,
        "out_sub_mch_id": scan.out_sub_mch_id, "out_trade_no": order.out_trade_no,
        "pay_platform": PLATFORMS.get(order.channel, "4"), "pay_time": _seconds(order.paid_at),
        "state": "paid", "total_fee": str(order.amount_fen),
    }  # fmt: skip
    return signed(url, values, _key(session, deps, order.provider_id, order.merchant_id))


def sample(url: str, out_mch_id: str, now: datetime) -> str:
    """A payment that never was, under a number that no order has: for looking at the page."""
    values = {
        "out_mch_id": out_mch_id, "out_shop_id": "TEST", "out_sub_mch_id": "TEST",
        "out_trade_no": "TEST_0000000000", "pay_platform": "1", "pay_time": _seconds(now),
        "state": "paid", "total_fee": "1",
    }  # fmt: skip
    return signed(url, values, b"TEST")


def signed(url: str, values: Mapping[str, str], key: bytes) -> str:
    plain = "&".join(f"{name}={values[name]}" for name in NAMES)
    sign = hmac.new(key, plain.encode(), hashlib.sha256).hexdigest().upper()
    query = urlencode([*((name, values[name]) for name in NAMES), ("sign", sign)])
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{joint}{query}"


def _seconds(at: datetime) -> str:
    return str(int(at.timestamp()))


def _key(session: Session, deps: Deps, provider_id: int, merchant_id: int) -> bytes:
    merchant = session.get_one(Merchant, (provider_id, merchant_id))
    place = seal_place("merchant", "authen_key_sealed", merchant.seal_key)
    return deps.ring.open(merchant.authen_key_sealed, place).encode()


def save(
    session: Session, who: Acting, merchant_id: int | None, url: str | None, *, seen_version: int
) -> AfterPage:
    """Raises AdChanged if another was faster. The audit names the host alone: a path may hold a
    token."""
    row = switch.locked(session, who, merchant_id)
    if row.version != seen_version:
        raise AdChanged
    before = row.complete_url
    row.complete_url, row.version = url, row.version + 1
    row.changed_by, row.changed_at = who.actor, who.at
    session.flush()
    audit.record(
        session, provider_id=who.provider_id, actor=who.actor, action="complete_page_set",
        subject="after_payment" if merchant_id is None else f"merchant:{merchant_id}",
        at=who.at, host=_host(url), before=_host(before),
    )  # fmt: skip
    return row


def _host(url: str | None) -> str:
    return urlsplit(url).hostname or "" if url else ""
