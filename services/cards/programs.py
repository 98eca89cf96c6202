"""A merchant's card: made, looked at, approved, suspended, deleted; its sums and its facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput, Conflict, NotFound
from models.card import (
    CardProgram,
    CardTier,
    IllegalCardTransition,
    ProgramStatus,
    RechargeMode,
)
from models.membership import WechatCard, WechatCardState
from models.merchant import Merchant
from models.provider import ChannelAccount
from services import audit
from services.cards.caps import open_room
from services.cards.member_problems import NotEmpty, ProgramIncomplete, ProgramState, SubMchid
from services.cards.room import lock_room
from services.cards.terms import current_terms
from services.deps import Deps

LIVE = (ProgramStatus.APPROVED, ProgramStatus.SUSPENDED)
MOST_TIERS = 12
# What may be set, and how long it may be (WeChat's limits where it has the field).
TEXTS: Mapping[str, int] = {
    "title": 9,
    "notice": 16,
    "description": 1024,
    "service_phone": 24,
    "logo_url": 256,
    "background_url": 256,
}
# Rows that point here may be written meanwhile: no order waits for a console.
GENTLY = {"key_share": True}
_COLOR = re.compile(r"Color[01][0-9]{2}")
_MCHID = re.compile(r"[0-9]{8,10}")


@dataclass(frozen=True, slots=True)
class Tier:
    """A fixed sum and what is given on top, in fen."""

    pay_fen: int
    bonus_fen: int = 0


def live_program(session: Session, provider_id: int, merchant_id: int) -> CardProgram | None:
    """The merchant's card if members have it: approved, or suspended for the time being."""
    found = alive_program(session, provider_id, merchant_id)
    return found if found is not None and found.status in LIVE else None


def alive_program(session: Session, provider_id: int, merchant_id: int) -> CardProgram | None:
    """The merchant's card in whatever state, if it is not deleted."""
    return session.scalar(
        select(CardProgram).where(
            CardProgram.provider_id == provider_id,
            CardProgram.merchant_id == merchant_id,
            CardProgram.status != ProgramStatus.DELETED,
        )
    )


def tiers(session: Session, program: CardProgram) -> list[CardTier]:
    """The sums that are offered now, smallest first."""
    found = session.scalars(
        select(CardTier)
        .where(
            CardTier.provider_id == program.provider_id,
            CardTier.program_id == program.id,
            CardTier.is_active,
        )
        .order_by(CardTier.pay_fen)
    )
    return list(found)


def create(
    deps: Deps, provider_id: int, merchant_id: int, facts: Mapping[str, Any], *, actor: str
) -> int:
    """A draft, with the merchant's room; one card a merchant. The program's id.

    `facts` are those of `change`; a title is needed. Raises BadInput, Conflict, SubMchid.
    """

    def unit(session: Session) -> int:
        merchant = session.get(Merchant, (provider_id, merchant_id), with_for_update=GENTLY)
        if merchant is None:
            raise NotFound(f"no merchant {merchant_id}")
        if alive_program(session, provider_id, merchant_id) is not None:
            raise Conflict(f"{merchant.name} has a card already")
        program = CardProgram(
            provider_id=provider_id, merchant_id=merchant_id, title="", created_at=deps.now()
        )
        _apply(session, program, merchant, facts)
        if not program.title:
            raise BadInput("a card has a title")
        session.add(program)
        session.flush()
        open_room(session, deps.settings, provider_id, merchant_id)
        _note(session, deps, program, actor, "card_created", title=program.title)
        return program.id

    return deps.transact(unit)


def change(
    deps: Deps, provider_id: int, merchant_id: int, facts: Mapping[str, Any], *, actor: str
) -> list[str]:
    """Set what is given; the names of what changed. What WeChat's reviewers saw stays as it was,
    logo and background apart (product CARD-3).

    `facts`: the names of TEXTS, `color`, `card_sub_mchid`, `mode`, `has_online_recharge`,
    `bonus_days` (None: a bonus never lapses).
    """

    def unit(session: Session) -> list[str]:
        program, merchant = _locked(session, provider_id, merchant_id)
        changed = _apply(session, program, merchant, facts)
        if changed:
            program.version += 1
            session.flush()
            _note(session, deps, program, actor, "card_changed", changed=changed)
        return changed

    return deps.transact(unit)


def set_tiers(
    deps: Deps, provider_id: int, merchant_id: int, wanted: list[Tier], *, actor: str
) -> None:
    """Offer these sums from now on. An older one is kept, switched off, for what was recharged
    with it. An order under way keeps the sum it was made with."""
    if len(wanted) > MOST_TIERS or len({tier.pay_fen for tier in wanted}) != len(wanted):
        raise BadInput(f"at most {MOST_TIERS} sums, each once")
    if any(t.pay_fen < 1 or not 0 <= t.bonus_fen <= t.pay_fen for t in wanted):
        raise BadInput("a sum is at least 0.01, its bonus between nothing and as much again")

    def unit(session: Session) -> None:
        program, _ = _locked(session, provider_id, merchant_id)
        known = {
            row.pay_fen: row
            for row in session.scalars(
                select(CardTier).where(
                    CardTier.provider_id == provider_id, CardTier.program_id == program.id
                )
            )
        }
        for row in known.values():
            row.is_active = False
        for tier in wanted:
            found = known.get(tier.pay_fen)
            if found is None:
                found = CardTier(
                    provider_id=provider_id, program_id=program.id, pay_fen=tier.pay_fen
                )
                session.add(found)
            found.bonus_fen, found.is_active = tier.bonus_fen, True
        program.version += 1
        session.flush()
        _note(
            session, deps, program, actor, "card_tiers_set",
            tiers=[[tier.pay_fen, tier.bonus_fen] for tier in wanted],
        )  # fmt: skip

    deps.transact(unit)


def submit(
    deps: Deps, provider_id: int, merchant_id: int, *, in_wechat: bool = False, actor: str
) -> None:
    """Hand the card in: to the provider's people, or to WeChat, which then decides by itself.

    `in_wechat` needs the card's own sub-merchant id and a logo. Raises ProgramIncomplete and
    ProgramState.
    """

    def work(session: Session, program: CardProgram) -> None:
        _demand_complete(session, program)
        if in_wechat and not program.card_sub_mchid:
            raise ProgramIncomplete("放进微信卡包需要会员卡子商户号")
        if in_wechat and not program.logo_url:
            raise ProgramIncomplete("放进微信卡包需要商户图标")
        row = session.get(WechatCard, (provider_id, program.id), with_for_update=True)
        if in_wechat and row is None:
            row = WechatCard(
                provider_id=provider_id,
                program_id=program.id,
                state=WechatCardState.WANTED,
                due_at=deps.now(),
                created_at=deps.now(),
            )
            session.add(row)
        elif in_wechat and row is not None:
            row.state, row.due_at, row.tries, row.said = (
                WechatCardState.WANTED, deps.now(), 0, "",
            )  # fmt: skip
        program.reject_reason = ""

    _move(
        deps, provider_id, merchant_id, ProgramStatus.AUDITING, "card_submitted", actor, work,
        in_wechat=in_wechat,
    )  # fmt: skip


def approve(deps: Deps, provider_id: int, merchant_id: int, *, actor: str) -> None:
    """By the provider's people. What was handed in at WeChat is WeChat's to approve."""

    def work(session: Session, program: CardProgram) -> None:
        _demand_complete(session, program)
        row = session.get(WechatCard, (provider_id, program.id))
        if row is not None and row.state in (WechatCardState.WANTED, WechatCardState.REVIEWED):
            raise ProgramState("微信正在审核这张卡，由微信决定")

    _move(deps, provider_id, merchant_id, ProgramStatus.APPROVED, "card_approved", actor, work)


def reject(deps: Deps, provider_id: int, merchant_id: int, reason: str, *, actor: str) -> None:
    """With a reason that the merchant reads."""
    if not reason.strip():
        raise BadInput("a rejection has a reason")

    def work(session: Session, program: CardProgram) -> None:
        program.reject_reason = reason.strip()[:256]
        row = session.get(WechatCard, (provider_id, program.id), with_for_update=True)
        if row is not None:
            row.state, row.due_at = WechatCardState.REFUSED, None

    _move(
        deps, provider_id, merchant_id, ProgramStatus.REJECTED, "card_rejected", actor, work,
        reason=reason.strip()[:256],
    )  # fmt: skip


def redraft(deps: Deps, provider_id: int, merchant_id: int, *, actor: str) -> None:
    """A rejected card, to be changed and handed in again."""
    _move(deps, provider_id, merchant_id, ProgramStatus.DRAFT, "card_redrafted", actor)


def suspend(deps: Deps, provider_id: int, merchant_id: int, *, actor: str) -> None:
    """No claim and no recharge any more; spending and refunds go on."""
    _move(deps, provider_id, merchant_id, ProgramStatus.SUSPENDED, "card_suspended", actor)


def resume(deps: Deps, provider_id: int, merchant_id: int, *, actor: str) -> None:
    """As before the suspension."""

    def work(session: Session, program: CardProgram) -> None:
        if program.status is not ProgramStatus.SUSPENDED:
            raise ProgramState("只有暂停的会员卡可以恢复")

    _move(deps, provider_id, merchant_id, ProgramStatus.APPROVED, "card_resumed", actor, work)


def delete(deps: Deps, provider_id: int, merchant_id: int, *, actor: str) -> None:
    """Only when all members' balances are 0 and no recharge is under way (product CARD-30).

    Raises NotEmpty with what is left.
    """

    def work(session: Session, program: CardProgram) -> None:
        # the merchant's row is held: nothing can be put on a card before this is committed
        room = lock_room(session, provider_id, merchant_id)
        if room.balance_fen or room.held_fen:
            raise NotEmpty(room.balance_fen, room.held_fen)
        row = session.get(WechatCard, (provider_id, program.id), with_for_update=True)
        if row is not None:
            row.state, row.due_at = WechatCardState.REFUSED, None
        program.deleted_at = deps.now()

    _move(deps, provider_id, merchant_id, ProgramStatus.DELETED, "card_deleted", actor, work)


Work = Callable[[Session, CardProgram], None]


def _move(
    deps: Deps,
    provider_id: int,
    merchant_id: int,
    new: ProgramStatus,
    action: str,
    actor: str,
    work: Work | None = None,
    **facts: Any,
) -> None:
    def unit(session: Session) -> None:
        program, _ = _locked(session, provider_id, merchant_id)
        move_in(session, deps, program, new, action, actor, work, **facts)

    deps.transact(unit)


def move_in(
    session: Session,
    deps: Deps,
    program: CardProgram,
    new: ProgramStatus,
    action: str,
    actor: str,
    work: Work | None = None,
    **facts: Any,
) -> None:
    """One step of a locked card, with its audit entry. Raises ProgramState for one that the table
    does not have."""
    before = program.status
    if work is not None:
        work(session, program)
    try:
        program.move_to(new)
    except IllegalCardTransition:
        raise ProgramState(f"会员卡现在是 {before}，不能变为 {new}") from None
    program.version += 1
    session.flush()
    _note(session, deps, program, actor, action, before=before, **facts)


def _locked(session: Session, provider_id: int, merchant_id: int) -> tuple[CardProgram, Merchant]:
    """The merchant first: whoever changes where its money goes locks it, too."""
    merchant = session.get(Merchant, (provider_id, merchant_id), with_for_update=GENTLY)
    if merchant is None:
        raise NotFound(f"no merchant {merchant_id}")
    found = alive_program(session, provider_id, merchant_id)
    if found is None:
        raise NotFound(f"{merchant.name} has no card")
    session.refresh(found, with_for_update=GENTLY)
    return found, merchant


def _apply(
    session: Session, program: CardProgram, merchant: Merchant, facts: Mapping[str, Any]
) -> list[str]:
    unknown = set(facts) - {
        *TEXTS, "color", "card_sub_mchid", "mode", "has_online_recharge", "bonus_days",
    }  # fmt: skip
    if unknown:
        raise BadInput(f"a card has no {sorted(unknown)[0]}")
    changed = []
    for name, value in facts.items():
        if getattr(program, name) != value:
            _check(session, program, merchant, name, value)
            setattr(program, name, value)
            changed.append(name)
    return sorted(changed)


def _check(
    session: Session, program: CardProgram, merchant: Merchant, name: str, value: Any
) -> None:
    if name in TEXTS and (not isinstance(value, str) or len(value) > TEXTS[name]):
        raise BadInput(f"{name} has at most {TEXTS[name]} characters")
    if name.endswith("_url") and value and not value.startswith("https://"):
        raise BadInput(f"{name} begins with https://")
    if name == "color" and not _COLOR.fullmatch(value):
        raise BadInput("a colour is one of WeChat's, Color010 to Color102")
    if name == "bonus_days" and value is not None and value < 1:
        raise BadInput("a bonus lasts at least a day")
    if name == "mode":
        RechargeMode(value)
    if name == "card_sub_mchid":
        _check_sub_mchid(session, program, merchant, value)


def _check_sub_mchid(
    session: Session, program: CardProgram, merchant: Merchant, value: str | None
) -> None:
    """The card's own number at WeChat; never one that takes payments (CARD-1), and fixed once the
    card exists (CARD-3)."""
    if program.card_sub_mchid and program.status is not ProgramStatus.DRAFT:
        raise SubMchid("已有会员卡，子商户号不能更改")
    if value is None:
        return
    if not _MCHID.fullmatch(value):
        raise SubMchid("会员卡子商户号是 8 到 10 位数字")
    if value == merchant.wechat_sub_mchid:
        raise SubMchid("这是支付的子商户号，请填写会员卡的子商户号")
    payee = session.scalar(
        select(Merchant.name).where(
            Merchant.provider_id == merchant.provider_id, Merchant.wechat_sub_mchid == value
        )
    )
    if payee is not None:
        raise SubMchid(f"这是「{payee}」的支付子商户号")
    accounts = session.scalars(
        select(ChannelAccount.facts).where(ChannelAccount.provider_id == merchant.provider_id)
    )
    if any(value == facts.get("sp_mchid") for facts in accounts):
        raise SubMchid("这是服务商自己的商户号")


def refuse_card_number(session: Session, provider_id: int, sub_mchid: str) -> None:
    """The other way round (CARD-1): the number of a card is not one that payments go to."""
    title = session.scalar(
        select(CardProgram.title).where(
            CardProgram.provider_id == provider_id,
            CardProgram.card_sub_mchid == sub_mchid,
            CardProgram.status != ProgramStatus.DELETED,
        )
    )
    if title is not None:
        raise SubMchid(f"这是会员卡「{title}」的子商户号，不能用来收款")


def _demand_complete(session: Session, program: CardProgram) -> None:
    """Nobody is asked to pay before the terms say who owes it back."""
    if current_terms(session, program.provider_id, program.merchant_id) is None:
        raise ProgramIncomplete("先发布会员卡章程（发行人、联系方式、退款规则）")
    if program.mode is RechargeMode.FIXED and not tiers(session, program):
        raise ProgramIncomplete("固定金额充值至少要有一档")


def _note(
    session: Session, deps: Deps, program: CardProgram, actor: str, action: str, **facts: Any
) -> None:
    audit.record(
        session,
        provider_id=program.provider_id,
        actor=actor,
        action=action,
        subject=f"card_program:{program.id}",
        at=deps.now(),
        **facts,
    )
