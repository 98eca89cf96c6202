"""What each role may do in the merchant's backend (product 2.2). One table says it all.

`blueprints/merchant/routes.py` names the right of each page; these say which roles have it. What is
given to single people beside their role (refunds, managing admins) stands with the person.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from services.people.acting import Acting, Role


class Right(StrEnum):
    ORDERS = "orders"  # of the own store; of all with ALL_STORES
    DEPOSIT_BACK = "deposit_back"  # giving held deposits back; beside it `can_refund`
    SEARCH = "search"  # one member by phone, name or number, masked
    MEMBERS = "members"  # the list, balances, one member's history
    FIGURES = "figures"  # of the own store; of all with ALL_STORES
    ALL_STORES = "all_stores"
    LIABILITY = "liability"  # what is owed to all members
    ADJUST = "adjust"
    EXPORT = "export"
    IMPORT = "import"
    PAYOUTS = "payouts"  # members' money that is asked back: seeing it
    PAYOUT_DECIDE = "payout_decide"  # asking, allowing, refusing, having paid by hand
    SWITCH = "switch"  # 「本门店启用会员卡」
    STORES = "stores"  # a store's page, its codes and posters; all stores' with ALL_STORES
    STORE_EDIT = "store_edit"  # information, hours, limits, pausing
    STORE_ADD = "store_add"  # a new store, and deleting one
    CODES = "codes"  # a new code, its name, switching it off, unbinding
    BIND = "bind"  # a blank code, by scanning it
    DEVICES = "devices"  # adding, binding and freeing the devices of stores
    TILLS = "tills"  # letting a till in that shows its code
    STAFF = "staff"  # a store's people: list, add, activate, change; all stores' with ALL_STORES
    ADMINS = "admins"  # the merchant's admins: beside it `can_manage_admins` for any change
    SHIFTS = "shifts"  # duty and slips: the own ones; the store's and all stores' as above
    DUTY = "duty"  # clocking in and out
    PERSONAL = "personal"  # whole phones and names, each look remembered; forgetting a member
    RECEIPT = "receipt"  # what the receipt inside WeChat's page shows
    OFFICIAL = "official"  # how the provider's official account is


MANAGER: Final = frozenset(
    {Right.ORDERS, Right.SEARCH, Right.MEMBERS, Right.FIGURES, Right.PAYOUTS}
    | {Right.DEPOSIT_BACK, Right.STAFF, Right.SHIFTS, Right.DUTY, Right.TILLS}
    | {Right.STORES, Right.STORE_EDIT, Right.CODES, Right.BIND}
)
CLERK: Final = frozenset(
    {Right.ORDERS, Right.SEARCH, Right.SHIFTS, Right.DUTY, Right.STORES, Right.BIND} | {Right.TILLS}
)
# The provider's people see; what they change, they change in their console (product 2.2).
PROVIDERS: Final = frozenset({Right.ORDERS, Right.ALL_STORES, Right.STORES})
RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    # of no store: nothing to clock in on; the official account is the provider's
    Role.OWNER: frozenset(Right) - {Right.DUTY, Right.OFFICIAL},
    Role.MANAGER: MANAGER,
    Role.CLERK: CLERK,
    Role.PROVIDER: PROVIDERS | {Right.OFFICIAL},
    Role.SUB_PROVIDER: PROVIDERS,
}


def may(who: Acting, right: Right) -> bool:
    return right in RIGHTS[who.role]
