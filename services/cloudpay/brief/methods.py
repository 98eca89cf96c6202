"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.brief import lists
from services.cloudpay.brief.pay import BRIEF_MICRO_PAY
from services.cloudpay.brief.query import BRIEF_QUERY_ORDER
from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Method

METHODS: tuple[Method, ...] = (
    BRIEF_MICRO_PAY,
    BRIEF_QUERY_ORDER,
    Method(
        name="brief_query_order_list",
        asked=lists.BriefListAsked,
        told=lists.BriefList,
        run=lists.run_list,
        result="brief_query_order_list",
        inline=True,
        envelope=Envelope.BRIEF,
        summary=(
            "机具按时间查询成功的订单和退款单，新的在前",
            "A device's payments and refunds that succeeded, by time, the newest first",
        ),
        group="devices",
    ),
    Method(
        name="brief_query_order_list_overview",
        asked=lists.BriefFilterAsked,
        told=lists.BriefOverview,
        run=lists.run_overview,
        result="brief_query_order_list_overview",
        also=("brief_query_order_list",),
        inline=True,
        envelope=Envelope.BRIEF,
        summary=(
            "同样条件的汇总，每个钱包和交易类型一行",
            "What the same question adds up to, one row per wallet and way of paying",
        ),
        group="devices",
    ),
)
