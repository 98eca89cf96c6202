"""Applications that WeChat is to be sent or asked about: each has a due time, and this meets it.

Claim and commit, call, apply. A submission whose answer was lost is sent again: WeChat has one form
per business code, and says when it has it already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from errors import AppError, GatewayRejected, GatewayUnknown
from gateways.base import WechatAccount
from gateways.wechat_pay.applyment import FormRefused, FormState, FormWord, Objection
from models.application import Application, ApplicationPaper, ApplicationState
from models.merchant import Merchant, MerchantSource
from models.provider import Provider
from services import audit
from services.accounts import NotConfigured
from services.applications import drafts, wire
from services.applications.fields import BY_NAME, BY_PATH
from services.claims import claim_statement
from services.deps import Deps
from services.merchants import adding

log = logging.getLogger(__name__)

CLAIM: Final = timedelta(minutes=2)  # longer than eight pictures take
FRESH: Final = timedelta(minutes=5)  # so long a form that was taken may not be found yet
_CLAIM = claim_statement("application")
_S = ApplicationState
# How often it is asked about; the merchant waits with the phone in hand to see the code gone.
PAUSES: Final = {
    _S.AUDITING: timedelta(minutes=10),
    _S.TO_BE_CONFIRMED: timedelta(minutes=5),
    _S.TO_BE_SIGNED: timedelta(minutes=1),
    _S.SIGNING: timedelta(minutes=1),
}
LATER: Final = timedelta(minutes=10)  # once a state has lasted for an hour


@dataclass(frozen=True, slots=True)
class Claim:
    provider_id: int
    application_id: int


def claim_due(deps: Deps, most: int) -> list[Claim]:
    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_CLAIM, {"now": now, "until": now + CLAIM, "most": most}).all()
        return [Claim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def pursue(deps: Deps, claim: Claim) -> None:
    """Send or ask, whichever it waits for; without an answer it is tried again, ever later."""
    row, account = deps.transact(lambda s: _read(s, claim)), None
    try:
        account = _account(deps, claim.provider_id)
        if row.state is _S.SUBMITTING:
            _send(deps, row, account)
        else:
            _ask(deps, row, account)
    except (GatewayUnknown, NotConfigured, GatewayRejected) as problem:
        why = "服务商还没有配置微信支付" if isinstance(problem, NotConfigured) else ""
        if isinstance(problem, GatewayRejected):
            why = f"微信支付：{problem.upstream_code} {problem.upstream_message}"
        deps.transact(lambda s: _later(s, deps, row, why))


def _read(session: Session, claim: Claim) -> Application:
    return session.get_one(
        Application, (claim.provider_id, claim.application_id), populate_existing=True
    )


def _account(deps: Deps, provider_id: int) -> WechatAccount:
    version = deps.transact(lambda s: s.get_one(Provider, provider_id).account_version)
    accounts = deps.accounts_of(provider_id, version)
    if not accounts.wechat:
        raise NotConfigured(channel="wechat")
    return accounts.wechat[0]


# --- sending ------------------------------------------------------------------------------------


def _send(deps: Deps, row: Application, account: WechatAccount) -> None:
    try:
        media = _give_pictures(deps, row, account)
        content = wire.body(row.business_code, drafts.values_of(deps, row), media)
        number = deps.gateways.wechat_applyments.submit(account, content)
    except FormRefused as refused:
        _open_again(deps, row, refused.objection, refused)
        return
    except _PictureRefused as refused:
        objection = Objection(BY_NAME[refused.field].path, "", refused.error.upstream_message)
        _open_again(deps, row, objection, refused.error)
        return

    def unit(session: Session) -> None:
        found = _same(session, row)
        if found is None:
            return
        now = deps.now()
        found.applyment_id = number or found.applyment_id
        found.submitted_at = found.submitted_at or now
        _enter(found, _S.AUDITING, now)
        _note(session, deps, found, "application_taken", number=number)

    deps.transact(unit)


class _PictureRefused(Exception):
    def __init__(self, field: str, error: GatewayRejected) -> None:
        super().__init__(field)
        self.field, self.error = field, error


def _give_pictures(deps: Deps, row: Application, account: WechatAccount) -> dict[str, str]:
    """media_id by field; each is written down at once, so that none goes twice."""
    papers = deps.transact(lambda s: drafts.papers_of(s, row))
    media: dict[str, str] = {}
    for name, paper in papers.items():
        if paper.media_id is None:
            content = deps.transact(lambda s, p=paper: _content(s, deps, p))  # type: ignore[misc]
            try:
                paper.media_id = deps.gateways.wechat_applyments.upload(
                    account, paper.kind, paper.sha256, content
                )
            except GatewayRejected as refused:
                raise _PictureRefused(name, refused) from None
            deps.transact(lambda s, p=paper: _keep_media(s, p))  # type: ignore[misc]
        media[name] = paper.media_id
    return media


def _content(session: Session, deps: Deps, paper: ApplicationPaper) -> bytes:
    fresh = session.get_one(ApplicationPaper, (paper.provider_id, paper.id))
    return drafts.content_of(deps, fresh)


def _keep_media(session: Session, paper: ApplicationPaper) -> None:
    session.execute(
        update(ApplicationPaper)
        .where(ApplicationPaper.provider_id == paper.provider_id, ApplicationPaper.id == paper.id)
        .values(media_id=paper.media_id)
    )


def _open_again(
    deps: Deps, row: Application, objection: Objection | None, error: GatewayRejected
) -> None:
    """WeChat did not take it: the words stand at their field, or above all of them."""

    def unit(session: Session) -> None:
        found = _same(session, row)
        if found is None:
            return
        found.problems = _by_field((objection,) if objection else ())
        found.words = f"{error.upstream_code}：{error.upstream_message}"[:200]
        _enter(found, _S.EDITING, deps.now())
        _note(session, deps, found, "application_not_taken", code=error.upstream_code)

    deps.transact(unit)


def _by_field(objections: tuple[Objection, ...]) -> dict[str, str]:
    """WeChat's objections at our fields; what names none of them stands under ""."""
    found: dict[str, str] = {}
    for one in objections:
        field = BY_PATH.get(one.path) or next(
            (f for path, f in BY_PATH.items() if one.path and path.endswith(f".{one.path}")), None
        )
        name = "" if field is None else field.name
        words = one.reason if field is not None else f"{one.name} {one.reason}".strip()
        found[name] = "；".join(part for part in (found.get(name), words) if part)
    return found


# --- asking -------------------------------------------------------------------------------------


def _ask(deps: Deps, row: Application, account: WechatAccount) -> None:
    word = deps.gateways.wechat_applyments.query(account, row.business_code)
    if word is None:
        deps.transact(lambda s: _lost(s, deps, row))
        return
    if word.state is FormState.FINISHED and not word.sub_mchid:
        raise GatewayUnknown("finished, and no number yet")
    try:
        deps.transact(lambda s: _learn(s, deps, row, word, _bring_in))
    except AppError as problem:  # the number cannot be a merchant's: a person has to look
        words = str(problem)
        deps.transact(lambda s: _learn(s, deps, row, word, lambda *_: words))


def _lost(session: Session, deps: Deps, row: Application) -> None:
    """WeChat does not know it: too early, or it never arrived."""
    found = _same(session, row)
    if found is None:
        return
    now = deps.now()
    if now - found.state_at < FRESH:
        found.due_at = now + timedelta(seconds=20)
        return
    found.words = "微信没有收到这份申请，请再提交一次"
    _enter(found, _S.EDITING, now)


_Bring = Callable[[Session, Deps, Application, FormWord], str]


def _learn(session: Session, deps: Deps, row: Application, word: FormWord, bring: _Bring) -> None:
    found = _same(session, row)
    if found is None:
        return
    now, state = deps.now(), ApplicationState(word.state.value)
    found.words, found.sign_url, found.tries = word.words, word.sign_url, 0
    found.applyment_id = word.applyment_id or found.applyment_id
    found.sub_mchid = word.sub_mchid or found.sub_mchid
    if state in (_S.REJECTED, _S.EDITING):
        found.problems = _by_field(word.objections)
    if state is _S.FINISHED:
        said = bring(session, deps, found, word)
        found.problems = {"": said} if said else {}
    before = found.state
    _enter(found, state, now)
    if before is not state:
        _note(session, deps, found, "application_moved", state=state.value)


def _bring_in(session: Session, deps: Deps, row: Application, word: FormWord) -> str:
    """The merchant that it was for: a new one, or the one that has the number already."""
    provider = adding.lock_provider(session, row.provider_id)
    known = session.scalar(
        select(Merchant).where(
            Merchant.provider_id == row.provider_id,
            Merchant.wechat_sub_mchid == word.sub_mchid,
            Merchant.deleted_at.is_(None),
        )
    )
    if known is None:
        name = str(row.answers.get("merchant_name") or row.title)
        known, _ = adding.write_new(
            session, deps, provider,
            {
                "name": name, "short_name": str(row.answers.get("short_name") or name)[:32],
                "wechat_sub_mchid": word.sub_mchid,
            },
            source=MerchantSource.APPLYMENT, actor="worker", now=deps.now(), checked_at=deps.now(),
        )  # fmt: skip
    row.merchant_id = known.id
    return ""


def _same(session: Session, row: Application) -> Application | None:
    """The row as it was when it was asked about; None when somebody has changed it since."""
    found = session.get_one(
        Application, (row.provider_id, row.id), with_for_update=True, populate_existing=True
    )
    return found if (found.version, found.state) == (row.version, row.state) else None


def _enter(row: Application, state: ApplicationState, now: datetime) -> None:
    if row.state is not state:
        row.state, row.state_at = state, now
    row.tries = 0
    pause = PAUSES.get(state)
    if pause is not None and now - row.state_at > timedelta(hours=1):
        pause = max(pause, LATER)
    row.due_at = None if pause is None else now + pause


def _later(session: Session, deps: Deps, row: Application, why: str) -> None:
    found = _same(session, row)
    if found is None:
        return
    found.tries += 1
    found.words = why[:200] or found.words
    found.due_at = deps.now() + min(LATER, timedelta(seconds=5 * 2 ** min(found.tries, 8)))


def _note(session: Session, deps: Deps, row: Application, action: str, **facts: object) -> None:
    audit.record(
        session, provider_id=row.provider_id, actor="worker", action=action,
        subject=f"application:{row.id}", at=deps.now(), **facts,
    )  # fmt: skip
