"""Taking what WeChat pushes: believed, taken once, answered. Sources: wechat.md C6, D."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import NotFound, NotifyInvalid
from gateways import strict_xml
from gateways.wechat_oa.push import Push, PushSecrets, check_url, open_push, seal_reply
from models.official import OaMode, OfficialAccount
from models.provider import Provider
from services.deps import Deps
from services.oa import answering, events, grants, platform, rows
from services.oa.answering import Where

SUCCESS = b"success"  # taken, and nothing to answer
NONCE_LIVES = timedelta(minutes=11)  # longer than a push is fresh, both ways


@dataclass(frozen=True, slots=True)
class _Told:
    """Whom a push is for."""

    provider_id: int
    out_mch_id: str
    name: str
    user_name: str
    mode: OaMode


def check_address(deps: Deps, out_mch_id: str, query: Mapping[str, str]) -> str:
    """The answer to WeChat's question whether the address is ours."""
    _, secrets = _direct(deps, out_mch_id)
    return check_url(secrets, query)


def receive(deps: Deps, out_mch_id: str, query: Mapping[str, str], body: bytes) -> bytes:
    """A push to the account's own address (mode `direct`). Raises NotFound, NotifyInvalid."""
    told, secrets = _direct(deps, out_mch_id)
    return _take(deps, told, secrets, query, body)


def receive_through(deps: Deps, app_id: str, query: Mapping[str, str], body: bytes) -> bytes:
    """A push about an account to the platform's address. It is sealed for the platform, whichever
    account it is of: so its ToUserName says whether the address was the right one."""
    wanted = (
        select(OfficialAccount, Provider)
        .join(Provider, Provider.id == OfficialAccount.provider_id)
        .where(OfficialAccount.app_id == app_id, OfficialAccount.mode == OaMode.COMPONENT)
        .order_by(Provider.id)
        .limit(1)
    )
    row = deps.transact(lambda s: s.execute(wanted).first())
    if row is None:
        raise NotFound("no such account")
    account: OfficialAccount = row[0]
    secrets = component_secrets(deps, account.component_appid or "")
    if not account.user_name:
        raise NotifyInvalid("an account whose name is not known yet")
    return _take(deps, _told(account, row[1]), secrets, query, body)


def receive_component(deps: Deps, query: Mapping[str, str], body: bytes) -> bytes:
    """Tickets and changes of authorisation, pushed to the platform."""
    secrets = component_secrets(deps, "")
    push = open_push(secrets, query, body, deps.now())
    if push.word("AppId", 32) != secrets.app_id:
        raise NotifyInvalid("of another platform")
    grants.told(deps, secrets.app_id, push)
    return SUCCESS


def component_secrets(deps: Deps, app_id: str) -> PushSecrets:
    found = platform.load(deps, app_id)
    return PushSecrets(found.app_id, found.push_token, found.push_key)


def _direct(deps: Deps, out_mch_id: str) -> tuple[_Told, PushSecrets]:
    wanted = (
        select(OfficialAccount, Provider)
        .join(Provider, Provider.id == OfficialAccount.provider_id)
        .where(Provider.out_mch_id == out_mch_id, OfficialAccount.mode == OaMode.DIRECT)
    )
    row = deps.transact(lambda s: s.execute(wanted).first())
    if row is None or row[0].push_token_sealed is None:
        raise NotFound("no such account")
    return _told(row[0], row[1]), rows.push_secrets(deps, row[0])


def _told(account: OfficialAccount, provider: Provider) -> _Told:
    return _Told(provider.id, provider.out_mch_id, provider.name, account.user_name, account.mode)


def _take(
    deps: Deps, told: _Told, secrets: PushSecrets, query: Mapping[str, str], body: bytes
) -> bytes:
    push = open_push(secrets, query, body, deps.now())
    to = push.word("ToUserName", 64)
    if not to or (told.user_name and to != told.user_name):
        raise NotifyInvalid("for another account")
    try:
        event = events.read(told.provider_id, push)
    except ValueError as problem:
        raise NotifyInvalid(str(problem)) from None

    def unit(session: Session) -> None:
        if not push.is_sealed:
            _refuse_altered(session, deps, told.provider_id, push, body)
        if _is_new(session, deps, event, push):
            events.run(session, deps, event)

    deps.transact(unit)
    where = Where(told.name, deps.settings.base_url, told.out_mch_id)
    said = answering.answer(where, event)
    return SUCCESS if said is None else _reply(deps, secrets, push, event.openid, to, said)


def _is_new(session: Session, deps: Deps, event: events.Event, push: Push) -> bool:
    """WeChat sends up to three times: by MsgId, events by who, when and what (wechat.md C6)."""
    number = push.word("MsgId", 64) or push.word("MsgID", 64)
    what = [event.openid, str(event.at), event.kind, number]
    if not number:
        what.append(push.word("EventKey", 1024))
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    return (
        session.scalar(
            text(
                "INSERT INTO oa_push (provider_id, dedupe_key, kind, received_at)"
                " VALUES (:p, :k, :kind, :now) ON CONFLICT DO NOTHING RETURNING 1"
            ),
            {"p": event.provider_id, "k": key, "kind": event.kind[:48], "now": deps.now()},
        )
        is not None
    )


def _refuse_altered(
    session: Session, deps: Deps, provider_id: int, push: Push, body: bytes
) -> None:
    """A plain push's signature holds for any body: for one time and nonce there is one body."""
    nonce = hashlib.sha256(f"oa:{push.timestamp}:{push.nonce}".encode()).hexdigest()
    found = session.scalar(
        text(
            "INSERT INTO nonce_seen (provider_id, merchant_id, nonce, content_hash, expires_at)"
            " VALUES (:p, 0, :n, :h, :until) ON CONFLICT (provider_id, merchant_id, nonce)"
            " DO UPDATE SET expires_at = nonce_seen.expires_at RETURNING content_hash"
        ),
        {
            "p": provider_id,
            "n": nonce,
            "h": hashlib.sha256(body).hexdigest(),
            "until": deps.now() + NONCE_LIVES,
        },
    )
    if found != hashlib.sha256(body).hexdigest():
        raise NotifyInvalid("the same signature with another body")


def _reply(
    deps: Deps, secrets: PushSecrets, push: Push, openid: str, user_name: str, said: str
) -> bytes:
    now = deps.now()
    xml = strict_xml.dumps(
        {
            "ToUserName": openid,
            "FromUserName": user_name,
            "CreateTime": str(int(now.timestamp())),
            "MsgType": "text",
            "Content": said,
        }
    )
    return seal_reply(secrets, xml, push.nonce, now) if push.is_sealed else xml
