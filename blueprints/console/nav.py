"""The side of every page of the console: only places that this person may go to."""

from __future__ import annotations

from typing import Any, Final

from flask import current_app, g, request, url_for

PREFIX: Final = "console."
# group -> (endpoint, icon, label, what the paths begin with that belong below it)
PLACES: Final = (
    (
        "经营",
        (
            ("overview", "chart", "概览", ()),
            (
                "merchants",
                "store",
                "商户",
                ("/console/merchants", "/console/sync", "/console/jobs"),
            ),
            ("applications", "list", "进件", ("/console/applications",)),
            ("figures", "chart", "统计", ("/console/figures",)),
            ("recon", "bal", "对账", ("/console/recon",)),
            ("orders", "search", "查订单", ("/console/orders",)),
            ("deposits", "lock", "押金", ("/console/deposits",)),
            ("codes", "qr", "收款码", ("/console/codes",)),
            ("devices", "device", "机具", ("/console/devices",)),
        ),
    ),
    (
        "微信能力",
        (
            ("official", "link", "公众号授权", ("/console/official",)),
            ("gold_plan", "gold", "点金计划", ("/console/gold-plan",)),
            ("ads", "ad", "支付后页面", ("/console/ads",)),
        ),
    ),
    (
        "系统",
        (
            ("start", "check", "上线清单", ()),
            ("settings", "gear", "服务商配置", ("/console/settings", "/console/signature")),
            ("health", "shield", "配置健康", ("/console/health",)),
            ("people", "users", "账号", ("/console/people",)),
            ("audit", "lock", "日志", ("/console/audit",)),
        ),
    ),
)


def shown() -> list[dict[str, Any]]:
    """The groups of whoever is signed in at a provider; [] for nobody."""
    who = g.get("operator")
    if who is None or who.role is None:
        return []
    from blueprints.console.routes import BY_ENDPOINT, Open  # it names the pages that use this

    groups = []
    for title, places in PLACES:
        items = []
        for endpoint, icon, label, below in places:
            route = BY_ENDPOINT.get(endpoint)
            if route is None or PREFIX + endpoint not in current_app.view_functions:
                continue
            if isinstance(route.needs, Open) or who.may(route.needs):
                is_here = request.endpoint == PREFIX + endpoint or request.path.startswith(below)
                items.append(
                    {"href": url_for(PREFIX + endpoint), "icon": icon, "label": label,
                     "current": is_here if below else request.endpoint == PREFIX + endpoint}
                )  # fmt: skip
        if items:
            groups.append({"title": title, "items": items})
    return groups
