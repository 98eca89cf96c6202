"""What an account grants to our third-party platform: the way to consent, the way back, changes.

Source: wechat.md D; product OA-1 to OA-5. The refresh token is kept; access tokens are asked for.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import AppError, GatewayRejected, NotFound, NotifyInvalid
from gateways.wechat_oa.push import Push
from gateways.wechat_oa.tokens import AccountInfo
from models.official import OaMode, OfficialAccount
from models.provider import ChannelAccount, Provider
from services.deps import Deps
from services.oa import platform, rows
from services.oa.ending import ended, state_of
from services.oa.tokens import component_call
from services.onboarding.checks import lock_provider, note, raise_version
from services.onboarding.rows import add_account
from services.payers import hashed

CHANNEL = "oa"  # in `oauth_state`
LINK_LIVES = timedelta(hours=1)
LOOK_AGAIN = timedelta(hours=24)  # at what was granted: events may be lost
GONE = frozenset({"61003", "61023"})


class AuthoriseFailed(AppError):
    """An authorisation that did not come about; nothing has changed."""

    code = "OA_AUTHORISE_FAILED"
    status = 409
    title = "公众号授权没有完成"
    steps: tuple[str, ...] = ("重新打开授权链接，再授权一次。",)

    def __init__(self, title: str, *steps: str) -> None:
        super().__init__(title)
        self.title = title
        if steps:
            self.steps = steps


@dataclass(frozen=True, slots=True)
class Consent:
    """Where the account's administrator consents."""

    provider: str
    on_computer: str
    in_wechat: str
    lives_s: int


@dataclass(frozen=True, slots=True)
class Authorised:
    provider: str
    nick_name: str
    granted: tuple[int, ...]


# --- the way there ----------------------------------------------------------------------------


def link(deps: Deps, out_mch_id: str, *, actor: str) -> str:
    """Our page that leads to the consent; good for an hour. Raises NotFound without a platform."""
    platform.load(deps)
    ticket = secrets.token_hex(16)

    def unit(session: Session) -> None:
        provider, now = lock_provider(session, out_mch_id), deps.now()
        session.execute(
            text(
                "INSERT INTO oauth_state (state_hash, session_hash, provider_id, channel, target,"
                " expires_at) VALUES (:h, :h, :p, :c, '/', :until)"
            ),
            {"h": hashed(ticket), "p": provider.id, "c": CHANNEL, "until": now + LINK_LIVES},
        )
        note(session, provider, actor, "oa_link_made", f"provider:{provider.out_mch_id}", now)

    deps.transact(unit)
    return f"{deps.settings.base_url}/oa/authorise/{ticket}"


def begin(deps: Deps, ticket: str) -> Consent:
    """A new code for the page of consent, on a computer and inside WeChat. Raises AuthoriseFailed
    for a link that is over."""
    _, name, app_id = deps.transact(lambda s: _open(s, deps, ticket))
    by = platform.load(deps)
    tokens = deps.gateways.wechat_tokens
    code = component_call(deps, by.app_id, tokens.pre_auth_code)
    back = f"{deps.settings.base_url}/oa/authorised/{ticket}"
    words = {
        "component_appid": by.app_id,
        "pre_auth_code": code.value,
        "redirect_uri": back,
        "auth_type": "1",
    } | ({"biz_appid": app_id} if app_id else {})
    query = urlencode(words, quote_via=quote)
    mp, opened = (
        deps.settings.upstream("wechat_mp_base"),
        deps.settings.upstream("wechat_open_base"),
    )
    return Consent(
        name,
        f"{mp}/cgi-bin/componentloginpage?{query}",
        f"{opened}/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&{query}"
        "#wechat_redirect",
        code.life_s,
    )


def _open(session: Session, deps: Deps, ticket: str) -> tuple[int, str, str]:
    row = session.execute(
        text(
            "SELECT p.id, p.name FROM oauth_state o JOIN provider p ON p.id = o.provider_id"
            " WHERE o.state_hash = :h AND o.channel = :c AND o.used_at IS NULL"
            " AND o.expires_at > :now"
        ),
        {"h": hashed(ticket), "c": CHANNEL, "now": deps.now()},
    ).first()
    if row is None:
        raise AuthoriseFailed(
            "这个授权链接已失效", "链接一小时内有效，授权成功后不能再用。", "请管理员重新生成一个。"
        )
    return row.id, row.name, _expected(session, row.id)


def _expected(session: Session, provider_id: int) -> str:
    """The appid whose openids pay: the one that WeChat Pay orders with, "" where none is set."""
    rows_of = session.scalars(
        select(ChannelAccount)
        .where(
            ChannelAccount.provider_id == provider_id,
            ChannelAccount.channel == "wechat",
            ChannelAccount.kind == "pay",
        )
        .order_by(ChannelAccount.id)
    ).all()
    return str(rows_of[0].facts.get("sp_appid") or "") if rows_of else ""


# --- the way back -----------------------------------------------------------------------------


def arrive(deps: Deps, ticket: str, auth_code: str) -> Authorised:
    """End the consent: the code is exchanged, the account's grant kept. Raises AuthoriseFailed."""
    provider_id, name, app_id = deps.transact(lambda s: _open(s, deps, ticket))
    if not 0 < len(auth_code) <= 512:
        raise AuthoriseFailed("微信没有带回授权码", "在授权页点「授权」，不要直接关闭。")
    by, tokens = platform.load(deps), deps.gateways.wechat_tokens
    try:
        found = component_call(deps, by.app_id, lambda p: tokens.query_auth(p, auth_code))
        if app_id and found.app_id != app_id:
            raise AuthoriseFailed(
                "授权的不是这个服务商的公众号",
                "用微信支付绑定的那个公众号的管理员微信扫码授权。",
            )
        info = component_call(deps, by.app_id, lambda p: tokens.authorizer_info(p, found.app_id))
    except GatewayRejected as problem:
        raise AuthoriseFailed(
            f"微信没有接受这次授权（{problem.upstream_code}）", "重新打开授权链接，再授权一次。"
        ) from problem
    now = deps.now()

    def unit(session: Session) -> None:
        _keep(session, deps, provider_id, by.app_id, info, found.refresh_token, now)
        session.execute(
            text("UPDATE oauth_state SET used_at = :now WHERE state_hash = :h"),
            {"now": now, "h": hashed(ticket)},
        )

    deps.transact(unit)
    return Authorised(name, info.nick_name, info.granted or found.granted)


def _keep(
    session: Session, deps: Deps, provider_id: int, platform_appid: str, info: AccountInfo,
    refresh_token: str, at: datetime,
) -> None:  # fmt: skip
    """What is granted from now on. The refresh token is in the row before anybody uses it."""
    taken = session.scalar(
        select(OfficialAccount.provider_id).where(
            OfficialAccount.app_id == info.app_id,
            OfficialAccount.mode == OaMode.COMPONENT,
            OfficialAccount.provider_id != provider_id,
            OfficialAccount.is_authorised,
        )
    )
    if taken is not None:
        raise AuthoriseFailed("这个公众号已授权给另一个服务商", "先在那个服务商处取消授权。")
    now = deps.now()
    provider = session.get_one(Provider, provider_id, with_for_update=True)
    row = rows.make(session, provider_id, OaMode.COMPONENT, info.app_id, platform_appid, now)
    rows.seal(deps, row, "refresh_sealed", refresh_token)
    since = at.replace(microsecond=0)  # WeChat's events tell whole seconds
    row.is_authorised, row.authorised_at = True, now
    row.event_at = max(since, row.event_at or since)
    write_info(row, info, now)
    provider.oa_state = state_of(row)
    changed = add_account(
        session, deps, provider_id,
        channel="wechat", kind="oa", secret={}, now=now,
        facts={"app_id": info.app_id, "component_appid": platform_appid},
    )  # fmt: skip
    raise_version(session, provider, "wechat", "oa_authorised", [*changed, "grant"], now,
                  granted=list(info.granted))  # fmt: skip


def write_info(row: OfficialAccount, info: AccountInfo, now: datetime) -> None:
    """What WeChat tells of the account and what it granted; looked at again in a day."""
    row.user_name, row.nick_name = info.user_name, info.nick_name
    row.principal_name = info.principal_name
    row.service_type, row.verify_type = info.service_type, info.verify_type
    row.granted, row.checked_at, row.due_at = list(info.granted), now, now + LOOK_AGAIN
    row.said_code, row.said_at = "", None


# --- changes that WeChat pushes ---------------------------------------------------------------


def told(deps: Deps, platform_appid: str, push: Push) -> None:
    """A push to the platform: its ticket, or a change of some account's authorisation."""
    kind, created = push.word("InfoType", 48), push.word("CreateTime", 12)
    if not kind or not created.isdecimal():
        raise NotifyInvalid("without InfoType or CreateTime")
    at = datetime.fromtimestamp(int(created), UTC)
    if kind == "component_verify_ticket":
        ticket = push.word("ComponentVerifyTicket", 512)
        if not ticket:
            raise NotifyInvalid("without a ticket")
        platform.keep_ticket(deps, platform_appid, ticket, at)
        return
    app_id = push.word("AuthorizerAppid", 32)
    if kind == "unauthorized":
        deps.transact(lambda s: _cancelled(s, deps, app_id, at))
    elif kind in ("authorized", "updateauthorized"):
        deps.transact(lambda s: _changed(s, deps, app_id, at))


def _of(session: Session, app_id: str) -> list[OfficialAccount]:
    found = session.scalars(
        select(OfficialAccount)
        .where(OfficialAccount.app_id == app_id, OfficialAccount.mode == OaMode.COMPONENT)
        .order_by(OfficialAccount.provider_id)
    )
    return list(found)


def _cancelled(session: Session, deps: Deps, app_id: str, at: datetime) -> None:
    for row in _of(session, app_id):
        if not ended(session, row.provider_id, "unauthorized", at=at, now=deps.now()):
            row.due_at = deps.now()  # older than what we know, or a clock is wrong: ask
    session.flush()


def _changed(session: Session, deps: Deps, app_id: str, at: datetime) -> None:
    """The worker asks what is granted now; the answer brings the refresh token, too."""
    for row in _of(session, app_id):
        session.refresh(row, with_for_update=True)
        row.event_at = at if row.event_at is None else max(at, row.event_at)
        row.due_at = deps.now()
    session.flush()


# --- looking at what is granted ---------------------------------------------------------------


def look(deps: Deps, provider_id: int) -> None:
    """Ask WeChat about the account and what it grants; write it down."""
    row = deps.transact(lambda s: s.scalar(rows.of_provider(provider_id)))
    if row is None or row.mode is not OaMode.COMPONENT or not row.component_appid:
        raise NotFound("no account in component mode")
    tokens, began = deps.gateways.wechat_tokens, deps.now()
    app_id, by = row.app_id, row.component_appid
    try:
        info = component_call(deps, by, lambda p: tokens.authorizer_info(p, app_id))
    except GatewayRejected as problem:
        if problem.upstream_code not in GONE:
            raise
        why, at = problem.upstream_code, max(began, row.event_at or began)
        deps.transact(lambda s: ended(s, provider_id, why, at=at, now=deps.now()))
        return

    def unit(session: Session) -> None:
        provider = session.get_one(Provider, provider_id, with_for_update=True)
        found = session.scalars(rows.of_provider(provider_id).with_for_update()).one()
        if found.app_id != app_id or (found.event_at is not None and found.event_at > began):
            return  # something was told since: it is due again
        if not found.is_authorised and not info.refresh_token:
            return
        if info.refresh_token and not found.is_authorised:
            _keep(session, deps, provider_id, by, info, info.refresh_token, began)
            return
        write_info(found, info, deps.now())
        provider.oa_state = state_of(found)
        session.flush()

    deps.transact(unit)
