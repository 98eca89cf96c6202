"""Every state of every template, for the tests and for `tests/preview_pages.py`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast

import segno
from flask import Flask
from markupsafe import Markup

from blueprints.merchant.listing import NOTHING_FOUND, Asked
from services.order_list import Kind
from tests.unit.web.card_samples import NONE, RESULTS, ROW, card_samples
from web import assets, formats, helping, i18n
from web.client import classify
from web.pages import (
    Action,
    FixedPay,
    PayForm,
    ProblemPage,
    ResultPage,
    ResultState,
    UnsupportedPage,
)
from web.problem_table import TABLE
from web.problems import problem

PAID_AT = datetime(2026, 11, 21, 4, 41, 7, tzinfo=UTC)
URL = "http://127.0.0.1:8000/q/sz01lXKA6DKGjNzr2l4B/8K3FQ2"
Sample = tuple[str, dict[str, Any]]


def make_app() -> Flask:
    app = Flask("web_preview", root_path=str(assets.STATIC.parent))
    i18n.install(app)
    assets.install(app)
    formats.register_filters(app)
    helping.install(app)
    return app


def qr() -> Markup:
    svg = segno.make(URL, error="h").svg_inline(border=0, omitsize=True, dark="#121A21")
    return Markup(svg)


def qr_png() -> str:
    uri: str = segno.make(URL, error="m").png_data_uri(border=4, scale=12)
    return uri


def pay_form(**changes: Any) -> PayForm:
    base: dict[str, Any] = {
        "client": "wechat",
        "shop": "青禾茶事 · 湖滨店",
        "place": "12 号桌",
        "mark": "禾",
        "lang_url": "?lang=en",
        "action": "/q/sz01lXKA6DKGjNzr2l4B/8K3FQ2",
        "intent": "b41f07c29e",
        "max_fen": 500_000,
    }
    return PayForm(**(base | changes))


def fixed_pay(**changes: Any) -> FixedPay:
    base: dict[str, Any] = {
        "client": "alipay",
        "shop": "山雀咖啡 · 桥东店",
        "action": "/q/one-off/B0417",
        "intent": "b41f07c29e",
        "amount_fen": 5_700,
        "facts": [("商品", "燕麦拿铁 ×1、海盐可颂 ×1"), ("店内单号", "B-0417")],
        "expires_at": datetime(2026, 11, 21, 6, 32, tzinfo=UTC),
        "expires_in_s": 258,
    }
    return FixedPay(**(base | changes))


def result(state: str, **changes: Any) -> ResultPage:
    base: dict[str, Any] = {
        "client": "wechat",
        "shop": "青禾茶事 · 湖滨店",
        "state": cast(ResultState, state),
        "amount_fen": 3_850,
        "out_trade_no": "YM26112112410708613",
        "created_at": PAID_AT,
        "state_url": "/q/state/YM26112112410708613",
    }
    return ResultPage(**(base | changes))


def unsupported(user_agent: str = "", **changes: Any) -> UnsupportedPage:
    base: dict[str, Any] = {
        "shop": "青禾茶事 · 湖滨店",
        "url": URL,
        "code": "8K3FQ2",
        "qr_png": qr_png(),
        "app": classify(user_agent),
        "lang_url": "?lang=en",
    }
    return UnsupportedPage(**(base | changes))


def customer_samples() -> dict[str, Sample]:
    pages: dict[str, tuple[str, Any]] = {
        "pay-wechat": ("form", pay_form(amount="38.50")),
        "pay-empty": ("form", pay_form(simulation=True)),
        "pay-alipay": ("form", pay_form(client="alipay", amount="26.00")),
        "pay-en": ("form", pay_form(lang="en", place="Table 12")),
        "pay-limit": ("form", pay_form(amount="6800.00")),
        "pay-long": ("form", pay_form(amount="1234567.89", max_fen=200_000_000)),
        "pay-error": (
            "form",
            pay_form(amount="0", error="金额至少 ¥0.01。", error_code="AMOUNT_TOO_SMALL"),
        ),
        "pay-note": ("form", pay_form(amount="38.50", remark="少辣，不要香菜")),
        "pay-undiscountable": (
            "form",
            pay_form(
                client="alipay",
                mode="total_plus_undiscountable",
                amount="128.00",
                second="30.00",
            ),
        ),
        "pay-deposit": (
            "form",
            pay_form(mode="consume_plus_deposit", amount="388.00", second="200.00"),
        ),
        "pay-deposit-en": (
            "form",
            pay_form(mode="consume_plus_deposit", amount="388.00", second="200.00", lang="en"),
        ),
        "pay-pieces": (
            "form",
            pay_form(
                mode="fixed_price", unit_price_fen=1_800, code_name="西湖龙井鲜奶", quantity=2
            ),
        ),
        "pay-fixed": ("fixed", fixed_pay()),
        "pay-fixed-en": (
            "fixed",
            fixed_pay(lang="en", facts=[("Item", "Oat latte ×1"), ("Shop no.", "B-0417")]),
        ),
        "result-paid": ("result", result("paid", paid_at=PAID_AT, back_url="/q/x")),
        "result-paid-follow": (
            "result",
            result("paid", paid_at=PAID_AT, follow_url="https://mp.weixin.qq.com/x"),
        ),
        "result-part-refunded": (
            "result",
            result("part_refunded", paid_at=PAID_AT, refunded_fen=2_000),
        ),
        "result-refunded": ("result", result("refunded", paid_at=PAID_AT, refunded_fen=3_850)),
        "result-pending": (
            "result",
            result("pending", elapsed_s=40, closes_in_min=5, back_url="/q/x"),
        ),
        "result-pending-new": ("result", result("pending", closes_in_min=5)),
        "result-pending-en": (
            "result",
            result("pending", elapsed_s=40, closes_in_min=5, lang="en", client="alipay"),
        ),
        "result-unknown": ("result", result("unknown", elapsed_s=90, back_url="/q/x")),
        "result-failed": (
            "result",
            result(
                "failed",
                client="alipay",
                amount_fen=2_600,
                reason="账户余额不足",
                reason_code="ACQ.BUYER_BALANCE_NOT_ENOUGH",
                retry_url="/q/x",
                back_url="/q/y",
            ),
        ),
        "result-cancelled": ("result", result("cancelled", retry_url="/q/x")),
        "result-closed": ("result", result("closed")),
        "result-just-closed": ("result", result("just_closed", retry_url="/q/x")),
        "result-late-paid": ("result", result("late_paid", paid_at=PAID_AT)),
        "result-void": ("result", result("void", back_url="/q/x")),
        "unsupported": ("unsupported", unsupported()),
        "unsupported-wecom": ("unsupported", unsupported("wxwork/4.1 MicroMessenger/7.0.1")),
        "unsupported-desk-en": ("unsupported", unsupported("Windows NT 10.0", lang="en")),
    }
    for code in TABLE:
        said = problem(
            code,
            client="wechat",
            opens_at="10:00",
            at="14:32",
            max="¥5,000.00",
            reason="余额不足",
            provider="SP-1024",
            code_provider="SP-0977",
        )
        pages[f"problem-{code.lower()}"] = (
            "problem",
            ProblemPage.of(
                said,
                client="wechat",
                shop="青禾茶事 · 湖滨店",
                place="12 号桌",
                codes=("服务商 SP-1024 · 码 8K3FQ2 · 12:41:07",),
                primary_url="/q/x" if not said.refresh_s else None,
            ),
        )
    pages["problem-en"] = (
        "problem",
        ProblemPage.of(
            problem("OA_SCOPE_DENIED", "en"),
            client="wechat",
            codes=("Provider SP-1024 · code 8K3FQ2 · 12:41:07",),
            primary_url="/q/x",
        ),
    )
    pages["problem-bare"] = (
        "problem",
        ProblemPage(
            client=None,
            title="没有找到这个页面",
            codes=["NOT_FOUND"],
            primary=Action(label="重试", url="/"),
        ),
    )
    for name, (state, did) in RESULTS.items():
        pages[f"result-{name}"] = ("result", result(state, paid_at=PAID_AT, card=did))
    pages["pay-card"] = ("form", pay_form(amount="68.00", card=ROW, pending_url="/q/x?intent="))
    pages["pay-card-none"] = ("form", pay_form(card=NONE))
    cards = {name: (kind, {"page": page}) for name, (kind, page) in card_samples().items()}
    return cards | {
        name: (f"pay/{kind}.html", {"page": page}) for name, (kind, page) in pages.items()
    }


def _row(channel: str, place: str, time: str, tail: str, fen: int, **more: str) -> dict[str, Any]:
    row = {"channel": channel, "place": place, "time": time, "tail": tail, "amount_fen": fen}
    return row | {"href": "#", "chip_kind": "", "chip_text": "", "follow": ""} | more


def linked_samples() -> dict[str, Sample]:
    rows = [
        _row("wechat", "湖滨店 · 12 号桌", "14:25", "…8613", 3_850),
        _row("alipay", "湖滨店 · 前台", "14:23", "…9277", 2_100),
        _row(
            "wechat", "湖滨店 · 外带", "14:21", "…0442", 2_600, chip_kind="info", chip_text="待确认"
        ),
        _row(
            "wechat",
            "东坡路店 · 3 号桌",
            "14:16",
            "…7719",
            11_200,
            chip_kind="warn",
            chip_text="部分退款 ¥20.00",
        ),
        _row("alipay", "湖滨店 · 8 号桌", "14:09", "…3370", 5_800, chip_text="已全额退款"),
    ]
    filters = [
        {"label": "全部门店", "href": "#", "current": True},
        {"label": "湖滨店", "href": "#", "current": False},
        {"label": "东坡路店", "href": "#", "current": False},
        {"label": "有退款", "href": "#", "current": False},
        {"label": "待确认", "href": "#", "current": False},
    ]
    days = [{"label": "11 月 21 日 周六", "count": 143, "net_fen": 628_450, "rows": rows}]
    facts = [
        {"label": "订单金额", "value": 11_200, "kind": "money"},
        {"label": "付款方式", "value": "微信支付", "kind": ""},
        {"label": "收款时间", "value": "2026-11-21 14:16:08", "kind": "num"},
        {"label": "订单号", "value": "YM26112114160807719", "kind": "mono"},
        {"label": "微信单号", "value": "4200002614202611217098", "kind": "mono"},
        {"label": "顾客备注", "value": "少辣，不要香菜", "kind": ""},
    ]
    timeline = [
        {"at": "14:31", "text": "退款 ¥20.00 已到账", "note": "林小满操作"},
        {"at": "14:16", "text": "收款成功 ¥112.00", "note": "云喇叭已播报"},
    ]
    codes = [
        {
            "shop": "青禾茶事 · 湖滨店",
            "place": "12 号桌",
            "mark": "禾",
            "kind": "门店码",
            "url": URL,
            "phone_url": "#",
            "channels": ["wechat", "alipay"],
            "qr_svg": qr(),
        }
        for _ in range(3)
    ]
    links = [
        {"label": "模拟手机", "hint": "扫一个码，在假钱包里付款", "href": "#"},
        {"label": "商户订单", "hint": "今天收了多少", "href": "#"},
        {"label": "运行状态", "hint": "数据库、迁移、后台任务", "href": "/readyz"},
    ]
    return {
        "m-orders": (
            "merchant/orders.html",
            {
                "title": "订单",
                "filters": filters,
                "asked": Asked(),
                "days": days,
                "older_url": "#",
                "simulation": True,
            },
        ),
        "m-orders-day": (
            "merchant/orders.html",
            {
                "title": "订单",
                "filters": filters,
                "asked": Asked(day=date(2026, 11, 21), kind=Kind.REFUNDED, store_id=2),
                "days": days,
            },
        ),
        "m-orders-found": (
            "merchant/orders.html",
            {
                "title": "查找订单",
                "back_url": "#",
                "asked": Asked(number="YM26112114160807719"),
                "found": 1,
                "days": [{"label": "11 月 21 日 周六", "rows": rows[3:4]}],
            },
        ),
        "m-orders-not-found": (
            "merchant/orders.html",
            {
                "title": "查找订单",
                "back_url": "#",
                "asked": Asked(number="4200002614202611217098"),
                "found": 0,
                "days": [],
                "empty_title": NOTHING_FOUND[0],
                "empty_reason": NOTHING_FOUND[1],
                "empty_url": "#",
                "empty_label": "看全部订单",
            },
        ),
        "m-orders-empty": (
            "merchant/orders.html",
            {"title": "订单", "filters": filters, "asked": Asked(), "days": []},
        ),
        "m-order-detail": (
            "merchant/order_detail.html",
            {
                "back_url": "#",
                "net_fen": 9_200,
                "chip_kind": "warn",
                "chip_text": "部分退款 ¥20.00",
                "facts": facts,
                "timeline": timeline,
            },
        ),
        "plain-404": (
            "errors/plain.html",
            {
                "title": "没有找到这个页面",
                "status": 404,
                "steps": ["检查链接是否完整。"],
                "codes": ["NOT_FOUND", "12:41:07"],
                "home_url": "/",
            },
        ),
        "home": ("home.html", {"simulation": True, "links": links, "codes": codes}),
    }
