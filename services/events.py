"""Notifications as they were kept: to look at, and to be heard again.

A replay believes nothing but the wallet's answer of now. What was kept is opened with the
provider's keys, which proves whose word it was, and says which number to ask about; then the order
is brought up to date by the same road as ever (`services/syncing.py`). A replay of what has been
applied changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, GatewayRejected, GatewayUnknown, NotFound, NotifyInvalid
from gateways.base import KeptNotices, RefundNotice, Trade
from models.event import UpstreamEvent
from models.order import PayAttempt, PayOrder
from models.provider import Provider
from secretbox.ring import SealBroken
from services import audit, lost
from services.accounts import NotConfigured, seal_place
from services.adoption import adopt
from services.deps import Deps
from services.orders import state_of
from services.syncing import sync_order


@dataclass(frozen=True, slots=True)
class EventLine:
    """One kept notification, and how the order it is about stands."""

    id: int
    out_mch_id: str
    channel: str
    kind: str
    out_trade_no: str
    received_at: datetime
    order_state: str | None  # None: we have no such order


@dataclass(frozen=True, slots=True)
class Opened:
    """What it says; the payer is left out."""

    line: EventLine
    raw_state: str
    amount_fen: int | None
    transaction_id: str | None
    payee: str | None
    out_refund_no: str | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The order's state before and after, and what the wallet said when it was asked."""

    out_trade_no: str
    before: str | None
    after: str | None
    said: tuple[str, ...]
    is_settled: bool

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


def newest(
    deps: Deps, *, out_mch_id: str = "", number: str = "", channel: str = "", most: int = 200
) -> list[EventLine]:
    """Kept notifications, newest first."""
    wanted = _wanted().order_by(UpstreamEvent.id.desc()).limit(most)
    for column, value in (
        (Provider.out_mch_id, out_mch_id),
        (UpstreamEvent.out_trade_no, number),
        (UpstreamEvent.channel, channel),
    ):
        if value:
            wanted = wanted.where(column == value)
    return deps.transact(lambda s: [_line(s, *row) for row in s.execute(wanted)])


def opened(deps: Deps, event_id: int) -> Opened:
    """One of them with what it says. Raises NotFound; BadInput when it can not be opened."""
    line, word, _ = _read(deps, event_id)
    trade = word.trade if isinstance(word, RefundNotice) else word
    return Opened(
        line=line,
        raw_state=word.raw_state,
        amount_fen=trade.amount_fen if trade else None,
        transaction_id=trade.transaction_id if trade else None,
        payee=word.payee,
        out_refund_no=word.out_refund_no if isinstance(word, RefundNotice) else None,
    )


def replay(deps: Deps, event_id: int, *, actor: str) -> Replayed:
    """Ask the wallet about what this notification was about, and apply the answer.

    An order that we have no longer is adopted, if the wallet confirms that it was paid. Raises
    NotFound; BadInput when it can not be opened; GatewayUnknown when the wallet does not answer.
    """
    line, word, provider_id = _read(deps, event_id)
    order_id = deps.transact(lambda s: _order_id(s, provider_id, word))
    if order_id is None:
        order_id = _adopted(deps, provider_id, word, actor)
    if order_id is None:
        said = (f"the wallet does not confirm that {word.out_trade_no} was paid to us",)
        made = Replayed(word.out_trade_no, None, None, said, is_settled=False)
    else:
        made = _synced(deps, provider_id, order_id, word, line.order_state, actor)
    deps.transact(lambda s: _note(s, deps, provider_id, event_id, made, actor))
    return made


def _adopted(deps: Deps, provider_id: int, word: Trade | RefundNotice, actor: str) -> int | None:
    try:
        made = adopt(deps, provider_id, word.channel, word.out_trade_no, word.payee, actor)
    except GatewayRejected:
        return None
    return made.order_id if made else None


def _synced(
    deps: Deps,
    provider_id: int,
    order_id: int,
    word: Trade | RefundNotice,
    before: str | None,
    actor: str,
) -> Replayed:
    if isinstance(word, RefundNotice):
        lost.adopt_told_refund(deps, provider_id, word)
    made = sync_order(deps, provider_id, order_id, actor=actor, is_audited=False)
    said = tuple(f"{answer.number}: {answer.said}" for answer in made.answers)
    return Replayed(made.out_trade_no, before, made.after, said, is_settled=made.is_settled)


def _read(deps: Deps, event_id: int) -> tuple[EventLine, Trade | RefundNotice, int]:
    """Unsealed, opened with the newest credentials or those being replaced, and compared."""
    row, line, version = deps.transact(lambda s: _row(s, event_id))
    key = f"{row.provider_id}:{row.channel}:{row.dedupe_key}"
    if row.sealed is None:
        raise BadInput(f"event {event_id}: what it said is no longer kept (docs/privacy.md)")
    try:
        body = deps.ring.open(row.sealed, seal_place("upstream_event", "sealed", key)).encode()
    except SealBroken:
        raise BadInput(f"event {event_id}: its key is no longer in the ring") from None
    accounts = deps.accounts_of(row.provider_id, version)
    candidates: tuple[Any, ...] = accounts.wechat if row.channel == "wechat" else accounts.alipay
    gateway = deps.gateways.pay[row.channel]
    assert isinstance(gateway, KeptNotices)
    why = "the provider has no such wallet"
    for account in candidates:
        try:
            word = gateway.read_kept(account, body)
        except (NotifyInvalid, GatewayUnknown, NotConfigured) as invalid:
            why = invalid.detail
            continue
        if word.out_trade_no[:64] != row.out_trade_no:
            raise BadInput(f"event {event_id} speaks of another number than it was kept under")
        return line, word, row.provider_id
    raise BadInput(f"event {event_id} can not be opened: {why}")


def _wanted() -> Any:
    return select(UpstreamEvent, Provider.out_mch_id).join(
        Provider, Provider.id == UpstreamEvent.provider_id
    )


def _row(session: Session, event_id: int) -> tuple[UpstreamEvent, EventLine, int]:
    found = session.execute(_wanted().where(UpstreamEvent.id == event_id)).first()
    if found is None:
        raise NotFound(f"no event {event_id}")
    version = session.get_one(Provider, found[0].provider_id).account_version
    return found[0], _line(session, *found), version


def _line(session: Session, row: UpstreamEvent, out_mch_id: str) -> EventLine:
    order = session.scalar(
        select(PayOrder)
        .join(
            PayAttempt,
            (PayAttempt.provider_id == PayOrder.provider_id) & (PayAttempt.order_id == PayOrder.id),
        )
        .where(
            PayAttempt.provider_id == row.provider_id,
            PayAttempt.channel == row.channel,
            PayAttempt.out_trade_no == row.out_trade_no,
        )
    )
    return EventLine(
        id=row.id,
        out_mch_id=out_mch_id,
        channel=row.channel,
        kind=row.kind,
        out_trade_no=row.out_trade_no,
        received_at=row.received_at,
        order_state=state_of(order) if order else None,
    )


def _order_id(session: Session, provider_id: int, word: Trade | RefundNotice) -> int | None:
    return session.scalar(
        select(PayAttempt.order_id).where(
            PayAttempt.provider_id == provider_id,
            PayAttempt.channel == word.channel,
            PayAttempt.out_trade_no == word.out_trade_no,
        )
    )


def _note(
    session: Session, deps: Deps, provider_id: int, event_id: int, made: Replayed, actor: str
) -> None:
    audit.record(
        session,
        provider_id=provider_id,
        actor=actor,
        action="event_replayed",
        subject=f"event:{event_id}",
        at=deps.now(),
        out_trade_no=made.out_trade_no,
        before=made.before,
        after=made.after,
        said=[words[:200] for words in made.said],
    )
