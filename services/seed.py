"""Demo data: several merchants, their stores and codes, and a fortnight of orders.

What the demo provider holds (keys, tokens) is asked from the simulator, as an integrator would get
it from the wallets' consoles. The orders of the fortnight are history: they were never sent to a
wallet, and their transaction ids begin with DEMO.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from models.merchant import (
    GrantState,
    Merchant,
    PageMode,
    PermissionStep,
    Staff,
    StaffRole,
)
from models.order import OrderStatus, PayOrder
from models.paycode import PayCode, PayCodeKind
from models.provider import Provider
from services import totals
from services.deps import Deps
from services.numbers import new_public_id
from services.onboarding.callbacks import make_authen_key
from services.onboarding.rows import add_account, make_code, make_merchant, make_store

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAIN, OTHER = "sz01lXKA6DKGjNzr2l4B", "sz02pQWE8MNBvCxz5k7T"


@dataclass(frozen=True)
class DemoStore:
    out_shop_id: str
    name: str
    branch: str
    codes: tuple[tuple[str, str, int | None], ...]  # code, name, unit price of a fixed code
    mode: PageMode = PageMode.DEFAULT
    goods_tag: str | None = None
    max_fen: int | None = 500_000
    is_active: bool = True
    hours: tuple[time, time] | None = None


@dataclass(frozen=True)
class DemoMerchant:
    out_sub_mch_id: str
    name: str
    order_prefix: str
    wechat_sub_mchid: str | None
    alipay_pid: str | None
    stores: tuple[DemoStore, ...]
    takes_deposits: bool = False  # else each missing permission is shown by its name


MERCHANTS = (
    DemoMerchant(
        "sub01QINGHE8H2K4M6P9",
        "青禾茶事",
        "sz0100qhcs",
        "1900000109",
        "2088000000000109",
        (
            DemoStore(
                "qinghe-hubin",
                "青禾茶事",
                "湖滨店",
                (("8K3FQ2", "12 号桌", None), ("8K3FQ3", "前台", None), ("8K3FQ4", "外带", None)),
            ),
            DemoStore(
                "qinghe-dongpo",
                "青禾茶事",
                "东坡路店",
                (("4M8RT6", "外带窗口", None),),
                goods_tag="WXG",
            ),
            DemoStore(
                "qinghe-night",
                "青禾茶事",
                "夜市店",
                (("4M8RT7", "摊位", None),),
                hours=(time(0, 0), time(0, 1)),
            ),
        ),
        takes_deposits=True,
    ),
    DemoMerchant(
        "sub02NANCHUANG5T7W2Y",
        "南窗面馆",
        "01000052",
        "1900000117",
        "2088000000000117",
        (
            DemoStore("nanchuang", "南窗面馆", "", (("2W7ND5", "前台", None),)),
            DemoStore(
                "nanchuang-hotpot",
                "南窗火锅",
                "体育路店",
                (("2W7ND6", "包间 3", None),),
                mode=PageMode.TOTAL_PLUS_UNDISCOUNTABLE,
            ),
        ),
    ),
    DemoMerchant(
        "sub03SHANQUE3B9C1D4F",
        "山雀咖啡",
        "sz0100sqkf",
        "1900000125",
        "2088000000000125",
        (
            DemoStore(
                "shanque-qiaodong",
                "山雀咖啡",
                "桥东店",
                (("6P0HJ8", "燕麦拿铁", 2_800), ("6P0HJ9", "吧台", None)),
            ),
            DemoStore(
                "shanque-bike",
                "山雀单车",
                "湖边点",
                (("6P0HK2", "租车", None),),
                mode=PageMode.CONSUME_PLUS_DEPOSIT,
            ),
            DemoStore(
                "shanque-closed", "山雀咖啡", "旧店", (("6P0HK3", "前台", None),), is_active=False
            ),
        ),
    ),
    DemoMerchant(
        "sub04WEIXINONLY7G8H2",
        "晨光早点",
        "01000067",
        "1900000133",
        None,
        (DemoStore("chenguang", "晨光早点", "", (("3C6VB1", "窗口", None),)),),
    ),
)
OTHERS = (
    DemoMerchant(
        "sub51BIEJIA1A2B3C4D5",
        "别家小店",
        "02000011",
        "1900000508",
        "2088000000000508",
        (DemoStore("biejia", "别家小店", "", (("5T1MZ9", "前台", None),)),),
    ),
)


def seed(deps: Deps, credentials: dict[str, Any], others: dict[str, Any] | None) -> bool:
    """Write the demo data once; False when there is a provider already."""

    def unit(session: Session) -> bool:
        if session.scalar(select(Provider.id).limit(1)) is not None:
            _missing_keys(session, deps)
            return False
        now = deps.now()
        main = _provider(session, deps, MAIN, "青禾服务商", credentials, MERCHANTS, now)
        _provider(session, deps, OTHER, "别家服务商", others, OTHERS, now)
        session.add(
            PayCode(
                provider_id=main, code="9Z9BLK", kind=PayCodeKind.BLANK, name="空码", created_at=now
            )
        )
        _fortnight(session, main, now)
        return True

    return deps.transact(unit)


def _missing_keys(session: Session, deps: Deps) -> None:
    """Demo providers of a version that knew no key of theirs."""
    wanted = select(Provider).where(Provider.authen_key_sealed.is_(None)).with_for_update()
    for provider in session.scalars(wanted):
        make_authen_key(deps, provider)
    session.flush()


def _provider(
    session: Session,
    deps: Deps,
    out_mch_id: str,
    name: str,
    held: dict[str, Any] | None,
    merchants: tuple[DemoMerchant, ...],
    now: datetime,
) -> int:
    provider = Provider(out_mch_id=out_mch_id, name=name, created_at=now)
    make_authen_key(deps, provider)
    session.add(provider)
    session.flush()
    if held is not None:
        _accounts(session, deps, provider.id, held, now)
    for merchant in merchants:
        _merchant(session, deps, provider.id, merchant, held, now)
    return provider.id


def _accounts(
    session: Session, deps: Deps, provider_id: int, held: dict[str, Any], now: datetime
) -> None:
    wechat, alipay = held["wechat"], held["alipay"]
    add_account(
        session,
        deps,
        provider_id,
        channel="wechat",
        kind="pay",
        facts={
            "sp_mchid": wechat["sp_mchid"],
            "sp_appid": wechat["sp_appid"],
            "merchant_serial": wechat["merchant_serial"],
            "merchant_certificate": wechat["merchant_certificate"],
            "public_key_id": wechat["public_key_id"],
            "public_key": wechat["public_key"],
            "platform_certificates": [wechat["platform_certificate"]],
        },
        secret={
            "merchant_private_key": wechat["merchant_private_key"],
            "apiv3_key": wechat["apiv3_key"],
            "apiv2_key": wechat["apiv2_key"],
        },
        now=now,
    )
    add_account(
        session,
        deps,
        provider_id,
        channel="wechat",
        kind="oa",
        facts={"app_id": wechat["sp_appid"]},
        secret={"secret": wechat["oa_secret"]},
        now=now,
    )
    add_account(
        session,
        deps,
        provider_id,
        channel="alipay",
        kind="pay",
        facts={"app_id": alipay["app_id"], "pid": alipay.get("pid")},
        secret={
            "app_private_key": alipay["app_private_key"],
            "alipay_public_key": alipay["alipay_public_key"],
        },
        now=now,
    )


def _merchant(
    session: Session,
    deps: Deps,
    provider_id: int,
    demo: DemoMerchant,
    held: dict[str, Any] | None,
    now: datetime,
) -> None:
    merchant, _ = make_merchant(
        session,
        deps,
        provider_id,
        now=now,
        out_sub_mch_id=demo.out_sub_mch_id,
        name=demo.name,
        short_name=demo.name,
        order_prefix=demo.order_prefix,
        wechat_sub_mchid=demo.wechat_sub_mchid,
        wechat_checked_at=now,
        alipay_pid=demo.alipay_pid,
        alipay_state=GrantState.VALID if demo.alipay_pid and held else GrantState.NONE,
    )
    if demo.takes_deposits:
        merchant.deposit_step = merchant.refund_api_step = PermissionStep.OPEN
        merchant.alipay_preauth_signed = True
    if held is not None and demo.alipay_pid:
        token = _token_of(held["alipay"], demo.alipay_pid)
        add_account(
            session,
            deps,
            provider_id,
            channel="alipay",
            kind="grant",
            merchant_id=merchant.id,
            facts={"pid": demo.alipay_pid},
            secret={"app_auth_token": token},
            now=now,
        )
    session.add(
        Staff(
            provider_id=provider_id,
            merchant_id=merchant.id,
            public_id=new_public_id(),
            name=f"{demo.name}店主",
            role=StaffRole.OWNER,
            created_at=now,
        )
    )
    for store in demo.stores:
        _store(session, merchant, store, now)


def _token_of(alipay: dict[str, Any], pid: str) -> str:
    """Each merchant's own grant: another's token would send the money to another account."""
    grants = {row["seller_id"]: row["app_auth_token"] for row in alipay["merchants"]}
    return str(grants[pid])


def _store(session: Session, merchant: Merchant, demo: DemoStore, now: datetime) -> None:
    store = make_store(
        session,
        merchant,
        now=now,
        out_shop_id=demo.out_shop_id,
        name=demo.name,
        branch_name=demo.branch,
        is_active=demo.is_active,
        page_mode=demo.mode,
        goods_tag=demo.goods_tag,
        max_fen=demo.max_fen,
        opens_at=demo.hours[0] if demo.hours else None,
        closes_at=demo.hours[1] if demo.hours else None,
    )
    for index, (code, name, price) in enumerate(demo.codes):
        make_code(
            session,
            store,
            code=code,
            name=name,
            now=now,
            unit_price_fen=price,
            old_person_id=str(index + 1),
            is_first=index == 0,
        )


def _fortnight(session: Session, provider_id: int, now: datetime) -> None:
    """Two weeks of a tea house: busy at noon and after work, more on weekends."""
    dice = random.Random(20261121)
    places = session.execute(
        text(
            "SELECT c.id AS code_id, c.store_id, c.merchant_id, m.order_prefix, m.alipay_state"
            " FROM pay_code c JOIN merchant m ON m.provider_id = c.provider_id"
            " AND m.id = c.merchant_id JOIN store s ON s.provider_id = c.provider_id"
            " AND s.id = c.store_id WHERE c.provider_id = :p AND s.is_active"
        ),
        {"p": provider_id},
    ).all()
    orders: list[dict[str, Any]] = []
    for back in range(14, -1, -1):
        day = (now.astimezone(SHANGHAI) - timedelta(days=back)).date()
        busy = 34 if day.weekday() >= 5 else 22
        for _ in range(busy):
            hour = dice.choices(range(8, 22), weights=[3, 3, 4, 8, 9, 5, 4, 4, 5, 8, 9, 6, 4, 2])[0]
            at = datetime.combine(day, time(hour, dice.randrange(60), dice.randrange(60)), SHANGHAI)
            if at < now - timedelta(minutes=5):
                orders.append(_history(dice, provider_id, dice.choice(places), at))
    orders.sort(key=lambda row: row["created_at"])
    if orders:
        session.execute(insert(PayOrder), orders)
        for order in session.scalars(
            select(PayOrder)
            .where(PayOrder.provider_id == provider_id, PayOrder.status == OrderStatus.PAID)
            .order_by(PayOrder.id)
        ):
            totals.add_payment(session, order, order.created_at)


def _history(dice: random.Random, provider_id: int, place: Any, at: datetime) -> dict[str, Any]:
    channel = "wechat"
    if place.alipay_state == "valid" and dice.random() < 0.4:
        channel = "alipay"
    amount = dice.choice([900, 1200, 1850, 2100, 2600, 2800, 3850, 5600, 5700, 7400, 11200])
    paid = dice.random() < 0.94
    serial = dice.randrange(10**6)
    number = f"{place.order_prefix}{at:%y%m%d%H%M%S}{serial:06d}"
    return {
        "provider_id": provider_id,
        "out_trade_no": number,
        "public_id": "D"
        + "".join(dice.choice("23456789ABCDEFGHJKMNPQRSTUVWXYZ") for _ in range(19)),
        "intent_key": f"demo:{number}",
        "merchant_id": place.merchant_id,
        "store_id": place.store_id,
        "pay_code_id": place.code_id,
        "channel": channel,
        "status": OrderStatus.PAID if paid else OrderStatus.CLOSED,
        "close_reason": None if paid else "expired",
        "amount_fen": amount,
        "refunded_fen": 0,
        "created_at": at,
        "expires_at": at + timedelta(minutes=5),
        "paid_at": at + timedelta(seconds=dice.randrange(4, 40)) if paid else None,
        "transaction_id": f"DEMO{at:%Y%m%d}{serial:06d}" if paid else None,
        "followed_up_at": at + timedelta(seconds=41) if paid else None,
    }
