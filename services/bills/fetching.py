"""Fetching a bill: one worker at a time, the whole file verified before anything is believed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import Conflict, GatewayRejected, GatewayUnknown, NotFound
from gateways.base import BillBroken, BillNotReady, BillTotals, ChannelAccount
from models.bill import Bill, BillStatus
from models.provider import Provider
from services.accounts import NotConfigured, account_for
from services.bills.files import keep, rows_file, workplace
from services.cards import agreement
from services.deps import Deps
from services.leases import Held, claim, holds, release

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=20)  # longer than a download and a match may take
NOT_READY_AGAIN = timedelta(minutes=30)  # WeChat's own advice (wechat.md A11)
REFUSED_AGAIN = timedelta(hours=6)
MATCH_WITHIN = timedelta(minutes=2)  # who fetched it matches it; should he die, another does
BROKEN_AGAIN = timedelta(hours=1)
SLOWEST = timedelta(hours=1)
MOST_BROKEN = 5  # then a person looks
MOST_TRIES = 40


@dataclass(frozen=True, slots=True)
class Job:
    """What fetching one bill needs to know."""

    provider_id: int
    bill_id: int
    channel: str
    bill_on: date
    account: ChannelAccount


def find_bill(session: Session, bill_id: int, *, lock: bool = False) -> Bill:
    """By its id. Raises NotFound."""
    wanted = select(Bill).where(Bill.id == bill_id).execution_options(populate_existing=True)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotFound(f"there is no bill {bill_id}")
    return found


def take(deps: Deps, bill_id: int) -> Held:
    """The bill's lease. Raises Conflict while another process is at it."""
    held = claim(deps, f"bill:{bill_id}", LEASE)
    if held is None:
        raise Conflict(f"bill {bill_id} is being worked on")
    return held


def fetch_bill(deps: Deps, bill_id: int) -> None:
    """Download the bill and keep its rows, or write down why not and when to try again.

    A bill that was there before is replaced only by a whole one. Raises NotFound, and Conflict
    while another process is at it.
    """
    deps.transact(lambda s: find_bill(s, bill_id))
    held = take(deps, bill_id)
    try:
        _fetch(deps, bill_id, held)
    finally:
        release(deps, held)


def _fetch(deps: Deps, bill_id: int, held: Held) -> None:
    deps.transact(lambda s: _begin(s, deps, bill_id))
    bill = deps.transact(lambda s: find_bill(s, bill_id))
    if agreement.is_of(bill):
        added = deps.transact(lambda s: agreement.totals(s, bill))
        deps.transact(lambda s: _write_loaded(s, deps, held, bill_id, added, None))
        return
    try:
        job = _job(deps, bill_id)
        totals, name = _download(deps, job)
    except BillNotReady as problem:
        _not_yet(deps, held, bill_id, str(problem), NOT_READY_AGAIN)
    except (GatewayRejected, NotConfigured) as problem:
        said = getattr(problem, "upstream_code", "") or problem.code
        _not_yet(deps, held, bill_id, said, REFUSED_AGAIN)
    except GatewayUnknown as problem:
        _not_yet(deps, held, bill_id, problem.detail or problem.code, None)
    except BillBroken as problem:
        log.error("bill broken", extra={"bill": bill_id, "line": problem.line})
        broken = problem
        deps.transact(lambda s: _write_broken(s, deps, held, bill_id, broken))
    else:
        old = deps.transact(lambda s: _write_loaded(s, deps, held, bill_id, totals, name))
        if old is not None:
            rows_file(deps.settings, job.provider_id, old).unlink(missing_ok=True)


def _begin(session: Session, deps: Deps, bill_id: int) -> None:
    bill = find_bill(session, bill_id, lock=True)
    bill.status, bill.tries = BillStatus.FETCHING, bill.tries + 1
    bill.due_at = deps.now() + LEASE  # should we die: another begins anew


def _job(deps: Deps, bill_id: int) -> Job:
    def unit(session: Session) -> tuple[Bill, int]:
        bill = find_bill(session, bill_id)
        return bill, session.get_one(Provider, bill.provider_id).account_version

    bill, version = deps.transact(unit)
    accounts = deps.accounts_of(bill.provider_id, version)
    account: ChannelAccount
    if bill.channel == "wechat":
        if not accounts.wechat or accounts.wechat[0].sp_mchid != bill.account:
            raise NotConfigured(channel="wechat")
        account = accounts.wechat[0]
    else:
        assert bill.merchant_id is not None
        account = account_for(accounts, "alipay", bill.merchant_id, None)
        if getattr(account, "seller_id", None) != bill.account:
            raise NotConfigured(channel="alipay")
    return Job(bill.provider_id, bill.id, bill.channel, bill.bill_on, account)


def _download(deps: Deps, job: Job) -> tuple[BillTotals | None, str | None]:
    """What the bill adds up to and the name of its rows. No transaction is open."""
    with workplace(deps.settings) as folder:
        made = folder / "bill.parquet"
        totals = deps.gateways.bills[job.channel].fetch(job.account, job.bill_on, folder, made)
        name = None if totals is None else keep(deps.settings, job.provider_id, made)
    return totals, name


def _write_loaded(
    session: Session,
    deps: Deps,
    held: Held,
    bill_id: int,
    totals: BillTotals | None,
    name: str | None,
) -> str | None:
    """The name of the rows that nobody needs any more: the last ones, or ours if we came late."""
    if not holds(session, held):
        return name
    bill, now = find_bill(session, bill_id, lock=True), deps.now()
    found = totals or BillTotals()
    bill.status = BillStatus.EMPTY if totals is None else BillStatus.LOADED
    bill.loaded_at, bill.due_at = now, now + MATCH_WITHIN
    old, bill.rows_name = bill.rows_name, name
    bill.said = bill.broken_line = bill.broken_reason = None
    bill.trades, bill.trade_fen = found.trades, found.trade_fen
    bill.refunds, bill.refund_fen = found.refunds, found.refund_fen
    bill.fee_millifen = found.fee_millifen
    facts = {"bill": bill_id, "channel": bill.channel, "rows": found.trades + found.refunds}
    log.info("bill loaded", extra=facts)
    return old


def _write_broken(
    session: Session, deps: Deps, held: Held, bill_id: int, problem: BillBroken
) -> None:
    if not holds(session, held):
        return
    bill = find_bill(session, bill_id, lock=True)
    bill.status = BillStatus.BROKEN
    bill.broken_line, bill.broken_reason = problem.line, problem.reason[:256]
    bill.due_at = deps.now() + BROKEN_AGAIN if bill.tries < MOST_BROKEN else None


def _not_yet(deps: Deps, held: Held, bill_id: int, said: str, after: timedelta | None) -> None:
    def unit(session: Session) -> None:
        if not holds(session, held):
            return
        bill = find_bill(session, bill_id, lock=True)
        bill.status, bill.said = BillStatus.WANTED, said[:128]
        bill.due_at = _again(bill, deps.now(), after)

    deps.transact(unit)
    log.warning("bill not fetched", extra={"bill": bill_id, "why": said[:128]})


def _again(bill: Bill, now: datetime, after: timedelta | None) -> datetime | None:
    if bill.tries >= MOST_TRIES:
        return None
    return now + (after or min(SLOWEST, timedelta(minutes=2 ** min(bill.tries, 6))))
