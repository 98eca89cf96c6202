"""Writing down what a wallet has said of a deposit that a restored backup has lost or knows as it
was: the hold, what was consumed of it as orders, what was released. All of one hold, or nothing.

Locks: orders that are there already, then the hold. What does not add up is a case; no figure is
made up, and nothing that we have a row of is written again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import GatewayUnknown
from gateways.base import ChannelAccount, Trade, TradeState
from gateways.deposits import FreezeState, FreezeWord, ReleaseWord
from models.deposit import DepositFreeze, DepositMove, FreezeMethod, FreezeStatus, MoveKind
from models.event import CaseKind
from models.order import PayAttempt, PayOrder
from services import attempts, audit
from services.accounts import app_of, payee_of
from services.cases import end_case
from services.deposits import regained_orders, rooms, words
from services.deps import Deps
from services.intent_log import ToldDeposit

log = logging.getLogger(__name__)

UNNAMED = (
    "after a restored backup: the wallet has moved money of this deposit under numbers that nobody"
    " here knows. Run `orders resync --log` with the log since the backup, or look in the wallet's"
    " console and at the till"
)
NO_ROOM = "after a restored backup: more was consumed or released than we think was held"
TAKEN = "after a restored backup: the number of a consumption is another order's here"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose hold it is, and what we knew of it before its wallet was asked."""

    provider_id: int
    merchant_id: int
    store_id: int
    out_freeze_no: str
    account: ChannelAccount
    freeze: DepositFreeze | None
    known: frozenset[tuple[str, str]]  # (kind, number) of moves that we have
    is_consumed: bool


@dataclass(frozen=True, slots=True)
class Consumed:
    """`told` is None where nobody knows under which number it was asked for."""

    told: ToldDeposit | None
    trade: Trade

    @property
    def amount_fen(self) -> int:
        return self.trade.amount_fen or (self.told.amount_fen if self.told else 0)


@dataclass(frozen=True, slots=True)
class Released:
    told: ToldDeposit
    word: ReleaseWord
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Every answer about one hold."""

    place: Place
    word: FreezeWord
    told: tuple[ToldDeposit, ...]
    consumed: tuple[Consumed, ...] = ()
    released: tuple[Released, ...] = ()

    @property
    def is_hold(self) -> bool:
        """Whether it is or was held, and not only to be given back at once."""
        is_held = self.word.state is FreezeState.FROZEN
        return self.word.was_held and bool(
            is_held or self.word.was_consumed or self.consumed or self.released
        )


def write(session: Session, deps: Deps, heard: Heard, actor: str) -> bool | None:
    """True where the hold is ours; False where there is none; None: it has moved, ask again."""
    now = deps.now()
    orders = _lock_orders(session, heard)
    freeze = _hold(session, deps, heard, actor, now)
    if freeze is None:
        return None if heard.place.freeze is not None or _is_ours(session, heard) else False
    is_ending = freeze.cancel_asked_at is not None and heard.word.state is FreezeState.FROZEN
    wrong: list[str] = []
    if heard.is_hold and not is_ending and words.held_since(session, freeze, heard.word, now):
        wrong = _move(session, deps, freeze, heard, orders, actor, now)
    session.flush()
    words.apply_freeze(session, deps, freeze.provider_id, freeze.id, heard.word)
    _compare(session, freeze, heard.word, wrong, now)
    session.flush()
    return True


def _lock_orders(session: Session, heard: Heard) -> dict[str, PayOrder]:
    """Orders that consumptions have already: a notification or a bill may have been faster, and
    one that we had given up may have happened after all."""
    pid = heard.place.provider_id
    numbers = [one.told.number for one in heard.consumed if one.told]
    trades = [one.trade.out_trade_no for one in heard.consumed]
    by_trade = select(PayAttempt.order_id).where(
        PayAttempt.provider_id == pid, PayAttempt.out_trade_no.in_(trades)
    )
    found = session.scalars(
        select(PayOrder.id)
        .where(
            PayOrder.provider_id == pid,
            PayOrder.out_trade_no.in_(numbers) | PayOrder.id.in_(by_trade),
        )
        .order_by(PayOrder.id)
    )
    locked = [attempts.lock_order(session, pid, order_id) for order_id in found.all()]
    return {order.out_trade_no: order for order in locked}


def _hold(
    session: Session, deps: Deps, heard: Heard, actor: str, now: datetime
) -> DepositFreeze | None:
    """The hold, locked; None where there is none to write down, or it is not as it was."""
    place = heard.place
    if place.freeze is not None:
        freeze = rooms.lock(session, place.provider_id, place.freeze.id)
        return freeze if freeze.changed_at == place.freeze.changed_at else None
    if not _is_to_be_kept(heard, now):
        return None
    made = session.scalar(
        insert(DepositFreeze)
        .values(_values(deps, heard, actor, now))
        .on_conflict_do_nothing(index_elements=["provider_id", "out_freeze_no"])
        .returning(DepositFreeze.id)
    )
    if made is None:
        return None
    freeze = rooms.lock(session, place.provider_id, int(made))
    audit.record(
        session,
        provider_id=place.provider_id,
        actor=actor,
        action="deposit_adopted",
        subject=f"deposit:{freeze.out_freeze_no}",
        at=now,
        amount_fen=freeze.freeze_fen,
    )
    log.warning("deposit adopted", extra={"out_freeze_no": freeze.out_freeze_no,
                                          "channel": freeze.channel})  # fmt: skip
    return freeze


def _is_ours(session: Session, heard: Heard) -> bool:
    """Whether somebody else has just written it down."""
    found = session.scalar(
        select(DepositFreeze.id).where(
            DepositFreeze.provider_id == heard.place.provider_id,
            DepositFreeze.out_freeze_no == heard.place.out_freeze_no,
        )
    )
    return found is not None


def _is_to_be_kept(heard: Heard, now: datetime) -> bool:
    """What is or was held; and what a payer may still agree to, so that the worker ends it."""
    if heard.is_hold:
        return True
    state = heard.word.state
    may_be_scanned = any(t.expires_at is not None and t.expires_at > now for t in heard.told)
    is_open = state is FreezeState.WAITING or (state is FreezeState.NOT_EXIST and may_be_scanned)
    if is_open and not _amount(heard):
        raise GatewayUnknown("a payer may still agree, and nobody knows to how much")
    return is_open


def _amount(heard: Heard) -> int:
    asked = (t.amount_fen for t in heard.told if not t.number and t.amount_fen)
    return heard.word.freeze_fen or next(asked, 0)


def _values(deps: Deps, heard: Heard, actor: str, now: datetime) -> dict[str, object]:
    place = heard.place
    until = next((t.expires_at for t in heard.told if t.expires_at), None)
    asked = next((t.asked_at for t in heard.told if t.asked_at and not t.number), None)
    made_at = min(asked or heard.word.frozen_at or now, now)
    lives = timedelta(seconds=deps.settings.codepay_expires_s)
    return {
        "provider_id": place.provider_id,
        "merchant_id": place.merchant_id,
        "store_id": place.store_id,
        "out_freeze_no": place.out_freeze_no,
        "channel": heard.word.channel,
        "method": FreezeMethod.QR if until else FreezeMethod.CODE,
        "app": app_of(place.account),
        "payee": payee_of(place.account),
        "freeze_fen": _amount(heard),
        "status": FreezeStatus.CREATED,
        "request": {"description": "", "code": ""},  # what it was for is forgotten
        "asked_by": actor,
        "due_at": now,
        "created_at": made_at,
        "changed_at": now,
        "expires_at": until or made_at + lives,
    }


def _move(
    session: Session,
    deps: Deps,
    freeze: DepositFreeze,
    heard: Heard,
    orders: dict[str, PayOrder],
    actor: str,
    now: datetime,
) -> list[str]:
    """Releases first, a consumption that gave the rest back last; what could not be written."""
    wrong = [NO_ROOM for one in heard.released if not _release(session, freeze, one, actor, now)]
    for one in sorted(heard.consumed, key=lambda c: c.told is not None and c.told.ends):
        wrong += _consume(session, deps, freeze, heard.word, one, orders, actor, now)
    return wrong


def _release(
    session: Session, freeze: DepositFreeze, one: Released, actor: str, now: datetime
) -> bool:
    if not 1 <= one.amount_fen <= freeze.room_fen:
        return False
    move = _new_move(freeze, MoveKind.RELEASE, one.told.number, one.amount_fen, actor, now)
    move.sends, move.upstream_id = 1, one.word.release_id
    move.created_at = min(one.told.asked_at or one.word.done_at or now, now)
    _keep(session, freeze, move, actor, now)
    rooms.done(session, freeze, move, now)
    return True


def _consume(
    session: Session,
    deps: Deps,
    freeze: DepositFreeze,
    word: FreezeWord,
    one: Consumed,
    orders: dict[str, PayOrder],
    actor: str,
    now: datetime,
) -> list[str]:
    """Empty, or why it could not be written down."""
    if one.told is None and regained_orders.had_given_up(session, deps, freeze, one.trade):
        return []
    wallet = deps.gateways.deposits[freeze.channel]
    ends = not wallet.releases_parts or (one.told is not None and one.told.ends)
    rest_fen = _rest(freeze, word, one) if ends else 0
    if rest_fen < 0 or not 1 <= one.amount_fen <= freeze.room_fen - rest_fen:
        return [NO_ROOM]
    number = one.told.number if one.told else freeze.out_freeze_no
    move = _new_move(freeze, MoveKind.CONSUME, number, one.amount_fen, actor, now)
    move.rest_fen, move.ends, move.due_at = rest_fen, ends, None
    asked = (one.told.asked_at if one.told else None) or one.trade.paid_at or now
    move.created_at = min(max(asked, freeze.frozen_at or asked), now)
    trade = replace(one.trade, paid_at=one.trade.paid_at or move.created_at)
    order_id = regained_orders.order_of(
        session, deps, freeze, move, trade, orders.get(number), actor
    )
    if order_id is None:
        return [TAKEN]
    move.order_id = order_id
    _keep(session, freeze, move, actor, now)
    regained_orders.settle(session, deps, freeze, move, trade, actor, is_named=bool(one.told))
    return []


def _rest(freeze: DepositFreeze, word: FreezeWord, one: Consumed) -> int:
    """What went back together with a consumption, in fen: what nothing else explains."""
    if one.trade.state is TradeState.PAYING:
        return freeze.room_fen - one.amount_fen
    if word.state is FreezeState.FROZEN:
        return 0
    return freeze.freeze_fen - (word.consumed_fen or 0) - freeze.released_fen - freeze.lapsed_fen


def _new_move(
    freeze: DepositFreeze, kind: MoveKind, number: str, amount_fen: int, actor: str, now: datetime
) -> DepositMove:
    return DepositMove(
        provider_id=freeze.provider_id,
        freeze_id=freeze.id,
        kind=kind,
        number=number,
        amount_fen=amount_fen,
        rest_fen=0,
        asked_by=actor,  # who asked is forgotten
        allowed_by=actor,
        due_at=now,
        changed_at=now,
    )


def _keep(
    session: Session, freeze: DepositFreeze, move: DepositMove, actor: str, now: datetime
) -> None:
    """Take its money out of the room, as when it was asked for."""
    freeze.held_fen += move.takes_fen
    freeze.changed_at = now
    session.add(move)
    session.flush()
    audit.record(
        session,
        provider_id=freeze.provider_id,
        actor=actor,
        action="deposit_move_adopted",
        subject=f"deposit:{freeze.out_freeze_no}",
        at=now,
        kind=move.kind.value,
        number=move.number,
        amount_fen=move.amount_fen,
    )


def _compare(
    session: Session, freeze: DepositFreeze, word: FreezeWord, wrong: list[str], now: datetime
) -> None:
    """Figures that agree end the case about them; those that do not are told to a person."""
    if not wrong and freeze.status not in (FreezeStatus.FROZEN, FreezeStatus.CLOSED):
        return
    if not wrong and freeze.held_fen:  # what is on its way says for itself what comes of it
        return
    is_same = word.state is FreezeState.FROZEN and word.rest_fen in (None, freeze.room_fen)
    if not wrong and (is_same or freeze.status is FreezeStatus.CLOSED):
        end_case(session, freeze.provider_id, CaseKind.DEPOSIT_MISMATCH, freeze.out_freeze_no, now)
        return
    rooms.mismatch(
        session, freeze, now, why=wrong[0] if wrong else UNNAMED, state=word.raw_state,
        ours_consumed_fen=freeze.consumed_fen, theirs_consumed_fen=word.consumed_fen,
        ours_rest_fen=freeze.room_fen, theirs_rest_fen=word.rest_fen,
    )  # fmt: skip
