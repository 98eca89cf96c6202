"""The blueprint and its routes. `/card/` is one of the directories below which WeChat pays."""

from __future__ import annotations

from flask import Blueprint

from blueprints.card import code_page, home, payout_page, phone_page, recharge_page
from blueprints.card.door import member_page
from web.compress import compress

bp = Blueprint("card", __name__, url_prefix="/card/<out_mch_id>/<out_sub_mch_id>")
bp.after_request(compress)

ROUTES = (
    ("GET", "", "home", home.show),
    ("POST", "/claim", "claim", home.claim),
    ("GET", "/phone", "phone", phone_page.show),
    ("POST", "/phone", "phone_ask", phone_page.ask),
    ("POST", "/phone/confirm", "phone_confirm", phone_page.confirm),
    ("POST", "/phone/withdraw", "phone_withdraw", phone_page.withdraw),
    ("POST", "/name", "name", phone_page.name),
    ("POST", "/name/withdraw", "name_withdraw", phone_page.withdraw_name),
    ("GET", "/recharge", "recharge", recharge_page.show),
    ("POST", "/recharge", "recharge_start", recharge_page.start),
    ("GET", "/history", "history", home.show_history),
    ("GET", "/code", "code", code_page.show),
    ("POST", "/code", "code_renew", code_page.renew),
    ("GET", "/code/state", "code_state", code_page.state),
    ("GET", "/terms", "terms", home.show_terms),
    ("GET", "/payout", "payout", payout_page.show),
    ("POST", "/payout", "payout_ask", payout_page.ask),
    ("POST", "/payout/cancel", "payout_cancel", payout_page.cancel),
)
for method, rule, endpoint, view in ROUTES:
    bp.add_url_rule(rule, endpoint=endpoint, view_func=member_page(view), methods=[method])
