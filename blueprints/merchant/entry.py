"""The way in: the account's OAuth, choosing for whom one acts, and the demo's logins."""

from __future__ import annotations

import secrets

from flask import abort, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from models.merchant import Staff
from models.people import ProviderAdmin
from models.session import WebSession
from services import audit
from services.payers import SESSION_LIFE, hashed
from services.people import roles, signing_in
from services.people.acting import Acting
from services.people.problems import RoleUnknown
from web.client import classify
from web.runtime import deps
from web.visit import STAFF_COOKIE, cookie_name, set_cookie


def session_id() -> str | None:
    return request.cookies.get(cookie_name(STAFF_COOKIE, deps().settings))


def leave(provider: tuple[int, int], out_mch_id: str, target: str) -> ResponseReturnValue:
    """Off to the official account's page, which tells who holds the phone."""
    is_wechat = classify(request.headers.get("User-Agent")).kind.startswith("wechat")
    if not is_wechat and not deps().settings.simulation:
        return answers.page(
            "errors/plain.html",
            400,
            title="请在微信里打开",
            steps=["商户后台要用微信确认你的身份：在微信里打开这个链接，或从公众号菜单进入。"],
            codes=["NOT_IN_WECHAT"],
        )
    departure = signing_in.depart(
        deps(), provider, out_mch_id, target=target, session_id=session_id()
    )
    response = make_response(redirect(departure.url, 302))
    set_cookie(response, STAFF_COOKIE, departure.session_id, deps().settings)
    return no_store(response)


def back(out_mch_id: str) -> ResponseReturnValue:
    """The end of the round trip: a new session, and on to where he wanted."""
    provider = deps().transact(lambda s: signing_in.provider_of(s, out_mch_id))
    if provider is None:
        abort(404)
    arrival = signing_in.arrive(
        deps(),
        provider,
        code=request.args.get("code", "")[:128],
        state=request.args.get("state", "")[:128],
        session_id=session_id(),
    )
    response = make_response(redirect(arrival.target, 302))
    set_cookie(response, STAFF_COOKIE, arrival.session_id, deps().settings)
    return no_store(response)


def no_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def not_signed_in() -> ResponseReturnValue:
    return answers.page(
        "errors/plain.html",
        401,
        title="还没有登录",
        steps=["商户后台在服务商的公众号里：打开公众号，点菜单「商户后台」。"],
        codes=["NOT_SIGNED_IN"],
    )


def stopped(who: Acting) -> ResponseReturnValue:
    """The role this browser acted in is over; others of the same person are a tap away."""
    return answers.page(
        "errors/plain.html",
        403,
        title=f"你在「{who.place}」的{who.role_name}身份已停用",
        steps=["刚才提交的内容没有办理。", "有疑问请联系商户管理员；还有别的身份，点下面切换。"],
        codes=["ROLE_STOPPED"],
        home_url="/m/choose",
        home_label="切换身份",
    )


# --- for whom one acts ----------------------------------------------------------------------------


def choose() -> ResponseReturnValue:
    """The person's roles; one alone, right after signing in, is taken without asking."""
    holder = g.holder
    q = "".join(c for c in request.args.get("q", "") if c.isprintable()).strip()[:32]
    found = deps().transact(lambda s: roles.roles_of(s, holder.provider_id, holder.person_id, q=q))
    who: Acting | None = g.staff
    current = None
    if who is not None:
        current = f"a{who.id}-{who.merchant_id}" if who.role.is_providers else f"s{who.id}"
    return answers.page(
        "merchant/choose.html",
        title="选择身份",
        back_url="/m/me" if who is not None else None,
        choices=found,
        current=current,
        q=q,
        searches=len(found) == roles.MOST or bool(q),
    )


def take() -> ResponseReturnValue:
    """Act in another role: a session with a new id, so that no page of the old one can do more."""
    answers.check_token()
    return enter(request.form.get("key", "")[:48])


def enter(key: str) -> ResponseReturnValue:
    """Into the role of this key, if it is the own person's. Raises RoleUnknown."""
    holder, old, fresh = g.holder, session_id(), secrets.token_urlsafe(24)

    def unit(session: Session) -> bool:
        role = roles.role_of(session, holder.provider_id, holder.person_id, key)
        if role is None:
            return False
        signing_in.start(session, deps(), holder, role, old=old, fresh=fresh)
        actor = f"staff:{role.staff_id}" if role.staff_id else f"admin:{role.admin_id}"
        audit.record(
            session,
            provider_id=holder.provider_id,
            actor=actor,
            action="role_entered",
            subject=f"merchant:{role.merchant_id}",
            at=deps().now(),
        )
        return True

    if not deps().transact(unit):
        raise RoleUnknown()
    response = answers.see("/m/")
    set_cookie(response, STAFF_COOKIE, fresh, deps().settings)
    return response


def sign_out() -> ResponseReturnValue:
    answers.check_token()
    own = session_id()
    if own is not None:
        deps().transact(lambda s: signing_in.end(s, own, deps().now()))
    response = make_response(
        answers.page(
            "errors/plain.html",
            title="已退出",
            steps=["再次进入：打开服务商的公众号，点菜单「商户后台」。"],
            tabs=[],
        )
    )
    response.delete_cookie(
        cookie_name(STAFF_COOKIE, deps().settings), secure=deps().settings.is_https
    )
    return response


# --- the demo -------------------------------------------------------------------------------------


def demo_login(public_id: str) -> ResponseReturnValue:
    """Sign in as a demo person. In simulation only: elsewhere this address does not exist."""
    if not deps().settings.simulation:
        abort(404)
    fresh = secrets.token_urlsafe(24)
    if not deps().transact(lambda s: _demo_session(s, public_id, fresh)):
        abort(404)
    response = make_response(redirect("/m/orders", 303))
    set_cookie(response, STAFF_COOKIE, fresh, deps().settings)
    return response


def _demo_session(session: Session, public_id: str, fresh: str) -> bool:
    staff = session.scalar(select(Staff).where(Staff.public_id == public_id, Staff.is_active))
    admin = None
    if staff is None:
        admin = session.scalar(
            select(ProviderAdmin).where(
                ProviderAdmin.public_id == public_id, ProviderAdmin.is_active
            )
        )
    own = staff or admin
    if own is None:
        return False
    first = None
    if admin is not None and admin.person_id is not None:
        found = roles.roles_of(session, admin.provider_id, admin.person_id)
        first = next((one.merchant_id for one in found if one.admin_id == admin.id), None)
    session.execute(
        insert(WebSession).values(
            id_hash=hashed(fresh),
            kind="staff",
            provider_id=own.provider_id,
            wechat_person_id=own.person_id,
            staff_id=staff.id if staff else None,
            provider_admin_id=admin.id if admin else None,
            merchant_id=first,
            created_at=deps().now(),
            expires_at=deps().now() + SESSION_LIFE,
        )
    )
    return True
