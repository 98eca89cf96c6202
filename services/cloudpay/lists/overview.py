"""query_order_list_overview: what a list adds up to, one row per wallet."""

from __future__ import annotations

from dataclasses import replace

from services.callbacks.envelope import PLATFORMS
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.lists import figures
from services.cloudpay.lists.asked import OverviewAsked, check_numbers, wanted
from services.cloudpay.lists.figures import By, Figures, Group
from services.cloudpay.lists.patience import within
from services.cloudpay.lists.told import Overview, OverviewRow
from services.cloudpay.lists.wanted import Wanted


def read(call: Call, what: Wanted, by: By) -> list[tuple[Group, Figures]]:
    """In the order of the wallets' numbers, then of the ways of paying."""
    is_quick = what.is_added_up and not by.trade
    found = within(call, lambda s: figures.read(s, what, by), is_quick=is_quick)
    return sorted(found.items(), key=lambda one: (platform_of(one[0]), one[0].trade or 0))


def platform_of(group: Group) -> int:
    """SubPayPlatform; 0 where wallets are not told apart."""
    return PLATFORMS[group.channel][1] if group.channel else 0


def run(call: Call, asked: OverviewAsked) -> Answer:
    what = wanted(call, asked, asked.order_type)
    check_numbers(call, asked.out_trade_no, asked.out_refund_no)
    what = replace(
        what,
        out_trade_no=asked.out_trade_no or None,
        out_refund_no=asked.out_refund_no or None,
    )
    found = read(call, what, By(channel=True))
    return Answer(
        Overview(
            nonce_str=fresh_nonce(),
            total_count=sum(one.listed for _, one in found),
            overviews=tuple(_row(call, asked, group, one) for group, one in found),
        )
    )


def _row(call: Call, asked: OverviewAsked, group: Group, one: Figures) -> OverviewRow:
    return OverviewRow(
        out_sub_mch_id=call.caller.out_sub_mch_id,
        out_shop_id=asked.out_shop_id or None,
        staff_id=asked.staff_id or None,
        device_id=asked.device_id or None,
        qrcode_id=asked.qrcode_id or None,
        source_type=asked.source_type or None,
        sub_pay_platform=platform_of(group),
        trade_type=asked.trade_type or None,
        success_count=one.paid_count,
        success_amount=one.paid_fen,
        settle_amount=one.net_fen,
        pay_settle_amount=one.paid_fen,
        refund_settle_amount=one.back_fen,
        refund_create_count=one.refund_count,
        refund_create_amount=one.refund_fen,
        income_amount=one.net_fen,
        order_refunded_amount=one.returned_fen,
        freeze_count=one.freeze_count,
        freeze_amount=one.freeze_fen,
        direct_unfreeze_count=one.unfreeze_count,
        direct_unfreeze_amount=one.unfreeze_fen,
        consumed_unfreeze_amount=one.rest_fen,
        auto_unfreeze_amount=one.lapsed_fen,
    )
