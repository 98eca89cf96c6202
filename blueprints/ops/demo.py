"""The front door in simulation: what there is to scan, and where to look afterwards."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import segno
from markupsafe import Markup

from services.demo import DemoCode, demo_codes, demo_staff
from services.deps import Deps


def codes_json(deps: Deps) -> dict[str, Any]:
    return {
        "codes": [
            {
                "name": " · ".join(part for part in (code.shop, code.place, code.note) if part),
                "url": code.url,
                "code": code.code,
                "kind": code.kind,
            }
            for code in demo_codes(deps)
        ],
        "merchant_url": _merchant_url(deps),
    }


def _merchant_url(deps: Deps) -> str:
    staff = demo_staff(deps)
    base = deps.settings.base_url
    return f"{base}/m/demo-login/{staff[0].public_id}" if staff else f"{base}/m/"


def front_door(deps: Deps) -> dict[str, Any]:
    simulator = deps.settings.simulator_url
    return {
        "simulation": True,
        "links": [
            {
                "href": f"{simulator}/sim/phone",
                "label": "模拟手机",
                "hint": "选一个码，用微信或支付宝扫，付款、取消或失败",
            },
            {"href": _merchant_url(deps), "label": "商户订单", "hint": "以店主身份看门店的订单"},
            {
                "href": f"{simulator}/sim/books",
                "label": "钱包的账本",
                "hint": "上游记下的每一笔交易",
            },
            {"href": "/readyz", "label": "运行状态", "hint": "数据库、迁移和后台进程"},
        ],
        "codes": [_card(deps, code) for code in demo_codes(deps)],
    }


def _card(deps: Deps, code: DemoCode) -> dict[str, Any]:
    query = urlencode({"code": code.url, "wallet": "wechat"})
    return {
        "shop": code.shop,
        "place": code.place or "门店码",
        "kind": code.note,
        "channels": code.channels,
        "url": code.url,
        "phone_url": f"{deps.settings.simulator_url}/sim/phone?{query}",
        "qr_svg": Markup(
            segno.make(code.url, error="m").svg_inline(
                border=4, omitsize=True, svgclass=None, lineclass=None
            )
        ),
    }
