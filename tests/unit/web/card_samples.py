"""Every state of the templates of members' cards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from models.payout import PayoutStatus
from web import code128
from web.card_pages import (
    CardPage,
    ClaimPage,
    CodePage,
    Elsewhere,
    HistoryPage,
    LineView,
    PayoutOffer,
    PayoutPage,
    PayoutView,
    PhonePage,
    RechargePage,
    Sum,
    TermsPage,
    WayView,
)
from web.pages import CardResult, CardRow

AT = datetime(2026, 11, 21, 4, 41, 7, tzinfo=UTC)
ROW = CardRow(
    title="金卡", card_url="/card/a/b", recharge_url="/card/a/b/recharge", balance_fen=18_640,
    may_pay=True,
)  # fmt: skip
NONE = CardRow(title="金卡", card_url="/card/a/b", recharge_url="/card/a/b/recharge")
BASE: dict[str, Any] = {
    "client": "wechat",
    "shop": "青禾茶事",
    "lang_url": "?lang=en",
    "home_url": "/card/a/b",
    "token": "b41f07c29e",
}
LINES = [
    LineView(label="湖滨店消费", at="11-21 12:41", fen=-3_850, balance_fen=88_640),
    LineView(label="充值赠送", at="11-18 19:20", fen=1_000, balance_fen=92_490),
    LineView(label="退款退回", at="11-12 15:40", fen=2_000, balance_fen=71_490, note="湖滨店"),
]


def card(**changes: Any) -> CardPage:
    made: dict[str, Any] = {
        "title": "金卡", "number": "602108471234", "balance_fen": 88_640, "paid_fen": 80_000,
        "bonus_fen": 8_640, "is_open": True, "is_registered": False, "is_expired": False,
        "code_url": "/c", "recharge_url": "/r", "history_url": "/h", "phone_url": "/p",
        "terms_url": "/t", "cap_fen": 100_000, "registered_cap_fen": 500_000, "has_phone": True,
        "lines": LINES, "bonus_expires_on": date(2027, 1, 1), "expires_on": date(2029, 11, 28),
        "stores": ("湖滨店", "东坡路店"), "issuer": "杭州青禾茶事有限公司",
    }  # fmt: skip
    return CardPage(**{**BASE, **made, **changes})


def recharge(**changes: Any) -> RechargePage:
    sums = [Sum(pay_fen=p, bonus_fen=b, fits=p + b <= 11_360) for p, b in
            ((5_000, 0), (10_000, 1_000), (20_000, 3_000))]  # fmt: skip
    made: dict[str, Any] = {
        "action": "/r", "intent": "1.0.x", "balance_fen": 88_640, "cap_fen": 100_000,
        "room_fen": 11_360, "cap_code": "CARD_BALANCE_CAP", "sums": sums, "is_any": True,
        "chosen_fen": 5_000, "terms_version": 2, "issuer": "杭州青禾茶事有限公司",
        "refund_rule": "未消费的余额可以随时申请退回。", "terms_url": "/t", "has_agreed": False,
        "is_registered": False, "phone_url": "/p",
    }  # fmt: skip
    return RechargePage(**{**BASE, **made, **changes})


def phone(**changes: Any) -> PhonePage:
    made: dict[str, Any] = {
        "ask_action": "/p", "confirm_action": "/p/confirm", "cap_fen": 100_000,
        "registered_cap_fen": 500_000, "withdraw_action": "/p/withdraw", "name_action": "/n",
        "name_withdraw_action": "/n/withdraw", "agree_version": 1, "name_version": 1,
    }  # fmt: skip
    return PhonePage(**{**BASE, **made, **changes})


def code(**changes: Any) -> CodePage:
    digits = "991656823482683128"
    made: dict[str, Any] = {
        "title": "金卡", "balance_fen": 5_000, "digits": digits, "bars": code128.path(digits),
        "width": code128.modules(digits), "expires_in_s": 59, "renew_action": "/c",
        "state_url": "/c/state", "stores": ("湖滨店",),
    }  # fmt: skip
    return CodePage(**{**BASE, **made, **changes})


def claim(**changes: Any) -> ClaimPage:
    made: dict[str, Any] = {
        "title": "金卡", "action": "/claim", "is_open": True, "issuer": "杭州青禾茶事有限公司",
        "service_phone": "0571-8888 0000", "terms_url": "/t", "cap_fen": 100_000,
    }  # fmt: skip
    return ClaimPage(**{**BASE, **made, **changes})


def terms(**changes: Any) -> TermsPage:
    made: dict[str, Any] = {
        "title": "金卡", "version": 2, "issuer": "杭州青禾茶事有限公司", "contact": "0571",
        "refund_rule": "可退。", "body": "一、二、三。", "since": AT,
    }  # fmt: skip
    return TermsPage(**{**BASE, **made, **changes})


WAYS = (
    WayView(is_wallet=True, amount_fen=9_600, recharged_on="2026-11-21", recharge_fen=10_000),
    WayView(is_wallet=False, amount_fen=400),
)
ENDED = tuple(replace(way, state="returned", by="银行转账 B-1") for way in WAYS)


def payout(status: str = "", **changes: Any) -> PayoutPage:
    """Under way with a status, else what can be asked for."""
    made: dict[str, Any] = {
        "paid_fen": 10_000, "bonus_fen": 1_000, "cooling_days": 7, "action": "/payout",
        "cancel_action": "/payout/cancel", "terms_url": "/t", "contact": "0571",
        "refund_rule": "可退。",
    }  # fmt: skip
    if status:
        made["payout"] = PayoutView(
            status=status, number="1", is_cooling=False, asked_at="11-21 14:16",
            due_on=date(2026, 12, 1), is_overdue=status == "returning", amount_fen=10_000,
            kept_fen=400 if status == "done" else 0, refusal="已按章程" * 20, ways=ENDED,
        )  # fmt: skip
    else:
        made["offer"] = PayoutOffer(
            is_cooling=False, amount_fen=10_000, bonus_fen=600, deducted_fen=400, ways=WAYS,
            other_url="/o", other_fen=5_000,
        )  # fmt: skip
    return PayoutPage(**{**BASE, **made, **changes})


def card_samples() -> dict[str, tuple[str, Any]]:
    """Template (below `templates/`) and page by name."""
    full = recharge(balance_fen=100_000, room_fen=0, chosen_fen=0, sums=())
    pages: dict[str, tuple[str, Any]] = {
        "card": ("card", card()),
        "card-en": ("card", card(lang="en")),
        "card-new": ("card", card(balance_fen=0, paid_fen=0, bonus_fen=0, lines=(), stores=())),
        "card-suspended": ("card", card(is_open=False, is_expired=True, held_fen=5_000)),
        "card-store-off": ("card", card(store_off="湖滨店", is_registered=True)),
        "claim": ("claim", claim()),
        "claim-closed": ("claim", claim(is_open=False, issuer="")),
        "recharge": ("recharge", recharge()),
        "recharge-over": ("recharge", recharge(chosen_fen=20_000)),
        "recharge-total": (
            "recharge",
            recharge(cap_code="CARD_TOTAL_CAP", is_any=False, chosen_fen=20_000, has_agreed=True),
        ),
        "recharge-full": ("recharge", full),
        "recharge-en": ("recharge", recharge(lang="en", chosen_fen=20_000)),
        "phone": ("phone", phone(is_new=True)),
        "phone-sent": ("phone", phone(phone="13812345678", was_sent=True, error="验证码不对")),
        "phone-off": ("phone", phone(is_off=True)),
        "phone-kept": ("phone", phone(kept_phone="138****5678", kept_name="林*")),
        "phone-withdraw": ("phone", phone(kept_phone="138****5678", asks_withdraw=True)),
        "history": ("history", HistoryPage(**BASE, lines=LINES, older_url="/h", newest_url="/h")),
        "history-empty": ("history", HistoryPage(**BASE)),
        "code": ("code", code()),
        "code-store-off": ("code", code(store_off="湖滨店")),
        "terms": ("terms", terms()),
        "payout": ("payout", payout()),
        "payout-en": ("payout", payout(lang="en")),
        "payout-sure": ("payout", payout(is_sure=True, has_changed=True, closes_card=True)),
        "payout-none": ("payout", payout(offer=None)),
        **{f"payout-{status.value}": ("payout", payout(status.value)) for status in PayoutStatus},
    }
    elsewhere = Elsewhere(client="alipay", shop="青禾茶事", url="http://x/card", qr_png="data:,")
    pages["elsewhere"] = ("elsewhere", elsewhere)
    pages["elsewhere-desk"] = ("elsewhere", replace(elsewhere, client=None, lang="en"))
    return {f"m-{name}": (f"card/{kind}.html", page) for name, (kind, page) in pages.items()}


RESULTS = {
    "paid-by-card": ("paid", CardResult(is_recharge=False, balance_fen=14_790, card_url="/c")),
    "card-refunded": ("part_refunded", CardResult(is_recharge=False)),
    "recharged": ("paid", CardResult(is_recharge=True, bonus_fen=1_000, balance_fen=11_000)),
    "recharge-pending": ("pending", CardResult(is_recharge=True)),
    "recharge-late": ("late_paid", CardResult(is_recharge=True, has_no_room=True)),
    "recharge-returned": ("refunded", CardResult(is_recharge=True, has_no_room=True)),
}
