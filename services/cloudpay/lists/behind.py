"""What the older list says of a row and the flat one does not: of the shop, the person, the call.

Three questions for a page however long it is; the flat list and its bench pay nothing for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.merchant import StaffRole
from services.callbacks.envelope import nonce_of
from services.cloudpay.callers import Caller
from services.cloudpay.lists.clauses import STAFF_NUMBER
from services.cloudpay.lists.told import Detail, OrderRow, RefundRow
from services.cloudpay.orders.shown import client_of
from services.cloudpay.structures import OrderClientTold

_SHOPS: Final = text("""
SELECT out_shop_id, own_number FROM store
WHERE provider_id = :p AND merchant_id = :m AND out_shop_id = ANY(:shops) AND own_number <> ''
""")
_MANAGERS: Final = text(f"""
SELECT {STAFF_NUMBER} AS number FROM staff w
WHERE w.provider_id = :p AND w.merchant_id = :m AND w.role <> :clerk
    AND {STAFF_NUMBER} = ANY(:staff)
""")
_CALLS: Final = text("""
SELECT kind, number, nonce_str, asked FROM cpay_call
WHERE provider_id = :p AND merchant_id = :m AND kind IN ('pay', 'refund') AND same <> ''
    AND number = ANY(:numbers)
""")


@dataclass(frozen=True)
class Behind:
    """Of one page. What nobody wrote down has a plain default."""

    shop_numbers: dict[str, str]  # the merchant's own, by out_shop_id
    managers: frozenset[str]
    calls: dict[tuple[str, str], Any] = field(repr=False)  # by kind and number

    def shop_id(self, out_shop_id: str) -> str:
        return self.shop_numbers.get(out_shop_id, out_shop_id)

    def nonce(self, row: OrderRow | RefundRow) -> str:
        """The nonce_str of the request that made it; ours have none, so its number's."""
        kind, number = _call_of(row)
        made = self.calls.get((kind, number))
        return (made and made.nonce_str) or nonce_of(number)

    def client(self, row: OrderRow | RefundRow) -> OrderClientTold:
        """The till as the request named it."""
        made = self.calls.get(_call_of(row))
        if made is not None and made.asked:
            return client_of(made, made.asked)
        return OrderClientTold(device_id=row.device_id, staff_id=row.staff_id, terminal_type=100)


def _call_of(row: OrderRow | RefundRow) -> tuple[str, str]:
    if isinstance(row, RefundRow):
        return "refund", row.out_refund_no
    return "pay", row.out_trade_no


def read(session: Session, caller: Caller, lines: Sequence[Detail]) -> Behind:
    rows = [row for line in lines if (row := line.order or line.refund_order) is not None]
    mine: dict[str, Any] = {"p": caller.provider_id, "m": caller.merchant_id}
    shops = session.execute(_SHOPS, mine | {"shops": sorted({row.out_shop_id for row in rows})})
    numbers = {"staff": sorted({row.staff_id for row in rows if row.staff_id})}
    people = session.execute(_MANAGERS, mine | numbers | {"clerk": StaffRole.CLERK})
    calls = session.execute(_CALLS, mine | {"numbers": sorted({_call_of(row)[1] for row in rows})})
    return Behind(
        {row.out_shop_id: row.own_number for row in shops},
        frozenset(row.number for row in people),
        {(row.kind, row.number): row for row in calls},
    )
