"""The bar at the bottom of every page: only places that this person may go to."""

from __future__ import annotations

from typing import Any, Final

from flask import current_app, g, request, url_for

from services.people.acting import Acting
from services.people.rights import Right, may

PREFIX: Final = "merchant."
# endpoint, label, icon, and what the paths begin with that belong below it
TABS: Final = (
    ("home", "首页", "home", ("/m/statistics",)),
    ("orders", "订单", "list", ("/m/orders", "/m/deposits")),
    ("stores", "门店", "store", ("/m/stores", "/m/codes", "/m/devices")),
    ("staff", "店员", "user", ("/m/staff",)),
    ("shift", "交接班", "clock", ("/m/shift",)),
    ("me", "我的", "user", ("/m/me",)),
)


def _wants(who: Acting, endpoint: str) -> bool:
    """Shifts are for those who work in a store; who manages people finds himself among them."""
    if endpoint == "shift":
        return who.store_id is not None
    return endpoint != "me" or not may(who, Right.STAFF)


def shown() -> list[dict[str, Any]]:
    """The tabs of whoever is signed in; [] for nobody."""
    who = g.get("staff")
    if who is None:
        return []
    from blueprints.merchant.routes import NEEDS, Open  # it names the pages that use this

    found = []
    for endpoint, label, icon, below in TABS:
        if PREFIX + endpoint not in current_app.view_functions or not _wants(who, endpoint):
            continue
        needs = NEEDS[endpoint]
        if isinstance(needs, Open) or may(who, needs):
            found.append(
                {
                    "href": url_for(PREFIX + endpoint),
                    "label": label,
                    "icon": icon,
                    "current": request.endpoint == PREFIX + endpoint
                    or request.path.startswith(below),
                }
            )
    return found
