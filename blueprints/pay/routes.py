"""The blueprint and its routes; views live in one file per subject."""

from __future__ import annotations

from flask import Blueprint

from blueprints.pay import (
    card_way,
    code_page,
    disposable_page,
    legacy,
    logo,
    oauth,
    order_page,
)
from web.compress import compress

bp = Blueprint("pay", __name__)
bp.after_request(compress)

ROUTES = (
    ("GET", "/q/<out_mch_id>/<code>", "code", code_page.show),
    ("POST", "/q/<out_mch_id>/<code>/pay", "code_pay", code_page.pay),
    ("GET", "/q/<out_mch_id>/<code>/pending", "code_pending", card_way.pending),
    ("GET", "/q/<out_mch_id>/logo/<logo_id>", "logo", logo.show),
    ("GET", "/q/<out_mch_id>/back/<channel>", "oauth_back", oauth.back),
    ("GET", "/q/<out_mch_id>/o/<public_id>", "order", order_page.show),
    ("GET", "/q/<out_mch_id>/o/<public_id>/state", "order_state", order_page.state),
    ("GET", "/cpay/qrcode_shop", "shop_code", legacy.shop_code),
    ("GET", "/cpay/qrcode_person", "person_code", legacy.person_code),
    ("GET", "/cpay/qrcode_disposable_payment", "one_off", disposable_page.show),
    ("POST", "/cpay/qrcode_disposable_payment", "one_off_pay", disposable_page.pay),
)
for method, rule, endpoint, view in ROUTES:
    bp.add_url_rule(rule, endpoint=endpoint, view_func=view, methods=[method])
