"""`/m/`: today at a glance. How much, did that payment arrive, is money stuck."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers, charts, deposits, listing
from models.event import CaseKind
from models.merchant import Store
from services import totals
from services.order_list import Scope, list_orders
from services.people.acting import Acting
from services.people.rights import Right, may
from services.shop_figures import hours, parts, scope, stuck
from web.formats import local_clock
from web.runtime import deps

WEEK: Final = timedelta(days=7)
LAST_ORDERS: Final = 4
WEEKDAYS: Final = "一二三四五六日"
# What a merchant reads of what is stuck; the operator's words are in `orders explain`.
STUCK: Final = {
    "frozen": "与钱包的不一致，等人核对",
    CaseKind.REFUND_WAITING.value: "退款等待中：余额不足",
    CaseKind.REFUND_ABNORMAL.value: "退款退不回顾客账户，需线下退还",
    CaseKind.REFUND_SLOW.value: "退款三天还没到账",
    CaseKind.PAID_TWICE.value: "重复付款，正在自动退回",
    CaseKind.NO_ANSWER.value: "钱包还没说付没付成，正在查",
}
WAITS: Final = "等服务商核对"


def show() -> ResponseReturnValue:
    who: Acting = g.staff
    asked = listing.Asked.from_query(request.args)
    found = deps().transact(lambda s: _read(s, who, asked.store_id))
    return answers.page("merchant/home.html", title="今日收款", **found)


def _read(session: Session, who: Acting, store_id: int | None) -> dict[str, Any]:
    now = deps().now()
    today = totals.china_day(now)
    seen = listing.seen_by(session, who)
    here = scope.narrowed(session, seen, store_id)
    stores = scope.stores(session, seen)
    found = parts.read(session, here, today, today)
    day = parts.total(part for part in found if part.is_taken)
    by_hour = hours.by_hour(session, here, today, now + timedelta(minutes=1))
    then = sum(hours.by_hour(session, here, today - WEEK, now - WEEK))
    rows = list_orders(session, here, most=LAST_ORDERS)
    return {
        "heading": _heading(who, stores, here),
        "choices": _choices(stores, here) if seen.store_id is None and len(stores) > 1 else [],
        "store_id": here.store_id if seen.store_id is None else None,
        "at": local_clock(now),
        "day": day,
        "against": _against(day.paid_fen - then, f"上周{WEEKDAYS[today.weekday()]}"),
        "wallets": charts.split(charts.wallets(found)),
        "card": parts.total(part for part in found if not part.is_taken),
        "recharge_fen": parts.total(p for p in found if p.channel != p.wallet).paid_fen,
        "bars": charts.hours(by_hour, now.astimezone(totals.SHANGHAI).hour),
        "elsewhere_fen": day.paid_fen - sum(by_hour),
        "rows": [listing.row(one) for one in rows],
        "stuck": [_stuck(one) for one in stuck.stuck(session, here)],
        "deposits": deposits.standing(session, who, store_id),
        "actions": _actions(who, stores),
        "only_own": here.staff_id is not None,
    }


def _heading(who: Acting, stores: list[Store], here: Scope) -> str:
    """Whose takings these are: the merchant's, one store's, one's own."""
    if here.staff_id is not None:
        return "我的收款"
    if here.store_id is None:
        return " · ".join(part for part in (who.merchant_name, "全部门店") if part)
    named = [store for store in stores if store.id == here.store_id]
    return (
        " · ".join(x for x in (named[0].name, named[0].branch_name) if x) if named else "没有门店"
    )


def _choices(stores: list[Store], here: Scope) -> list[dict[str, Any]]:
    every = {"href": "/m/", "label": "全部门店", "current": here.store_id is None}
    return [every] + [
        {
            "href": f"/m/?store={store.id}",
            "label": store.branch_name or store.name,
            "current": store.id == here.store_id,
        }
        for store in stores
    ]


def _against(more_fen: int, when: str) -> dict[str, Any]:
    return {
        "when": when,
        "fen": abs(more_fen),
        "word": "多" if more_fen > 0 else "少" if more_fen else "一样多",
    }


def _stuck(one: stuck.Stuck) -> dict[str, Any]:
    return {
        "href": f"/m/orders/{one.out_trade_no}",
        "fen": one.amount_fen,
        "words": STUCK.get(one.kind, WAITS),
    }


def _actions(who: Acting, stores: list[Store]) -> list[dict[str, Any]]:
    """The four of the design, less what this person may not open."""
    from blueprints.merchant.routes import NEEDS

    codes = f"/m/stores/{stores[0].out_shop_id}/codes" if len(stores) == 1 else "/m/stores"
    wanted = (
        ("stores", "收款码", "qr", codes),
        ("orders", "退款", "refund", "/m/orders?kind=paid"),
        ("statistics", "日报", "chart", "/m/statistics"),
        ("members", "会员卡", "card", "/m/members"),
    )
    return [
        {"href": href, "label": label, "icon": icon}
        for endpoint, label, icon, href in wanted
        if _is_open(who, NEEDS[endpoint])
    ]


def _is_open(who: Acting, needs: Any) -> bool:
    return not isinstance(needs, Right) or may(who, needs)
