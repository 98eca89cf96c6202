"""Throwing one switch of one merchant: intend, call, apply.

What was asked stands on the row before WeChat is called. If no answer comes it stays there: the
switch is unsure, shown as such, and a repeat decides (there is no API to ask).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown, NotFound
from gateways.base import WechatAccount
from gateways.wechat_pay import goldplan
from gateways.wechat_pay.goldplan import SCENES, GoldPlanRefused, Why
from models.gold_plan import GoldPlan, Switched
from models.merchant import Merchant
from models.provider import Provider
from services import audit
from services.accounts import NotConfigured, account_for
from services.deps import Deps
from services.gold_plan import problems, rows, state
from services.gold_plan.tags import checked

REOPENS_AFTER: Final = timedelta(hours=24)  # wechat.md B1
ANSWERS_WITHIN: Final = timedelta(minutes=1)  # longer than any call may take


class Act(StrEnum):
    PLAN = "plan"
    RECEIPT = "receipt"
    TAGS = "tags"
    ADS = "ads"


@dataclass(frozen=True, slots=True)
class Change:
    """`on` is the switch's way; `tags` count for TAGS alone."""

    act: Act
    on: bool = True
    tags: tuple[str, ...] = ()
    scene: str = SCENES[0]

    @property
    def to(self) -> str:
        return Switched.OPEN if self.on else Switched.CLOSED


@dataclass(frozen=True, slots=True)
class Intent:
    """What goes upstream, the mark that the answer looks for, and what was unsure before it."""

    account: WechatAccount
    change: Change
    tags: tuple[str, ...]
    mark: str
    before: dict[str, str] | None


def change(deps: Deps, provider_id: int, merchant_id: int, wanted: Change, *, actor: str) -> None:
    """Raises NotFound for another provider's merchant, and each of `problems`.

    Throwing a switch again the way it stands is a call like any other: it repairs what drifted.
    """
    caller = _account(deps, provider_id, merchant_id)
    intent = deps.transact(lambda s: _intend(s, deps, caller, merchant_id, wanted, actor))
    try:
        _call(deps, intent)
    except GatewayUnknown:
        deps.transact(lambda s: _note(s, deps, provider_id, merchant_id, wanted, actor, "unsure"))
        raise problems.Unsure from None
    except GatewayRejected as no:
        said = no if isinstance(no, GoldPlanRefused) else goldplan.refused(no)
        deps.transact(lambda s: _refused(s, deps, provider_id, merchant_id, intent, said, actor))
        raise problems.problem_of(said) from None
    deps.transact(lambda s: _apply(s, deps, provider_id, merchant_id, intent, actor))


def cooldown_left(row: GoldPlan | None, now: datetime) -> timedelta | None:
    """How long opening is refused yet; None when it may be opened."""
    if row is None or row.plan is not Switched.CLOSED or row.closed_at is None:
        return None
    left = row.closed_at + REOPENS_AFTER - now
    return left if left > timedelta(0) else None


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who is asked for whom."""

    provider_id: int
    account: WechatAccount


def _account(deps: Deps, provider_id: int, merchant_id: int) -> _Caller:
    def unit(session: Session) -> tuple[str | None, int]:
        merchant = session.get(Merchant, (provider_id, merchant_id))
        if merchant is None:
            raise NotFound(f"no merchant {merchant_id}")
        version = select(Provider.account_version).where(Provider.id == provider_id)
        return merchant.wechat_sub_mchid, session.scalars(version).one()

    sub_mchid, version = deps.transact(unit)
    accounts = deps.accounts_of(provider_id, version)
    try:
        account = account_for(accounts, "wechat", merchant_id, sub_mchid)
    except NotConfigured:
        raise problems.NoSubMerchant from None
    assert isinstance(account, WechatAccount)
    return _Caller(provider_id, account)


def _intend(
    session: Session, deps: Deps, caller: _Caller, merchant_id: int, wanted: Change, actor: str
) -> Intent:
    now, provider_id = deps.now(), caller.provider_id
    row = rows.lock(session, provider_id, merchant_id, now)
    tags = _may(session, row, wanted, now)
    asked = row.unsure.get(wanted.act)
    if asked is not None and now < datetime.fromisoformat(asked["at"]) + ANSWERS_WITHIN:
        raise problems.Busy
    mark = now.isoformat()
    row.unsure = {**row.unsure, wanted.act: {"to": wanted.to, "at": mark}}
    _note(session, deps, provider_id, merchant_id, wanted, actor, "asked")
    return Intent(caller.account, wanted, tags, mark, asked)


def _may(session: Session, row: GoldPlan, wanted: Change, now: datetime) -> tuple[str, ...]:
    """The tags to send, once nothing that we know stands against it."""
    if wanted.act is Act.PLAN and wanted.on:
        left = cooldown_left(row, now)
        if left is not None:
            raise problems.cooldown(left)
    if wanted.act is Act.PLAN and not wanted.on and state.is_managed(session, row.provider_id):
        raise problems.Managed
    if wanted.act is Act.TAGS:
        return checked(wanted.tags)
    if wanted.act is Act.ADS and wanted.on:
        return checked(row.tags)  # opening overwrites the filter: it is always sent along
    return ()


def _call(deps: Deps, intent: Intent) -> None:
    gateway, account, wanted = deps.gateways.wechat_gold_plan, intent.account, intent.change
    if wanted.act is Act.PLAN:
        gateway.switch_plan(account, on=wanted.on, scene=wanted.scene)
    elif wanted.act is Act.RECEIPT:
        gateway.switch_receipt(account, on=wanted.on)
    elif wanted.act is Act.TAGS:
        gateway.set_tags(account, intent.tags)
    elif wanted.on:
        gateway.open_ads(account, intent.tags)
    else:
        gateway.close_ads(account)


def _apply(
    session: Session, deps: Deps, provider_id: int, merchant_id: int, intent: Intent, actor: str
) -> None:
    now, wanted = deps.now(), intent.change
    row = rows.lock(session, provider_id, merchant_id, now)
    if not _is_ours(row, intent):
        return  # thrown again meanwhile: that one's answer counts
    _forget(row, wanted.act)
    if wanted.act is Act.PLAN:
        _plan_is(row, Switched(wanted.to), now)
        row.scene = wanted.scene
    elif wanted.act is Act.RECEIPT:
        row.receipt, row.receipt_changed_at = Switched(wanted.to), now
    elif wanted.act is Act.TAGS:
        row.tags = list(intent.tags)
    else:
        row.ads = Switched(wanted.to)
    _note(session, deps, provider_id, merchant_id, wanted, actor, "done")


def _plan_is(row: GoldPlan, now_is: Switched, at: datetime) -> None:
    """Closing what is closed does not begin the 24 hours anew; what it was before counts here."""
    if now_is is Switched.CLOSED and row.plan is not Switched.CLOSED:
        row.closed_at = at
    if row.plan is not now_is:
        row.plan, row.plan_changed_at = now_is, at


def _refused(
    session: Session,
    deps: Deps,
    provider_id: int,
    merchant_id: int,
    intent: Intent,
    no: GoldPlanRefused,
    actor: str,
) -> None:
    """It is as it was, and so is what was unsure before.

    That opening is too soon says when a closing that nobody answered was done.
    """
    row, act = rows.lock(session, provider_id, merchant_id, deps.now()), intent.change.act
    if _is_ours(row, intent):
        _forget(row, act)
        before = intent.before
        if before and before["to"] == Switched.CLOSED and no.why is Why.COOLDOWN:
            _plan_is(row, Switched.CLOSED, datetime.fromisoformat(before["at"]))
        elif before:
            row.unsure = {**row.unsure, act: before}
    _note(session, deps, provider_id, merchant_id, intent.change, actor, "refused", why=no.why)


def _is_ours(row: GoldPlan, intent: Intent) -> bool:
    asked = row.unsure.get(intent.change.act)
    return asked is not None and asked["at"] == intent.mark


def _forget(row: GoldPlan, act: Act) -> None:
    row.unsure = {name: asked for name, asked in row.unsure.items() if name != act}


def _note(
    session: Session, deps: Deps, provider_id: int, merchant_id: int, wanted: Change,
    actor: str, outcome: str, **more: Any,
) -> None:  # fmt: skip
    audit.record(
        session, provider_id=provider_id, actor=actor, action=f"gold_plan_{outcome}",
        subject=f"merchant:{merchant_id}", at=deps.now(), switch=wanted.act.value, to=wanted.to,
        **({"tags": list(wanted.tags)} if wanted.tags else {}), **more,
    )  # fmt: skip
