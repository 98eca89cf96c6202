"""How each kind of row is found: its table, its times, and what each filter means to it.

What a filter compares is what the row shows, by the same expression. Scalar subqueries, not joins:
each is one look-up by key for a row that is looked at, and none where nothing asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import TextClause, text

from services.callbacks.envelope import ONE_CODE, SCANNED
from services.callbacks.reading import ONE_OFF, SOURCES, TILL
from services.cloudpay.lists.wanted import Kind, Wanted
from services.cloudpay.lists.window import Window
from services.cloudpay.orders.shown import RECHARGE_SOURCE
from services.totals import BY_CODE

# The number of a person as the API has it: the merchant's own, or ours where it gave none.
STAFF_NUMBER: Final = "COALESCE(NULLIF(w.number, ''), w.public_id)"


def _call(kind: str, number: str, row: str = "o") -> str:
    """FROM and WHERE of the call under a number; one that was refused has made nothing."""
    return (
        f"FROM cpay_call c WHERE c.provider_id = {row}.provider_id"
        f" AND c.merchant_id = {row}.merchant_id AND c.kind = '{kind}' AND c.number = {number}"
        " AND c.same <> ''"
    )


def _of_call(column: str, kind: str, number: str, row: str = "o") -> str:
    return f"(SELECT NULLIF(c.{column}, '') {_call(kind, number, row)})"


_SCANNED: Final = f"o.intent_key LIKE '{BY_CODE}%'"  # as `totals.is_by_code` knows it
_ORDER_TRADE: Final = (
    f"COALESCE((SELECT NULLIF(c.trade_type, 0) {_call('pay', 'o.out_trade_no')}),"
    f" CASE WHEN {_SCANNED} THEN {SCANNED} ELSE {ONE_CODE} END)"
)
_KINDS: Final = " ".join(f"WHEN '{kind.value}' THEN {n}" for kind, n in SOURCES.items())
_ORDER_SOURCE: Final = (
    f"CASE WHEN o.purpose = 'recharge' THEN {RECHARGE_SOURCE}"
    f" WHEN {_SCANNED} OR EXISTS (SELECT 1 {_call('pay', 'o.out_trade_no')}) THEN {TILL}"
    f" ELSE COALESCE((SELECT CASE k.kind {_KINDS} END FROM pay_code k"
    f" WHERE k.provider_id = o.provider_id AND k.id = o.pay_code_id), {ONE_OFF}) END"
)
_OF_THE_CODE: Final = (
    f"(SELECT {STAFF_NUMBER} FROM staff w"
    " WHERE w.provider_id = o.provider_id AND w.id = o.staff_id)"
)
_PAY_STAFF: Final = f"{_of_call('staff_id', 'pay', 'o.out_trade_no')}, {_OF_THE_CODE}"
_PAY_DEVICE: Final = _of_call("device_id", "pay", "o.out_trade_no")
_REFUND_STAFF: Final = f"{_of_call('staff_id', 'refund', 'r.out_refund_no', 'r')}, {_PAY_STAFF}"
_REFUND_DEVICE: Final = f"{_of_call('device_id', 'refund', 'r.out_refund_no', 'r')}, {_PAY_DEVICE}"
_FREEZE_STAFF: Final = _of_call("staff_id", "freeze", "f.out_freeze_no", "f")
_FREEZE_DEVICE: Final = _of_call("device_id", "freeze", "f.out_freeze_no", "f")
_FREEZE_TRADE: Final = "CASE f.method WHEN 'code' THEN 1 ELSE 2 END"
_MOVE_STAFF: Final = f"{_of_call('staff_id', 'unfreeze', 'u.number', 'f')}, {_FREEZE_STAFF}"
_MOVE_DEVICE: Final = f"{_of_call('device_id', 'unfreeze', 'u.number', 'f')}, {_FREEZE_DEVICE}"


@dataclass(frozen=True, slots=True)
class Table:
    """One kind. `is_done` is what its successes are known by; `made_at`, `done_at` its times.

    The order of a refund is joined from the left: the planner leaves it out where nothing asks.
    """

    id: str
    rows: str
    mine: str
    is_done: str
    made_at: str
    done_at: str
    store: str
    channel: str
    staff: str
    device: str
    code: str
    source: str
    trade: str
    trade_no: str
    refund_no: str


_MOVES: Final = (
    "deposit_freeze f JOIN deposit_move u"
    " ON u.provider_id = f.provider_id AND u.freeze_id = f.id AND u.kind = '{kind}'"
)
CONSUMED: Final = _MOVES.format(kind="consume")  # in the place of the releases
TABLES: Final = {
    Kind.PAYMENT: Table(
        id="o.id",
        rows="pay_order o",
        mine="o.provider_id = :p AND o.merchant_id = :m",
        is_done="o.status = 'paid'",
        made_at="o.created_at",
        done_at="o.paid_at",
        store="o.store_id",
        channel="o.channel",
        staff=f"COALESCE({_PAY_STAFF}, '')",
        device=f"COALESCE({_PAY_DEVICE}, '')",
        code="o.pay_code_id",
        source=_ORDER_SOURCE,
        trade=_ORDER_TRADE,
        trade_no="o.out_trade_no",
        refund_no="''",
    ),
    Kind.REFUND: Table(
        id="r.id",
        rows=(
            "refund r LEFT JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id"
        ),
        mine="r.provider_id = :p AND r.merchant_id = :m AND NOT r.is_second",
        is_done="r.status = 'success'",
        made_at="r.created_at",
        done_at="r.succeeded_at",
        store="r.store_id",
        channel="o.channel",
        staff=f"COALESCE({_REFUND_STAFF}, '')",
        device=f"COALESCE({_REFUND_DEVICE}, '')",
        code="o.pay_code_id",
        source=_ORDER_SOURCE,
        trade=_ORDER_TRADE,
        trade_no="o.out_trade_no",
        refund_no="r.out_refund_no",
    ),
    Kind.FREEZE: Table(
        id="f.id",
        rows="deposit_freeze f",
        mine="f.provider_id = :p AND f.merchant_id = :m",
        is_done="f.status IN ('frozen', 'closed')",
        made_at="f.created_at",
        done_at="f.frozen_at",
        store="f.store_id",
        channel="f.channel",
        staff=f"COALESCE({_FREEZE_STAFF}, '')",
        device=f"COALESCE({_FREEZE_DEVICE}, '')",
        code="NULL",
        source=str(TILL),
        trade=_FREEZE_TRADE,
        trade_no="''",
        refund_no="''",
    ),
    Kind.UNFREEZE: Table(
        id="u.id",
        rows=_MOVES.format(kind="release"),
        mine="f.provider_id = :p AND f.merchant_id = :m",
        is_done="u.status = 'done'",
        made_at="u.created_at",
        done_at="u.done_at",
        store="f.store_id",
        channel="f.channel",
        staff=f"COALESCE({_MOVE_STAFF}, '')",
        device=f"COALESCE({_MOVE_DEVICE}, '')",
        code="NULL",
        source=str(TILL),
        trade=_FREEZE_TRADE,
        trade_no="''",
        refund_no="''",
    ),
}


def listed_at(wanted: Wanted, kind: Kind) -> str:
    """The time that rows of this kind are listed by."""
    table = TABLES[kind]
    return table.made_at if kind in wanted.made else table.done_at


def found_in(wanted: Wanted, kind: Kind, span: str, rows: str = "") -> str:
    """FROM and WHERE of the rows of this kind, or of others with the same columns.

    `span` names two of the statement's values, `<span>_since` and `<span>_until`.
    """
    table, at = TABLES[kind], listed_at(wanted, kind)
    conditions = [table.mine, f"{at} >= :{span}_since", f"{at} < :{span}_until"]
    if kind not in wanted.made or wanted.only_done:
        conditions.append(table.is_done)
    for asked, column, name in (
        (wanted.store_id, table.store, "store"),
        (wanted.staff, table.staff, "staff"),
        (wanted.device, table.device, "device"),
        (wanted.code_id, table.code, "code"),
        (wanted.source, table.source, "source"),
        (wanted.trade, table.trade, "trade"),
        (wanted.out_trade_no, table.trade_no, "trade_no"),
        (wanted.out_refund_no, table.refund_no, "refund_no"),
    ):
        if asked is not None:
            conditions.append(f"{column} = :{name}")
    if wanted.channels is not None:
        conditions.append(f"{table.channel} = ANY(:channels)")
    return f"FROM {rows or table.rows} WHERE {' AND '.join(conditions)}"


def span_values(span: str, part: Window) -> dict[str, object]:
    return {f"{span}_since": part.since, f"{span}_until": part.until}


@lru_cache(512)
def statement(sql: str) -> TextClause:
    """Its names are found once: there are few hundred shapes of questions."""
    return text(sql)
