"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.lists import listing, older, overview, sales
from services.cloudpay.lists.asked import ListAsked, OverviewAsked
from services.cloudpay.lists.told import OrderList, Overview
from services.cloudpay.methods import Method

METHODS: tuple[Method, ...] = (
    Method(
        name="query_order_list",
        asked=ListAsked,
        told=OrderList,
        run=listing.run,
        result="query_order_list",
        capital_status=True,
        summary=(
            "按时间、门店、钱包、店员、终端等条件查询订单、退款单、冻结单和解冻单，新的在前",
            "Payments, refunds, holds and releases by time, shop, wallet, person, till and more,"
            " the newest first",
        ),
        group="lists",
    ),
    Method(
        name="query_order_list_overview",
        asked=OverviewAsked,
        told=Overview,
        run=overview.run,
        result="query_order_list_overview",
        capital_status=True,
        summary=(
            "同样条件的汇总，每个钱包一行",
            "What the same question adds up to, one row per wallet",
        ),
        group="lists",
    ),
    Method(
        name="client_order_detail",
        asked=older.OlderAsked,
        told=older.OlderList,
        run=older.run,
        result="order_detail_query",
        summary=(
            "旧版列表：成功的订单和退款单，新的在前；新接入请用 query_order_list",
            "The older list: payments and refunds that succeeded, the newest first;"
            " query_order_list is the newer one",
        ),
        group="lists",
    ),
    Method(
        name="client_sub_mch_sales_overview",
        asked=sales.SalesAsked,
        told=sales.Sales,
        run=sales.run,
        result="client_sub_mch_sales_overview",
        summary=(
            "按日、周、月、年汇总各门店和店员的销售，新的在前",
            "What shops and people sold by day, week, month or year, the newest first",
        ),
        group="lists",
    ),
)
