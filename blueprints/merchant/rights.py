"""Who of a merchant's people may see and do what with members (product 2.2, CARD-12, CARD-14)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, Final

from flask import g

from errors import Forbidden
from models.merchant import Staff, StaffRole


class Right(StrEnum):
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
    StaffRole.MANAGER: frozenset({Right.SEARCH, Right.MEMBERS, Right.FIGURES, Right.PAYOUTS}),
    StaffRole.CLERK: frozenset({Right.SEARCH}),
}


def may(staff: Staff, right: Right) -> bool:
    return right in RIGHTS[staff.role]


def needs(right: Right) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A view for those alone who have this right. Raises Forbidden."""

    def guard(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*given: Any, **named: Any) -> Any:
            if not may(g.staff, right):
                raise Forbidden(right.value)
            return view(*given, **named)

        guarded.right = right  # type: ignore[attr-defined]
        return guarded

    return guard
