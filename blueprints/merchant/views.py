"""`/m/`: the order list of the person who is signed in, and one order's story."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from blueprints.merchant import detail, listing
from models.merchant import Staff
from models.session import WebSession
from services.orders import staff_session
from services.payers import hashed
from web.assets import linked_headers
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
        return _page(
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
    return _page("merchant/orders.html", **shown)


@bp.get("/orders/<out_trade_no>")
def order(out_trade_no: str) -> ResponseReturnValue:
    staff: Staff = g.staff
    found = deps().transact(
        lambda s: detail.read(s, staff.provider_id, staff.merchant_id, out_trade_no)
    )
    if found is None:
        abort(404)
    return _page("merchant/order_detail.html", **detail.shown(found))


def _page(template: str, status: int = 200, **shown: Any) -> Response:
    simulation = deps().settings.simulation
    shown = {"simulation": simulation, "status": status, **shown}
    response = make_response(render_template(template, **shown), status)
    response.headers.update(linked_headers(deps().settings.simulator_url or None))
    return response
