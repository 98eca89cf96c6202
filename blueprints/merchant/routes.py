"""Every page below `/m/` with the one right that it needs: the only place where pages are declared.

`tests/integration/people/test_routes.py` walks this table by every role and a foreign merchant, and
fails for a page that is not in it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple

from blueprints.merchant import (
    activation,
    blank,
    card_figures,
    codes,
    deposit_release,
    deposits,
    device_binding,
    devices,
    entry,
    home,
    member_history,
    member_import,
    member_person,
    members,
    notices,
    official,
    orders,
    own_phone,
    own_receipt,
    payout_asking,
    payouts,
    people,
    poster,
    refund,
    shifts,
    staff,
    statistics,
    store,
    stores,
    tills,
)
from services.people.rights import Right


class Open(Enum):
    """Pages that ask for no right of a role."""

    ANYONE = "anyone"  # also who is not signed in
    PERSON = "person"  # the account has told who it is; in whatever role, or in none yet
    SIGNED_IN = "signed_in"


class Route(NamedTuple):
    method: str
    rule: str  # below /m
    endpoint: str
    needs: Right | Open
    view: Callable[..., Any]


ROUTES: Final = (
    Route("GET", "/demo-login/<public_id>", "demo_login", Open.ANYONE, entry.demo_login),
    Route("GET", "/back/<out_mch_id>", "back", Open.ANYONE, entry.back),
    Route("GET", "/choose", "choose", Open.PERSON, entry.choose),
    Route("POST", "/choose", "choose_take", Open.PERSON, entry.take),
    Route("POST", "/leave", "leave", Open.PERSON, entry.sign_out),
    Route("GET", "/activate", "activate", Open.PERSON, activation.form),
    Route("POST", "/activate", "activate_send", Open.PERSON, activation.send),
    Route("GET", "/me", "me", Open.SIGNED_IN, people.show),
    Route("POST", "/me/password", "me_password", Open.SIGNED_IN, people.password),
    Route("GET", "/receipt", "receipt", Right.RECEIPT, own_receipt.show),
    Route("POST", "/receipt", "receipt_save", Right.RECEIPT, own_receipt.save),
    Route("GET", "/notices", "notices", Open.SIGNED_IN, notices.show),
    Route("POST", "/notices", "notices_save", Open.SIGNED_IN, notices.save),
    Route("GET", "/me/phone", "me_phone", Open.SIGNED_IN, own_phone.show),
    Route("POST", "/me/phone", "me_phone_agree", Open.SIGNED_IN, own_phone.agree),
    Route("POST", "/me/phone/withdraw", "me_phone_withdraw", Open.SIGNED_IN, own_phone.withdraw),
    Route("GET", "/staff", "staff", Right.STAFF, staff.show),
    Route("GET", "/staff/new", "staff_new", Right.STAFF, staff.new),
    Route("POST", "/staff/new", "staff_add", Right.STAFF, staff.add),
    Route("GET", "/staff/<public_id>", "staff_one", Right.STAFF, staff.detail),
    Route("GET", "/staff/<public_id>/edit", "staff_edit", Right.STAFF, staff.edit),
    Route("POST", "/staff/<public_id>/edit", "staff_save", Right.STAFF, staff.save),
    Route("POST", "/staff/<public_id>/code", "staff_code", Right.STAFF, staff.invite),
    Route("POST", "/staff/<public_id>/revoke", "staff_revoke", Right.STAFF, staff.uninvite),
    Route("POST", "/staff/<public_id>/password", "staff_password", Right.STAFF, staff.password),
    Route("POST", "/staff/<public_id>/remove", "staff_remove", Right.STAFF, staff.remove),
    Route("POST", "/staff/<public_id>/phone", "staff_phone", Right.PERSONAL, staff.look),
    Route("GET", "/shift", "shift", Right.SHIFTS, shifts.show),
    Route("POST", "/shift/begin", "shift_begin", Right.DUTY, shifts.begin),
    Route("POST", "/shift/end", "shift_end", Right.DUTY, shifts.end),
    Route("GET", "/shift/<number>", "shift_one", Right.SHIFTS, shifts.slip),
    Route("GET", "/", "home", Open.SIGNED_IN, home.show),
    Route("GET", "/orders", "orders", Right.ORDERS, orders.show),
    Route("GET", "/orders.csv", "orders_export", Right.EXPORT, orders.export),
    Route("GET", "/orders/<out_trade_no>", "order", Right.ORDERS, orders.one),
    Route("GET", "/orders/<out_trade_no>/refund", "refund_form", Right.ORDERS, refund.form),
    Route("POST", "/orders/<out_trade_no>/refund", "refund", Right.ORDERS, refund.send),
    Route("GET", "/deposits", "deposits", Right.ORDERS, deposits.show),
    Route("GET", "/deposits/<out_freeze_no>", "deposit", Right.ORDERS, deposits.one),
    Route("GET", "/deposits/<out_freeze_no>/release", "deposit_release_form", Right.DEPOSIT_BACK,
          deposit_release.form),
    Route("POST", "/deposits/<out_freeze_no>/release", "deposit_release", Right.DEPOSIT_BACK,
          deposit_release.send),
    Route("GET", "/statistics", "statistics", Right.FIGURES, statistics.show),
    Route("GET", "/statistics.csv", "statistics_csv", Right.EXPORT, statistics.export),
    Route("GET", "/official", "official", Right.OFFICIAL, official.show),
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
    Route("POST", "/members/<public_id>/person", "member_person", Right.PERSONAL,
          member_person.look),
    Route("GET", "/members/<public_id>/erase", "member_erase_form", Right.PERSONAL,
          member_person.erase_form),
    Route("POST", "/members/<public_id>/erase", "member_erase", Right.PERSONAL,
          member_person.erase),
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
    Route("GET", "/stores", "stores", Right.STORES, stores.show),
    Route("GET", "/stores/new", "store_form", Right.STORE_ADD, stores.new_form),
    Route("POST", "/stores/new", "store_add", Right.STORE_ADD, stores.new),
    Route("GET", "/stores/<out_shop_id>", "store", Right.STORES, store.show),
    Route("GET", "/stores/<out_shop_id>/edit", "store_edit_form", Right.STORE_EDIT,
          stores.edit_form),
    Route("POST", "/stores/<out_shop_id>/edit", "store_edit", Right.STORE_EDIT, stores.edit),
    Route("POST", "/stores/<out_shop_id>/cards", "store_cards", Right.SWITCH, store.cards),
    Route("POST", "/stores/<out_shop_id>/switch", "store_switch", Right.STORE_EDIT, store.switch),
    Route("POST", "/stores/<out_shop_id>/pause", "store_pause", Right.STORE_EDIT, store.pause),
    Route("POST", "/stores/<out_shop_id>/resume", "store_resume", Right.STORE_EDIT, store.resume),
    Route("GET", "/stores/<out_shop_id>/delete", "store_delete_form", Right.STORE_ADD,
          store.delete_form),
    Route("POST", "/stores/<out_shop_id>/delete", "store_delete", Right.STORE_ADD, store.delete),
    Route("GET", "/stores/<out_shop_id>/codes", "store_codes", Right.STORES, codes.of_store),
    Route("GET", "/stores/<out_shop_id>/codes/new", "code_form", Right.CODES, codes.new_form),
    Route("POST", "/stores/<out_shop_id>/codes/new", "code_add", Right.CODES, codes.new),
    Route("GET", "/codes/<code>", "code", Right.STORES, codes.show),
    Route("POST", "/codes/<code>/name", "code_name", Right.CODES, codes.rename),
    Route("POST", "/codes/<code>/switch", "code_switch", Right.CODES, codes.switch),
    Route("POST", "/codes/<code>/unbind", "code_unbind", Right.CODES, codes.unbind),
    Route("GET", "/codes/<code>/poster", "poster", Right.STORES, poster.show),
    Route("GET", "/codes/<code>/poster.pdf", "poster_pdf", Right.STORES, poster.as_pdf),
    Route("GET", "/codes/<code>/poster.png", "poster_png", Right.STORES, poster.as_png),
    Route("GET", "/stores/<out_shop_id>/devices", "store_devices", Right.STORES,
          devices.of_store),
    Route("GET", "/stores/<out_shop_id>/devices/new", "device_form", Right.DEVICES,
          devices.new_form),
    Route("POST", "/stores/<out_shop_id>/devices/new", "device_add", Right.DEVICES, devices.new),
    Route("GET", "/devices/<out_device_id>", "device", Right.STORES, devices.show),
    Route("POST", "/devices/<out_device_id>/name", "device_name", Right.DEVICES, devices.rename),
    Route("POST", "/devices/<out_device_id>/setting", "device_setting", Right.DEVICES,
          devices.set_up),
    Route("POST", "/devices/<out_device_id>/unbind", "device_unbind", Right.DEVICES,
          devices.unbind),
    Route("POST", "/devices/<out_device_id>/remove", "device_remove", Right.DEVICES,
          devices.remove),
    Route("GET", "/bind-device", "device_bind_form", Right.DEVICES, device_binding.form),
    Route("POST", "/bind-device", "device_bind", Right.DEVICES, device_binding.bind),
    Route("GET", "/tills/<activator>", "till", Right.TILLS, tills.show),
    Route("POST", "/tills/<activator>", "till_decide", Right.TILLS, tills.decide),
    Route("GET", "/bind/<code>", "bind_form", Right.BIND, blank.form),
    Route("POST", "/bind/<code>", "bind", Right.BIND, blank.bind),
    Route("GET", "/bind/<code>/done", "bind_done", Right.BIND, blank.done),
)  # fmt: skip
NEEDS: Final = {route.endpoint: route.needs for route in ROUTES}
