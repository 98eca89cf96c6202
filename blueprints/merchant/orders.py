"""`/m/orders`: the order list, and one order's story."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers, deposits, detail, listing, refund
from gateways.money import yuan_from_fen
from services import audit
from services.people.acting import Acting
from services.shop_figures import day_list, scope
from services.totals import china_day
from services.ways import NAMES, Way
from web.files import as_csv
from web.formats import local_time
from web.runtime import deps


def show() -> ResponseReturnValue:
    asked = listing.Asked.from_query(request.args)
    is_first = not asked.number and asked.before is None and asked.kind is None

    def unit(session: Session) -> dict[str, Any]:
        held = deposits.standing(session, g.staff, asked.store_id) if is_first else None
        return {**listing.shown(session, g.staff, asked), "deposits": held}

    shown = deps().transact(unit)
    return answers.page("merchant/orders.html", store_id=asked.store_id, **shown)


def one(out_trade_no: str) -> ResponseReturnValue:
    who: Acting = g.staff
    found = deps().transact(lambda s: detail.read(s, deps(), listing.seen_by(s, who), out_trade_no))
    said = {} if "refund" not in request.args else refund.said(found, request.args["refund"])
    return answers.page(
        "merchant/order_detail.html",
        **{**detail.shown(found, may_refund=refund.may_refund(who)), **said},
    )


def export() -> ResponseReturnValue:
    """One day's payments and refunds as a file; who took it and when stands in it and is kept."""
    who: Acting = g.staff
    day = listing.Asked.from_query(request.args).day or china_day(deps().now())
    store_id = listing.Asked.from_query(request.args).store_id

    def unit(session: Session) -> list[day_list.DayMove]:
        here = scope.narrowed(session, listing.seen_by(session, who), store_id)
        audit.record(
            session,
            provider_id=who.provider_id,
            actor=who.actor,
            action="orders_exported",
            subject=f"merchant:{who.merchant_id}",
            at=deps().now(),
            day=day.isoformat(),
        )
        return list(day_list.movements(session, here, day))

    rows = deps().transact(unit)
    taken_by = (who.name, local_time(deps().now()))
    return as_csv(f"orders-{day}.csv", HEAD, [(*_line(row), *taken_by) for row in rows])


HEAD = (
    "时间", "类型", "用途", "付款方式", "方式", "金额", "订单号", "钱包单号或退款单号", "门店",
    "收款码", "收款人", "备注", "导出人", "导出时间",
)  # fmt: skip


def _line(row: day_list.DayMove) -> tuple[object, ...]:
    return (
        local_time(row.at),
        "退款" if row.kind == "refund" else "收款",
        "充值" if row.purpose == "recharge" else "消费",
        detail.WALLETS.get(row.channel, row.channel),
        NAMES[Way(row.way)],
        yuan_from_fen(row.fen),
        row.out_trade_no,
        row.number,
        row.store,
        row.place,
        row.staff,
        row.remark,
    )
