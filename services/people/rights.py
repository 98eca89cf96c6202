"""What each role may do in the merchant's backend (product 2.2). One table says it all.

`blueprints/merchant/routes.py` names the right of each page; these say which roles have it. What is
given to single people beside their role (refunds, managing admins) stands with the person.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from models.merchant import StaffRole
from services.people.acting import Acting


class Right(StrEnum):
    ORDERS = "orders"  # of the own store; of all with ALL_STORES
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


RIGHTS: Final[dict[StaffRole, frozenset[Right]]] = {
    StaffRole.OWNER: frozenset(Right),
    StaffRole.MANAGER: frozenset(
        {Right.ORDERS, Right.SEARCH, Right.MEMBERS, Right.FIGURES, Right.PAYOUTS}
    ),
    StaffRole.CLERK: frozenset({Right.ORDERS, Right.SEARCH}),
}


def may(who: Acting, right: Right) -> bool:
    return right in RIGHTS[who.role]
