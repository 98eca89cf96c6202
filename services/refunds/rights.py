"""Who of a merchant's people may refund which order; whoever may not is refused and remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import NotFound
from gateways.base import RefundFunds
from models.deposit import DepositFreeze
from models.order import PayOrder
from services import audit
from services.deps import Deps
from services.people.acting import Acting, Role
from services.refunds.asking import Ask, ask_in, locked_order
from services.refunds.refusals import RefundNoRight, RefundOffDuty


@dataclass(frozen=True, slots=True)
class StaffAsk:
    """What a person of a merchant wants back. The fields mean what `Ask`'s do."""

    out_trade_no: str
    amount_fen: int
    reason: str
    out_refund_no: str | None = None
    transaction_id: str | None = None
    bonus_fen: int | None = None
    funds: RefundFunds | None = None


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody as he stands at this moment, read after the order's lock."""

    actor: str
    role: Role
    merchant_id: int | None  # None: of the provider, for all its merchants
    sub_provider_id: int | None
    store_id: int | None
    can_refund: bool
    is_on_duty: bool
    is_active: bool


def ask_as(
    deps: Deps, who: Acting, wanted: StaffAsk, allowed_by_public_id: str | None = None
) -> int:
    """`ask_as_staff` by whoever acts in the merchant's backend, the provider's people too.

    What `who` says of his rights was read before; here they are read again.
    """
    kind = "admin" if who.role.is_providers else "staff"
    return _ask_by(deps, who.provider_id, (kind, "id", who.id), wanted, allowed_by_public_id)


def ask_as_staff(
    deps: Deps,
    provider_id: int,
    staff_public_id: str,
    wanted: StaffAsk,
    allowed_by_public_id: str | None = None,
) -> int:
    """`asking.ask_for` by a person: `provider_id` is that person's. The refund's id.

    Everybody needs the right that is given to him (`can_refund`): an owner for the merchant's
    orders, a manager for those of the own store, a clerk for those of the own store while on duty.
    Without it, it takes one who has it, named as `allowed_by_public_id`. Whoever names somebody
    needs that one's right, whatever the own is: `allowed_by` is true or not written at all.
    The caller has made sure that both are who they say they are.

    Raises RefundNoRight, or RefundOffDuty for a clerk who has the right but has not clocked in,
    after an audit entry `refund_denied` was committed; NotFound for an order or a person of another
    provider, the same as for unknown ones; RefundRefused as `ask_for`.
    """
    key = ("staff", "public_id", staff_public_id)
    return _ask_by(deps, provider_id, key, wanted, allowed_by_public_id)


_Key = tuple[str, str, object]


def _ask_by(
    deps: Deps, provider_id: int, key: _Key, wanted: StaffAsk, allowed_by_public_id: str | None
) -> int:
    def unit(session: Session) -> int | RefundNoRight:
        order = locked_order(session, Ask(provider_id, wanted.out_trade_no, 0, "", "", ""))
        asker = _person(session, provider_id, key)  # read after the lock
        if asker is None:
            raise NotFound(str(key[2]))
        allower: _Person | None = asker
        if allowed_by_public_id is not None:
            allower = _person(session, provider_id, ("staff", "public_id", allowed_by_public_id))
        if allower is None or not (
            _of_the_store(session, asker, order) and _has_right(session, allower, order)
        ):
            named = "nobody"
            if allowed_by_public_id is not None:
                named = "unknown" if allower is None else allower.actor
            _remember(session, deps, order, wanted, asker, named)
            is_alone = allowed_by_public_id is None
            return _why(asker, is_alone and _of_the_store(session, asker, order))
        return ask_in(session, deps, _ask(provider_id, order, wanted, asker, allower))

    made = deps.transact(unit, rerun_if_unknown=bool(wanted.out_refund_no))
    if isinstance(made, RefundNoRight):
        raise made
    return made


def _why(asker: _Person, is_own: bool) -> RefundNoRight:
    if is_own and asker.can_refund and asker.role is Role.CLERK and not asker.is_on_duty:
        return RefundOffDuty()
    return RefundNoRight("没有退款权限，请有权限者授权")


def allowed_by(
    session: Session, provider_id: int, staff_public_id: str, freeze: DepositFreeze
) -> str:
    """Who gives a payer's deposit back, as the audit has it: whoever could refund there.

    Raises NotFound for a person of another provider, RefundNoRight, RefundOffDuty.
    """
    who = _person(session, provider_id, ("staff", "public_id", staff_public_id))
    if who is None:
        raise NotFound(staff_public_id)
    if not _has_right(session, who, freeze):
        raise _why(who, _of_the_store(session, who, freeze))
    return who.actor


def gives_back(session: Session, who: Acting, freeze: DepositFreeze) -> str:
    """`allowed_by` of whoever acts in the merchant's office: an owner or a manager, no clerk."""
    key = ("admin" if who.role.is_providers else "staff", "id", who.id)
    one = _person(session, who.provider_id, key)
    if one is None:
        raise NotFound(who.actor)
    if one.role not in (Role.OWNER, Role.MANAGER) or not _has_right(session, one, freeze):
        raise RefundNoRight("没有退还押金的权限，请有退款权限的店长或商户管理员操作")
    return one.actor


def _of_the_store(session: Session, one: _Person, order: PayOrder | DepositFreeze) -> bool:
    """Works where the order was made, owns the merchant, or is of its provider."""
    if not one.is_active:
        return False
    if one.role.is_providers:
        return one.sub_provider_id is None or one.sub_provider_id == session.scalar(
            text("SELECT sub_provider_id FROM merchant WHERE provider_id = :p AND id = :m"),
            {"p": order.provider_id, "m": order.merchant_id},
        )
    if one.merchant_id != order.merchant_id:
        return False
    return one.role is Role.OWNER or one.store_id == order.store_id


def _has_right(session: Session, one: _Person, order: PayOrder | DepositFreeze) -> bool:
    if not (one.can_refund and _of_the_store(session, one, order)):
        return False
    return one.role is not Role.CLERK or one.is_on_duty


_STAFF: Final = """
SELECT 'staff:' || w.id AS actor, w.role, w.merchant_id, NULL::bigint AS sub_provider_id,
    w.store_id, w.can_refund, w.is_active, EXISTS (SELECT 1 FROM shift h
        WHERE h.provider_id = w.provider_id AND h.staff_id = w.id AND h.ended_at IS NULL
    ) AS is_on_duty
FROM staff w WHERE w.provider_id = :p AND w.{column} = :key
"""
_ADMIN: Final = """
SELECT 'admin:' || a.id AS actor, NULL::bigint AS merchant_id, a.sub_provider_id,
    CASE WHEN a.sub_provider_id IS NULL THEN 'provider' ELSE 'sub_provider' END AS role,
    NULL::bigint AS store_id, a.can_refund, a.is_active, false AS is_on_duty
FROM provider_admin a WHERE a.provider_id = :p AND a.{column} = :key
"""


def _person(session: Session, provider_id: int, key: _Key) -> _Person | None:
    kind, column, value = key
    wanted = (_STAFF if kind == "staff" else _ADMIN).format(column=column)
    row: Any = session.execute(text(wanted), {"p": provider_id, "key": value}).one_or_none()
    if row is None:
        return None
    facts = dict(row._mapping)
    return _Person(**(facts | {"role": Role(row.role)}))


def _ask(
    provider_id: int, order: PayOrder, wanted: StaffAsk, asker: _Person, allower: _Person
) -> Ask:
    return Ask(
        provider_id,
        wanted.out_trade_no,
        wanted.amount_fen,
        wanted.reason,
        asker.actor,
        allower.actor,
        merchant_id=order.merchant_id,
        out_refund_no=wanted.out_refund_no,
        transaction_id=wanted.transaction_id,
        bonus_fen=wanted.bonus_fen,
        funds=wanted.funds,
    )


def _remember(
    session: Session,
    deps: Deps,
    order: PayOrder,
    wanted: StaffAsk,
    asker: _Person,
    named: str,
) -> None:
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=asker.actor,
        action="refund_denied",
        subject=f"order:{order.out_trade_no}",
        at=deps.now(),
        amount_fen=wanted.amount_fen,
        allowed_by=named,
        reason=wanted.reason[:80],
    )
