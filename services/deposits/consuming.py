"""Consuming a hold: an order that is paid out of it. From there on it is an order as every other.

The room is held and the order written in one transaction, before the wallet is called; once, for a
consumption that is not answered is asked about and never sent again.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import BadInput, GatewayRejected, GatewayUnknown, NotFound
from gateways.base import TradeState
from gateways.deposits import ConsumeRequest
from models.deposit import DepositFreeze, DepositMove, FreezeStatus, MoveKind
from models.order import AttemptMethod, CloseReason, OrderStatus
from models.provider import Provider
from services import asking, attempts, closing
from services.attempts import Made, NewOrder
from services.deposits import conditions, intents, rooms, sweep
from services.deposits.refusals import (
    DepositAmount,
    DepositBusy,
    DepositMustEnd,
    DepositNotHeld,
    DepositNumberTaken,
)
from services.deps import Deps
from services.merchants.prefixes import allowed
from services.numbers import new_public_id
from services.scan import scan_store
from services.settle import apply_trade

log = logging.getLogger(__name__)

LIVES = timedelta(seconds=60)  # then one that the wallet does not know is given up
_NUMBERS = {
    "wechat": re.compile(r"[0-9A-Za-z_\-|*]{6,32}", re.ASCII),
    "alipay": re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consume:
    """What a till asks for. `asked_by` is a role and an id, as in the audit; never an openid."""

    provider_id: int
    merchant_id: int
    store_id: int
    out_freeze_no: str
    out_trade_no: str
    amount_fen: int
    ends: bool  # the rest goes back to the payer at once
    asked_by: str
    description: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A consumption that is written down, and is to be sent."""

    made: Made
    freeze: DepositFreeze
    request: ConsumeRequest


def consume(deps: Deps, cmd: Consume) -> str:
    """Consume once; the order's number. How it stands afterwards, the order tells.

    Raises NotFound for a hold that is not the merchant's, DepositRefused, the errors of
    `conditions.MISSING` and BadInput before anything was sent. A wallet's refusal or silence is a
    state of the order, no error.
    """
    try:
        begun = deps.transact(lambda s: _begin(s, deps, cmd), rerun_if_unknown=True)
    except IntegrityError as problem:  # an order that this hold does not pay has the number
        raise DepositNumberTaken from problem
    if begun is not None:
        _send(deps, cmd, begun)
    return cmd.out_trade_no


def find(session: Session, provider_id: int, merchant_id: int, out_freeze_no: str) -> DepositFreeze:
    """The merchant's hold. Raises NotFound, the same for another's and for nobody's."""
    found = session.scalar(
        select(DepositFreeze).where(
            DepositFreeze.provider_id == provider_id,
            DepositFreeze.merchant_id == merchant_id,
            DepositFreeze.out_freeze_no == out_freeze_no,
        )
    )
    if found is None:
        raise NotFound("no such deposit")
    return found


def _begin(session: Session, deps: Deps, cmd: Consume) -> _Begun | None:
    """Hold the room and write the order; None where this number has consumed this hold before."""
    named = find(session, cmd.provider_id, cmd.merchant_id, cmd.out_freeze_no)
    freeze = rooms.lock(session, cmd.provider_id, named.id)
    if _is_same(session, cmd, freeze):
        return None
    rest_fen = _check(session, deps, cmd, freeze)
    new = _new_order(session, deps, cmd, freeze)
    wallet = deps.gateways.deposits[freeze.channel]
    made = attempts.insert_in(session, new)
    if made is None:
        raise DepositNumberTaken
    number = cmd.out_trade_no
    if not wallet.numbers_consumptions:
        number = freeze.out_freeze_no
        take_number(session, made, cmd.provider_id, number)
    now = deps.now()
    move = DepositMove(
        provider_id=cmd.provider_id,
        freeze_id=freeze.id,
        kind=MoveKind.CONSUME,
        number=cmd.out_trade_no,
        order_id=made.order_id,
        amount_fen=cmd.amount_fen,
        rest_fen=rest_fen,
        ends=cmd.ends,
        remark=cmd.remark[:128],
        asked_by=cmd.asked_by,
        allowed_by=cmd.asked_by,
        created_at=now,
        changed_at=now,
    )
    rooms.hold(session, freeze, move, now)
    out_mch_id = session.get_one(Provider, cmd.provider_id).out_mch_id
    request = ConsumeRequest(
        hold=rooms.hold_of(freeze),
        out_trade_no=number,
        amount_fen=cmd.amount_fen,
        ends=cmd.ends,
        description=new.request["description"],
        notify_url=f"{deps.settings.base_url}/notify/{freeze.channel}/{out_mch_id}",
    )
    return _Begun(made, freeze, request)


def _is_same(session: Session, cmd: Consume, freeze: DepositFreeze) -> bool:
    """Whether it is a repeat. Raises DepositNumberTaken where the number means something else."""
    found = session.scalar(
        select(DepositMove).where(
            DepositMove.provider_id == cmd.provider_id,
            DepositMove.kind == MoveKind.CONSUME,
            DepositMove.number == cmd.out_trade_no,
        )
    )
    if found is None:
        return False
    if (found.freeze_id, found.amount_fen, found.ends) != (freeze.id, cmd.amount_fen, cmd.ends):
        raise DepositNumberTaken
    return True


def _check(session: Session, deps: Deps, cmd: Consume, freeze: DepositFreeze) -> int:
    """What goes back together with it, in fen."""
    wallet = deps.gateways.deposits[freeze.channel]
    conditions.check(session, cmd.provider_id, cmd.merchant_id, freeze.channel)
    if freeze.status is not FreezeStatus.FROZEN:
        raise DepositNotHeld
    if not wallet.releases_parts and not cmd.ends:
        raise DepositMustEnd
    if cmd.ends and freeze.held_fen:
        raise DepositBusy
    if not wallet.numbers_consumptions and _may_yet_come(session, freeze):
        raise DepositBusy  # its money would be taken under the number of the new one
    if not 1 <= cmd.amount_fen <= freeze.room_fen:
        raise DepositAmount(room_fen=freeze.room_fen)
    return freeze.room_fen - cmd.amount_fen if cmd.ends else 0


def _new_order(session: Session, deps: Deps, cmd: Consume, freeze: DepositFreeze) -> NewOrder:
    scan = scan_store(session, cmd.provider_id, cmd.store_id, None)
    number, now = cmd.out_trade_no, deps.now()
    if not _NUMBERS[freeze.channel].fullmatch(number) or not number.startswith(allowed(scan)):
        raise BadInput("out_trade_no: 6 to 32 letters, digits or _, the merchant's prefix first")
    description = cmd.description or freeze.request.get("description") or scan.shop
    return NewOrder(
        provider_id=cmd.provider_id,
        out_trade_no=number,
        public_id=new_public_id(),
        intent_key=f"{rooms.INTENT}{number}",
        merchant_id=cmd.merchant_id,
        store_id=cmd.store_id,
        pay_code_id=None,
        person_id=None,
        channel=freeze.channel,
        amount_fen=cmd.amount_fen,
        undiscountable_fen=None,
        deposit_fen=None,
        quantity=1,
        remark=cmd.remark[:128],
        app=freeze.app,
        payee=freeze.payee,
        request={"description": description[:100], "asked_by": cmd.asked_by},
        created_at=now,
        expires_at=now + LIVES,
        first_question_s=deps.settings.codepay_ask_every_s,
        method=AttemptMethod.DEPOSIT,
    )


_LOOKED_AT = text("""
SELECT 1 FROM pay_attempt WHERE provider_id = :p AND out_trade_no = :n AND method = 'deposit'
    AND due_at IS NOT NULL
""")


def _may_yet_come(session: Session, freeze: DepositFreeze) -> bool:
    """Whether a consumption that was given up is looked at once more."""
    keys = {"p": freeze.provider_id, "n": freeze.out_freeze_no}
    return session.execute(_LOOKED_AT, keys).first() is not None


_LEAVE = text("""
UPDATE pay_attempt SET out_trade_no = '~' || id, due_at = NULL
WHERE provider_id = :p AND out_trade_no = :n AND method = 'deposit'
    AND status IN ('closed', 'rejected')
""")
_TAKE = text("UPDATE pay_attempt SET out_trade_no = :n WHERE provider_id = :p AND id = :a")


def take_number(session: Session, made: Made, provider_id: int, number: str) -> None:
    """The wallet knows the consumption by the hold's number. One that came to nothing leaves it:
    from now on the wallet's word under this number is about the new one."""
    keys: dict[str, Any] = {"p": provider_id, "n": number, "a": made.attempt_id}
    session.execute(_LEAVE, keys)
    session.execute(_TAKE, keys)


def _send(deps: Deps, cmd: Consume, begun: _Begun) -> None:
    """Call the wallet, once and never again, and write its answer down."""
    pid, made, freeze = cmd.provider_id, begun.made, begun.freeze
    account = sweep.account_of(deps, freeze)
    intents.tell_move(
        freeze, MoveKind.CONSUME, cmd.out_trade_no, cmd.amount_fen, deps.now(), ends=cmd.ends
    )
    try:
        trade = deps.gateways.deposits[freeze.channel].consume(account, begun.request)
    except GatewayRejected as no:
        code, said = no.upstream_code, no.upstream_message
        deps.transact(lambda s: _refused(s, deps, pid, made, code, said))
        return
    except GatewayUnknown:
        deps.transact(lambda s: _unsure(s, deps, pid, made))
        return
    deps.transact(lambda s: apply_trade(s, pid, trade, deps.now()))
    if trade.state is TradeState.PAYING:  # accepted: whether it is done is asked at once
        attempts.mark_payable(deps, pid, made.attempt_id, None)
        deps.transact(lambda s: _hurry(s, deps, pid, made))
        asking.ask_if_due(deps, pid, begun.request.out_trade_no)


def _refused(
    session: Session, deps: Deps, provider_id: int, made: Made, code: str, said: str
) -> None:
    """A definite no: the order ends with it, and its money is room again."""
    now = deps.now()
    attempts.lock_order(session, provider_id, made.order_id)
    attempts.mark_rejected(session, provider_id, made.attempt_id, code, said, now)
    order = attempts.lock_order(session, provider_id, made.order_id)
    still_open = attempts.open_attempt(session, order)
    if still_open is None and order.status in (OrderStatus.CREATED, OrderStatus.PAYING):
        closing.end_order(session, order, CloseReason.REJECTED, f"upstream:{order.channel}", now)
    log.warning("consumption refused", extra={"channel": order.channel, "upstream_code": code})


def _unsure(session: Session, deps: Deps, provider_id: int, made: Made) -> None:
    soon = deps.now() + timedelta(seconds=deps.settings.codepay_ask_every_s)
    attempts.lock_order(session, provider_id, made.order_id)
    attempts.mark_unknown(session, provider_id, made.attempt_id, soon)


def _hurry(session: Session, deps: Deps, provider_id: int, made: Made) -> None:
    session.execute(
        text(
            "UPDATE pay_attempt SET due_at = :now WHERE provider_id = :p AND id = :a"
            " AND status = 'payable'"
        ),
        {"p": provider_id, "a": made.attempt_id, "now": deps.now()},
    )
