"""Every page below `/m/` with the one right that it needs: the only place where pages are declared.

`tests/integration/people/test_routes.py` walks this table by every role and a foreign merchant, and
fails for a page that is not in it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple

from blueprints.merchant import (
    card_figures,
    entry,
    home,
    member_history,
    member_import,
    members,
    orders,
    payout_asking,
    payouts,
    refund,
    statistics,
)
from services.people.rights import Right


class Open(Enum):
    """Pages that ask for no right of a role."""

    ANYONE = "anyone"  # also who is not signed in
    SIGNED_IN = "signed_in"


class Route(NamedTuple):
    method: str
    rule: str  # below /m
    endpoint: str
    needs: Right | Open
    view: Callable[..., Any]


ROUTES: Final = (
    Route("GET", "/demo-login/<public_id>", "demo_login", Open.ANYONE, entry.demo_login),
    Route("GET", "/", "home", Open.SIGNED_IN, home.show),
    Route("GET", "/orders", "orders", Right.ORDERS, orders.show),
    Route("GET", "/orders.csv", "orders_export", Right.EXPORT, orders.export),
    Route("GET", "/orders/<out_trade_no>", "order", Right.ORDERS, orders.one),
    Route("GET", "/orders/<out_trade_no>/refund", "refund_form", Right.ORDERS, refund.form),
    Route("POST", "/orders/<out_trade_no>/refund", "refund", Right.ORDERS, refund.send),
    Route("GET", "/statistics", "statistics", Right.FIGURES, statistics.show),
    Route("GET", "/statistics.csv", "statistics_csv", Right.EXPORT, statistics.export),
    Route("GET", "/members", "members", Right.SEARCH, members.show),
    Route("GET", "/members/figures", "card_figures", Right.FIGURES, card_figures.figures),
    Route(
        "GET", "/members/figures.csv", "card_figures_csv", Right.FIGURES, card_figures.figures_csv
    ),
    Route("GET", "/members/export.csv", "members_export", Right.EXPORT, card_figures.export),
    Route("GET", "/members/import", "members_import", Right.IMPORT, member_import.form),
    Route("POST", "/members/import", "members_import_send", Right.IMPORT, member_import.send),
    Route("GET", "/members/payouts", "payouts", Right.PAYOUTS, payouts.show),
    Route("GET", "/members/payouts/<number>", "payout", Right.PAYOUTS, payouts.detail),
    Route(
        "POST", "/members/payouts/<number>/allow", "payout_allow", Right.PAYOUT_DECIDE,
        payouts.allow,
    ),
    Route(
        "POST", "/members/payouts/<number>/refuse", "payout_refuse", Right.PAYOUT_DECIDE,
        payouts.refuse,
    ),
    Route(
        "POST", "/members/payouts/<number>/paid", "payout_paid", Right.PAYOUT_DECIDE, payouts.paid
    ),
    Route("GET", "/members/<public_id>", "member", Right.MEMBERS, members.detail),
    Route(
        "GET", "/members/<public_id>/history.csv", "member_history", Right.EXPORT,
        member_history.export,
    ),
    Route(
        "GET", "/members/<public_id>/payout", "member_payout_form", Right.PAYOUT_DECIDE,
        payout_asking.form,
    ),
    Route(
        "POST", "/members/<public_id>/payout", "member_payout", Right.PAYOUT_DECIDE,
        payout_asking.ask,
    ),
    Route(
        "GET", "/members/<public_id>/adjust", "member_adjust_form", Right.ADJUST,
        members.adjust_form,
    ),
    Route("POST", "/members/<public_id>/adjust", "member_adjust", Right.ADJUST, members.adjust),
    Route("GET", "/stores", "stores", Right.SWITCH, card_figures.stores),
    Route("POST", "/stores/<out_shop_id>/cards", "store_cards", Right.SWITCH, card_figures.switch),
)  # fmt: skip
NEEDS: Final = {route.endpoint: route.needs for route in ROUTES}
