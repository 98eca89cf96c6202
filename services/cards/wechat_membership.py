"""A merchant's card in WeChat's own wallet, beside our page: made there, reviewed, kept up to date.

Our card page is the dependable one; this is an extra that a program may have. What WeChat shows is
a copy: it is written from our ledger, never read back. Each row has its own due time; a copy that
WeChat refuses again and again is left alone, with the reason, until the card moves.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.money import yuan_from_fen
from gateways.wechat_oa.cards import CardDesign, Review, WechatCards
from models.card import CardProgram, CardStatus, MemberCard, ProgramStatus
from models.membership import WechatCard, WechatCardCopy, WechatCardState
from models.merchant import Merchant
from models.provider import Provider
from services.cards.member_problems import CardUnknown, NotOffered
from services.cards.programs import move_in
from services.deps import Deps
from services.oa import tokens
from services.problems import PayProblem

CLAIM = timedelta(seconds=60)  # longer than a call may take
REVIEW_AFTER = (60, 300, 900, 3600)  # seconds; the last repeats: reviews take days
COPY_AFTER = (5, 30, 120, 600, 3600)  # then no more until the card moves
WORKER = "wechat"
DEFAULT_NOTICE = "付款时出示"
DEFAULT_ABOUT = "会员储值卡"


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours for a minute: a program's (`kind` is card) or a member's (copy)."""

    kind: str
    provider_id: int
    id: int


_CLAIM_CARDS = text("""
UPDATE wechat_card SET due_at = :until, tries = tries + 1
WHERE (provider_id, program_id) IN (SELECT provider_id, program_id FROM wechat_card
    WHERE due_at <= :now ORDER BY due_at, provider_id, program_id LIMIT :most
    FOR UPDATE SKIP LOCKED)
RETURNING 'card' AS kind, provider_id, program_id AS id
""")
_CLAIM_COPIES = text("""
UPDATE wechat_card_copy SET due_at = :until, tries = tries + 1
WHERE (provider_id, card_id) IN (SELECT provider_id, card_id FROM wechat_card_copy
    WHERE due_at <= :now ORDER BY due_at, provider_id, card_id LIMIT :most
    FOR UPDATE SKIP LOCKED)
RETURNING 'copy' AS kind, provider_id, card_id AS id
""")


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Rows whose time has come; a claim that its holder does not end comes back by itself."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        values = {"now": now, "until": now + CLAIM, "most": most}
        rows = [*session.execute(_CLAIM_CARDS, values), *session.execute(_CLAIM_COPIES, values)]
        return [Claim(row.kind, row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def pursue(deps: Deps, claim: Claim) -> None:
    """Ask WeChat, or tell it, once; what comes of it is written on the row."""
    if claim.kind == "card":
        _pursue_card(deps, claim)
    else:
        _pursue_copy(deps, claim)


# --- the program's card: made, then asked about until WeChat has decided -------------------------


def _pursue_card(deps: Deps, claim: Claim) -> None:
    design, card_id = deps.transact(lambda s: _design(s, deps, claim))
    try:
        cards = deps.gateways.wechat_cards
        if card_id is None:
            made = tokens.call(deps, claim.provider_id, lambda t: cards.create(t, design))
            deps.transact(lambda s: _made(s, deps, claim, made))
        else:
            review = tokens.call(deps, claim.provider_id, lambda t: cards.review(t, card_id))
            deps.transact(lambda s: _reviewed(s, deps, claim, review))
    except GatewayRejected as problem:
        said = f"{problem.upstream_code} {problem.upstream_message}"[:200]
        deps.transact(lambda s: _refused(s, deps, claim, said))
    except (GatewayUnknown, PayProblem) as problem:
        why = str(problem)[:200]
        deps.transact(lambda s: _later(s, deps, claim, why))


def _design(session: Session, deps: Deps, claim: Claim) -> tuple[CardDesign, str | None]:
    program = session.get_one(CardProgram, (claim.provider_id, claim.id))
    merchant = session.get_one(Merchant, (claim.provider_id, program.merchant_id))
    design = CardDesign(
        title=program.title,
        brand_name=merchant.short_name[:12],
        notice=program.notice or DEFAULT_NOTICE,
        description=program.description or DEFAULT_ABOUT,
        color=program.color,
        logo_url=program.logo_url,
        background_url=program.background_url,
        service_phone=program.service_phone,
        card_url=card_url(session, deps, merchant),
        sub_mchid=program.card_sub_mchid or "",
    )
    return design, program.wechat_card_id


def card_url(session: Session, deps: Deps, merchant: Merchant) -> str:
    """The merchant's card page, from the own address."""
    provider = session.get_one(Provider, merchant.provider_id)
    return f"{deps.settings.base_url}/card/{provider.out_mch_id}/{merchant.out_sub_mch_id}"


def _made(session: Session, deps: Deps, claim: Claim, card_id: str) -> None:
    row, program = _locked(session, claim)
    program.wechat_card_id = card_id
    if row.due_at is not None:  # else it was rejected or deleted meanwhile
        row.state, row.tries, row.said = WechatCardState.REVIEWED, 0, ""
        row.due_at = deps.now()
    session.flush()


def _reviewed(session: Session, deps: Deps, claim: Claim, review: Review) -> None:
    row, program = _locked(session, claim)
    if row.state is not WechatCardState.REVIEWED:
        return
    if review is Review.WAITING:
        row.due_at = deps.now() + timedelta(seconds=_after(REVIEW_AFTER, row.tries))
        session.flush()
        return
    passed = review is Review.PASSED
    row.state = WechatCardState.PASSED if passed else WechatCardState.REFUSED
    row.due_at = None
    session.flush()
    if program.status is not ProgramStatus.AUDITING:
        return
    if passed:
        move_in(session, deps, program, ProgramStatus.APPROVED, "card_approved", WORKER)
    else:
        program.reject_reason = "微信审核未通过，请到公众平台查看原因"
        move_in(session, deps, program, ProgramStatus.REJECTED, "card_rejected", WORKER)


def _refused(session: Session, deps: Deps, claim: Claim, said: str) -> None:
    """A definite no to the request itself: the same request would be refused again."""
    row, program = _locked(session, claim)
    if row.due_at is None:
        return
    row.state, row.due_at, row.said = WechatCardState.REFUSED, None, said
    session.flush()
    if program.status is ProgramStatus.AUDITING:
        program.reject_reason = f"微信没有接受：{said}"[:256]
        move_in(session, deps, program, ProgramStatus.REJECTED, "card_rejected", WORKER)


def _later(session: Session, deps: Deps, claim: Claim, why: str) -> None:
    row, _ = _locked(session, claim)
    if row.due_at is not None:
        row.said = why
        row.due_at = deps.now() + timedelta(seconds=_after(REVIEW_AFTER, row.tries))
        session.flush()


def _locked(session: Session, claim: Claim) -> tuple[WechatCard, CardProgram]:
    """The program first, as everywhere (`programs.py`)."""
    keys = (claim.provider_id, claim.id)
    program = session.get_one(CardProgram, keys, with_for_update={"key_share": True})
    return session.get_one(WechatCard, keys, with_for_update=True), program


def _after(steps: tuple[int, ...], tries: int) -> int:
    return steps[min(max(tries, 1), len(steps)) - 1]


# --- a member's card: taken, then shown ----------------------------------------------------------


def add_to_wallet(deps: Deps, provider_id: int, card_id: int) -> dict[str, str]:
    """What the page hands to `wx.addCard` for this card. Raises NotOffered where the program is
    not in WeChat's wallet, GatewayRejected and GatewayUnknown."""

    def unit(session: Session) -> tuple[str, str]:
        card, program = _passed(session, provider_id, card_id)
        assert program.wechat_card_id is not None
        return program.wechat_card_id, card.number

    there, code = deps.transact(unit)
    ticket, nonce = tokens.card_ticket(deps, provider_id), secrets.token_hex(16)
    return deps.gateways.wechat_cards.add_card(ticket, there, code, nonce=nonce)


def added(deps: Deps, provider_id: int, card_id: int) -> None:
    """The page says that the card is in the wallet now: it is activated and shown from here on.

    Whether it is true is WeChat's to say: for a card that nobody took it answers no.
    """

    def unit(session: Session) -> None:
        card, _ = _passed(session, provider_id, card_id)
        card.wechat_code = card.number
        row = session.get(WechatCardCopy, (provider_id, card_id), with_for_update=True)
        if row is None:
            row = WechatCardCopy(provider_id=provider_id, card_id=card_id)
            session.add(row)
        if not row.is_activated:
            row.due_at, row.tries, row.said = deps.now(), 0, ""
        session.flush()

    deps.transact(unit)


def _passed(session: Session, provider_id: int, card_id: int) -> tuple[MemberCard, CardProgram]:
    card = session.get(MemberCard, (provider_id, card_id))
    if card is None or card.status is not CardStatus.ACTIVE:
        raise CardUnknown()
    program = session.get_one(CardProgram, (provider_id, card.program_id))
    row = session.get(WechatCard, (provider_id, program.id))
    if row is None or row.state is not WechatCardState.PASSED:
        raise NotOffered("这张会员卡没有放进微信卡包")
    return card, program


@dataclass(frozen=True, slots=True)
class _Copy:
    there: str  # WeChat's card id
    code: str
    number: str
    balance_fen: int
    version: int
    is_activated: bool


def _pursue_copy(deps: Deps, claim: Claim) -> None:
    copy = deps.transact(lambda s: _read_copy(s, claim))
    if copy is None:
        return
    cards, balance = deps.gateways.wechat_cards, f"¥{yuan_from_fen(copy.balance_fen)}"
    try:
        tokens.call(deps, claim.provider_id, lambda t: _tell(cards, t, copy, balance))
    except GatewayRejected as problem:
        said = f"{problem.upstream_code} {problem.upstream_message}"[:200]
        deps.transact(lambda s: _not_shown(s, deps, claim, said))
    except (GatewayUnknown, PayProblem) as problem:
        why = str(problem)[:200]
        deps.transact(lambda s: _not_shown(s, deps, claim, why))
    else:
        deps.transact(lambda s: _shown(s, deps, claim, copy.version))


def _tell(cards: WechatCards, token: str, copy: _Copy, balance: str) -> None:
    if copy.is_activated:
        cards.show(token, copy.there, copy.code, balance)
    else:
        cards.activate(token, copy.there, copy.code, number=copy.number, balance=balance)


def _read_copy(session: Session, claim: Claim) -> _Copy | None:
    row = session.get_one(WechatCardCopy, (claim.provider_id, claim.id))
    card = session.get_one(MemberCard, (claim.provider_id, claim.id))
    program = session.get_one(CardProgram, (claim.provider_id, card.program_id))
    if program.wechat_card_id is None or card.wechat_code is None:
        row.due_at = None
        session.flush()
        return None
    return _Copy(
        program.wechat_card_id, card.wechat_code, card.number, card.balance_fen, card.version,
        row.is_activated,
    )  # fmt: skip


def _shown(session: Session, deps: Deps, claim: Claim, version: int) -> None:
    """Unless the card has moved since we read it: then it is due again at once."""
    row = session.get_one(WechatCardCopy, (claim.provider_id, claim.id), with_for_update=True)
    now_at = session.scalar(
        select(MemberCard.version).where(
            MemberCard.provider_id == claim.provider_id, MemberCard.id == claim.id
        )
    )
    row.is_activated, row.version, row.shown_at = True, version, deps.now()
    row.tries, row.said = 0, ""
    row.due_at = None if now_at == version else deps.now()
    session.flush()


def _not_shown(session: Session, deps: Deps, claim: Claim, said: str) -> None:
    row = session.get_one(WechatCardCopy, (claim.provider_id, claim.id), with_for_update=True)
    row.said = said
    given_up = row.tries >= len(COPY_AFTER)
    wait = timedelta(seconds=_after(COPY_AFTER, row.tries))
    row.due_at = None if given_up else deps.now() + wait
    session.flush()


@dataclass(frozen=True, slots=True)
class Behind:
    """A copy that WeChat's wallet does not have as it should."""

    number: str
    said: str
    is_given_up: bool


def behind(deps: Deps, provider_id: int, merchant_id: int) -> list[Behind]:
    """A merchant's cards whose copy failed, for whoever looks after them."""
    wanted = (
        select(MemberCard.number, WechatCardCopy.said, WechatCardCopy.due_at)
        .join(
            WechatCardCopy,
            (WechatCardCopy.provider_id == MemberCard.provider_id)
            & (WechatCardCopy.card_id == MemberCard.id),
        )
        .where(
            MemberCard.provider_id == provider_id,
            MemberCard.merchant_id == merchant_id,
            WechatCardCopy.said != "",
        )
        .order_by(MemberCard.id)
        .limit(100)
    )
    rows = deps.transact(lambda s: s.execute(wanted).all())
    return [Behind(row.number, row.said, row.due_at is None) for row in rows]
