"""Who of a merchant's people may refund which order; whoever may not is refused and remembered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import Staff, StaffRole
from models.order import PayOrder
from services import audit
from services.deps import Deps
from services.refunds.asking import Ask, ask_in, locked_order
from services.refunds.refusals import RefundNoRight


@dataclass(frozen=True, slots=True)
class StaffAsk:
    """What a person of a merchant wants back. The fields mean what `Ask`'s do."""

    out_trade_no: str
    amount_fen: int
    reason: str
    out_refund_no: str | None = None
    transaction_id: str | None = None


def ask_as_staff(
    deps: Deps,
    provider_id: int,
    staff_public_id: str,
    wanted: StaffAsk,
    allowed_by_public_id: str | None = None,
) -> int:
    """`asking.ask_for` by a person: `provider_id` is that person's. The refund's id.

    An owner may refund the merchant's orders, a manager those of the own store; a clerk of the
    store only if one of them, named as `allowed_by_public_id`, allows it. Whoever names somebody
    needs that one's right, whatever the own role is: `allowed_by` is true or not written at all.
    The caller has made sure that both are who they say they are.

    Raises RefundNoRight after an audit entry `refund_denied` was committed; NotFound for an order
    or a person of another provider, the same as for unknown ones; RefundRefused as `ask_for`.
    Rights given to single people, and being on duty (`REFUND_OFF_DUTY`), come with shifts.
    """

    def unit(session: Session) -> int | None:
        order = locked_order(session, Ask(provider_id, wanted.out_trade_no, 0, "", "", ""))
        asker = _staff(session, provider_id, staff_public_id)  # read after the lock
        if asker is None:
            raise NotFound(staff_public_id)
        allower: Staff | None = asker
        if allowed_by_public_id is not None:
            allower = _staff(session, provider_id, allowed_by_public_id)
        if allower is None or not (_of_the_store(asker, order) and _has_right(allower, order)):
            named = "nobody" if allowed_by_public_id is None else _name(allower)
            _remember(session, deps, order, wanted, asker, named)
            return None
        return ask_in(session, deps, _ask(provider_id, order, wanted, asker, allower))

    made = deps.transact(unit, rerun_if_unknown=bool(wanted.out_refund_no))
    if made is None:
        raise RefundNoRight("没有退款权限，请有权限者授权")
    return made


def _of_the_store(staff: Staff, order: PayOrder) -> bool:
    """Works where the order was made, or owns the merchant."""
    if not staff.is_active or staff.merchant_id != order.merchant_id:
        return False
    return staff.role is StaffRole.OWNER or staff.store_id == order.store_id


def _has_right(staff: Staff, order: PayOrder) -> bool:
    return _of_the_store(staff, order) and staff.role in (StaffRole.OWNER, StaffRole.MANAGER)


def _staff(session: Session, provider_id: int, public_id: str) -> Staff | None:
    wanted = select(Staff).where(Staff.provider_id == provider_id, Staff.public_id == public_id)
    return session.scalar(wanted)


def _name(staff: Staff | None) -> str:
    return f"staff:{staff.id}" if staff is not None else "unknown"


def _ask(provider_id: int, order: PayOrder, wanted: StaffAsk, asker: Staff, allower: Staff) -> Ask:
    return Ask(
        provider_id,
        wanted.out_trade_no,
        wanted.amount_fen,
        wanted.reason,
        _name(asker),
        _name(allower),
        merchant_id=order.merchant_id,
        out_refund_no=wanted.out_refund_no,
        transaction_id=wanted.transaction_id,
    )


def _remember(
    session: Session,
    deps: Deps,
    order: PayOrder,
    wanted: StaffAsk,
    asker: Staff,
    named: str,
) -> None:
    audit.record(
        session,
        provider_id=order.provider_id,
        actor=_name(asker),
        action="refund_denied",
        subject=f"order:{order.out_trade_no}",
        at=deps.now(),
        amount_fen=wanted.amount_fen,
        allowed_by=named,
        reason=wanted.reason[:80],
    )
