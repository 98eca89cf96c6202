"""Deposits that a restored backup has lost, or knows as they were: their wallet is asked anew.

What a log or a bill names is a question. All questions about one hold are asked first; then
`deposits/regaining` writes the answers down in one transaction, so nobody sees half of a hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import GatewayUnknown
from gateways.base import ChannelAccount, Trade, TradeState
from gateways.deposits import Deposits, FreezeWord, Hold, ReleaseRequest
from models.deposit import DepositFreeze, DepositMove, MoveKind, MoveStatus
from services import adoption
from services.accounts import NotConfigured
from services.deposits import conditions, regaining, sweep
from services.deposits.regaining import Consumed, Heard, Place, Released
from services.deps import Deps
from services.intent_log import ToldDeposit

TRIES = 5
Pace = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Asking:
    """One hold that is or was held, and what to ask its wallet about it."""

    wallet: Deposits
    account: ChannelAccount
    hold: Hold
    told: tuple[ToldDeposit, ...]  # consumptions and releases that we have no row of
    pace: Pace


def regain(
    deps: Deps,
    provider_id: int,
    channel: str,
    out_freeze_no: str,
    told: Sequence[ToldDeposit],
    actor: str,
    *,
    pace: Pace = lambda: None,
) -> bool:
    """Ask about one hold and what was done with it, and write down what the wallet confirms.

    True where the hold is ours now, as before or again. Safe to repeat, and from several at once.
    `told` must name it where there is no row of it: `regain_consumed` is for a bill's number.
    `pace` is called before each question. Raises GatewayUnknown, GatewayRejected and NotConfigured
    where the wallet does not say: nothing is written then.
    """
    for _ in range(TRIES):
        heard = _ask(deps, provider_id, channel, out_freeze_no, told, pace)
        if heard is None:
            return False
        try:
            made = deps.transact(
                lambda s, h=heard: regaining.write(s, deps, h, actor),  # type: ignore[misc]
                rerun_if_unknown=True,
            )
        except IntegrityError:  # a number was taken meanwhile: all is read again
            continue
        if made is not None:
            return made
    raise GatewayUnknown("the deposit moves while it is being asked about")


def regain_consumed(
    deps: Deps, provider_id: int, channel: str, number: str, payee: str | None, actor: str
) -> bool:
    """The same for a number of a bill that is no order's: True where the wallet says that it was
    consumed of a deposit. Nothing else is taken for one: a wallet may answer about any payment."""
    told = ToldDeposit(number, channel, payee=payee or "")
    place = _place(deps, provider_id, channel, number, (told,), is_sure=False)
    if place is None:
        return False
    word = deps.gateways.deposits[channel].query_freeze(place.account, number)
    return word.was_consumed and regain(deps, provider_id, channel, number, (told,), actor)


def _ask(
    deps: Deps,
    provider_id: int,
    channel: str,
    out_freeze_no: str,
    told: Sequence[ToldDeposit],
    pace: Pace,
) -> Heard | None:
    """None: the number is of nobody here."""
    ordered = tuple(sorted(told, key=lambda t: (t.at, t)))
    place = _place(deps, provider_id, channel, out_freeze_no, ordered)
    if place is None:
        return None
    wallet = deps.gateways.deposits[channel]
    pace()
    word = wallet.query_freeze(place.account, out_freeze_no)
    if not word.was_held:
        return Heard(place, word, ordered)
    assert word.freeze_id is not None
    assert word.freeze_fen is not None
    hold = Hold(out_freeze_no, word.freeze_id, word.freeze_fen)
    moves = tuple(t for t in ordered if t.number and (t.kind, t.number) not in place.known)
    it = _Asking(wallet, place.account, hold, moves, pace)
    return Heard(place, word, ordered, _consumed(it, place, word), _released(it))


def _place(
    deps: Deps,
    provider_id: int,
    channel: str,
    out_freeze_no: str,
    told: tuple[ToldDeposit, ...],
    *,
    is_sure: bool = True,
) -> Place | None:
    """None where nobody here can have it; not `is_sure`: or may hold no deposits."""

    def unit(
        session: Session,
    ) -> tuple[DepositFreeze | None, frozenset[tuple[str, str]], bool]:
        freeze = session.scalar(
            select(DepositFreeze).where(
                DepositFreeze.provider_id == provider_id,
                DepositFreeze.out_freeze_no == out_freeze_no,
            )
        )
        known = session.execute(
            select(DepositMove.kind, DepositMove.number).where(
                DepositMove.provider_id == provider_id,
                DepositMove.number.in_([t.number for t in told if t.number]),
            )
        )
        names = frozenset((row.kind.value, row.number) for row in known)
        return freeze, names, freeze is not None and _is_consumed_here(session, freeze)

    freeze, known, is_consumed = deps.transact(unit)
    if freeze is not None:
        if freeze.channel != channel:
            return None
        account = sweep.account_of(deps, freeze)
        whose = (freeze.merchant_id, freeze.store_id)
        return Place(provider_id, *whose, out_freeze_no, account, freeze, known, is_consumed)
    named = next((t.payee for t in told if t.payee), None)
    home = adoption.find_home(deps, provider_id, channel, out_freeze_no, named)
    if home is None:
        return None
    if not is_sure and not _may_hold(deps, home, channel):
        return None
    if not deps.gateways.deposits[channel].is_ready(home.account):
        raise NotConfigured(channel=channel)
    whose = (home.merchant_id, home.store_id)
    return Place(provider_id, *whose, out_freeze_no, home.account, None, known, is_consumed)


def _may_hold(deps: Deps, home: adoption.Home, channel: str) -> bool:
    def unit(session: Session) -> bool:
        try:
            conditions.check(session, home.provider_id, home.merchant_id, channel)
        except conditions.MISSING:
            return False
        return True

    return deps.transact(unit)


def _is_consumed_here(session: Session, freeze: DepositFreeze) -> bool:
    """Whether a consumption of ours has happened, or may have."""
    found = session.scalar(
        select(DepositMove.id)
        .where(
            DepositMove.provider_id == freeze.provider_id,
            DepositMove.freeze_id == freeze.id,
            DepositMove.kind == MoveKind.CONSUME,
            DepositMove.status != MoveStatus.FAILED,
        )
        .limit(1)
    )
    return found is not None


def _consumed(it: _Asking, place: Place, word: FreezeWord) -> tuple[Consumed, ...]:
    told = [t for t in it.told if t.kind == MoveKind.CONSUME]
    if it.wallet.numbers_consumptions:
        asked = [(t, _trade(it, t.number)) for t in told]
        happened = (TradeState.SUCCESS, TradeState.PAYING)
        return tuple(Consumed(t, trade) for t, trade in asked if trade.state in happened)
    if place.is_consumed or not (word.was_consumed or word.is_moving):
        return ()
    trade = _trade(it, it.hold.out_freeze_no)
    # The wallet knows one and not its number: it is the last one that we asked for with its amount.
    fits = [t for t in told if trade.amount_fen is None or t.amount_fen in (0, trade.amount_fen)]
    if trade.state is TradeState.PAYING and not (fits and fits[-1].amount_fen):
        raise GatewayUnknown("a consumption is being settled, and nobody knows how much")
    return (Consumed(fits[-1] if fits else None, trade),)


def _trade(it: _Asking, number: str) -> Trade:
    it.pace()
    return it.wallet.consumption(it.account, number)


def _released(it: _Asking) -> tuple[Released, ...]:
    told = [t for t in it.told if t.kind == MoveKind.RELEASE]
    if not it.wallet.releases_parts:
        told = told[-1:]  # there is one, of all of it, whatever the number
    found = []
    for one in told:
        it.pace()
        word = it.wallet.query_release(it.account, ReleaseRequest(it.hold, one.number, 0, ""))
        whole = 0 if it.wallet.releases_parts else it.hold.freeze_fen
        if word.is_done:
            found.append(Released(one, word, word.amount_fen or whole or one.amount_fen))
    return tuple(found)
