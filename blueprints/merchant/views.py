"""`/m/`: the order list of the person who is signed in, and one order's story."""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import Blueprint, abort, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from blueprints.merchant import (
    answers,
    card_figures,
    detail,
    listing,
    member_history,
    member_import,
    members,
    payout_asking,
    payouts,
)
from errors import AppError
from models.merchant import Staff
from models.session import WebSession
from services.orders import staff_session
from services.payers import hashed
from web.runtime import deps
from web.visit import STAFF_COOKIE, cookie_name, set_cookie

bp = Blueprint("merchant", __name__, url_prefix="/m")


@bp.before_request
def sign_in() -> ResponseReturnValue | None:
    """A live staff session, or the page that says how to get one."""
    if request.endpoint == "merchant.demo_login":
        return None
    cookie = request.cookies.get(cookie_name(STAFF_COOKIE, deps().settings))
    staff = deps().transact(lambda s: _signed_in(s, cookie)) if cookie else None
    if staff is None:
        return answers.page(
            "errors/plain.html",
            401,
            title="还没有登录",
            steps=["商户后台在服务商的公众号里：打开公众号，点菜单「商户后台」。"],
            codes=["NOT_SIGNED_IN"],
        )
    g.staff = staff
    return None


def _signed_in(session: Session, cookie: str) -> Staff | None:
    row = staff_session(session, hashed(cookie), deps().now())
    if row is None:
        return None
    return session.scalar(
        select(Staff).where(
            Staff.provider_id == row.provider_id, Staff.id == row.staff_id, Staff.is_active
        )
    )


@bp.get("/demo-login/<public_id>")
def demo_login(public_id: str) -> ResponseReturnValue:
    """Sign in as a demo person. In simulation only: elsewhere this address does not exist."""
    if not deps().settings.simulation:
        abort(404)
    fresh, now = secrets.token_urlsafe(24), deps().now()

    def unit(session: Session) -> bool:
        staff = session.scalar(select(Staff).where(Staff.public_id == public_id, Staff.is_active))
        if staff is None:
            return False
        session.execute(
            insert(WebSession).values(
                id_hash=hashed(fresh),
                kind="staff",
                provider_id=staff.provider_id,
                staff_id=staff.id,
                created_at=now,
                expires_at=now + timedelta(hours=12),
            )
        )
        return True

    if not deps().transact(unit):
        abort(404)
    response = make_response(redirect("/m/orders", 303))
    set_cookie(response, STAFF_COOKIE, fresh, deps().settings)
    return response


@bp.get("/")
def home() -> ResponseReturnValue:
    return redirect("/m/orders")


@bp.get("/orders")
def orders() -> ResponseReturnValue:
    asked = listing.Asked.from_query(request.args)
    shown = deps().transact(lambda s: listing.shown(s, g.staff, asked))
    return answers.page("merchant/orders.html", **shown)


@bp.get("/orders/<out_trade_no>")
def order(out_trade_no: str) -> ResponseReturnValue:
    staff: Staff = g.staff
    found = deps().transact(
        lambda s: detail.read(s, staff.provider_id, staff.merchant_id, out_trade_no)
    )
    if found is None:
        abort(404)
    return answers.page("merchant/order_detail.html", **detail.shown(found))


@bp.errorhandler(AppError)
def refused(error: AppError) -> ResponseReturnValue:
    """Somebody else's rows are told like rows that nobody has."""
    return answers.refused(error, "/m/members")


MEMBER_ROUTES = (
    ("GET", "/members", "members", members.show),
    ("GET", "/members/figures", "card_figures", card_figures.figures),
    ("GET", "/members/figures.csv", "card_figures_csv", card_figures.figures_csv),
    ("GET", "/members/export.csv", "members_export", card_figures.export),
    ("GET", "/members/import", "members_import", member_import.form),
    ("POST", "/members/import", "members_import_send", member_import.send),
    ("GET", "/members/payouts", "payouts", payouts.show),
    ("GET", "/members/payouts/<number>", "payout", payouts.detail),
    ("POST", "/members/payouts/<number>/allow", "payout_allow", payouts.allow),
    ("POST", "/members/payouts/<number>/refuse", "payout_refuse", payouts.refuse),
    ("POST", "/members/payouts/<number>/paid", "payout_paid", payouts.paid),
    ("GET", "/members/<public_id>", "member", members.detail),
    ("GET", "/members/<public_id>/history.csv", "member_history", member_history.export),
    ("GET", "/members/<public_id>/payout", "member_payout_form", payout_asking.form),
    ("POST", "/members/<public_id>/payout", "member_payout", payout_asking.ask),
    ("GET", "/members/<public_id>/adjust", "member_adjust_form", members.adjust_form),
    ("POST", "/members/<public_id>/adjust", "member_adjust", members.adjust),
    ("GET", "/stores", "stores", card_figures.stores),
    ("POST", "/stores/<out_shop_id>/cards", "store_cards", card_figures.switch),
)
for method, rule, endpoint, view in MEMBER_ROUTES:
    bp.add_url_rule(rule, endpoint=endpoint, view_func=view, methods=[method])
