"""From business parameters to an order that a trade can be opened for. Source: alipay.md 4.1."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from simulator.alipay.codes import Refusal
from simulator.alipay.fields import fen
from simulator.clock import SHANGHAI, Clock

DAY = 86400.0
F2F_LIFE = 3 * 3600.0
LONGEST = 15 * DAY
_UNITS = {"m": 60.0, "h": 3600.0, "d": DAY}


@dataclass(frozen=True)
class Order:
    """`life` is the trade's seconds from its creation, `until` an instant that wins over it."""

    method: str
    app_id: str
    out_trade_no: str
    amount_fen: int
    subject: str
    seller_id: str
    notify_url: str
    charset: str
    life: float
    until: float | None
    buyer: str | None  # a key of parties.PEOPLE
    body: str = ""
    store_id: str = ""
    terminal_id: str = ""
    passback_params: str = ""
    asked: dict[str, Any] = field(default_factory=dict)  # what else was asked for, as it came

    @property
    def fingerprint(self) -> list[Any]:
        """A repeat must agree in these."""
        return [self.amount_fen, self.subject, self.seller_id]


@dataclass(frozen=True)
class Hold:
    """What was asked for, by payment code or by a code to scan."""

    owner: str
    out_order_no: str
    out_request_no: str
    amount_fen: int
    title: str
    product_code: str
    notify_url: str
    charset: str
    life: float

    @property
    def fingerprint(self) -> list[Any]:
        """A repeat must agree in these."""
        return [self.out_request_no, self.amount_fen, self.title]


def express_seconds(text: str, clock: Clock) -> float:
    """`90m`, `2h`, `15d`, or `1c`: until the day ends in China. Raises for more than 15 days."""
    if text == "1c":
        now = clock.now().astimezone(SHANGHAI)
        tomorrow = (now + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return (tomorrow - now).total_seconds()
    seconds = int(text[:-1]) * _UNITS[text[-1]]
    if seconds > LONGEST:
        raise Refusal("ACQ.INVALID_PARAMETER", f"参数无效：{text} 超过 15d")
    return seconds


def instant(text: str, clock: Clock) -> float:
    """time_expire. Raises for one that is past or more than 15 days away."""
    form = "%Y-%m-%d %H:%M:%S" if len(text) == 19 else "%Y-%m-%d %H:%M"
    try:
        at = dt.datetime.strptime(text, form).replace(tzinfo=SHANGHAI).timestamp()
    except ValueError:
        raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：time_expire") from None
    if at <= clock.time():
        raise Refusal("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR")
    if at > clock.time() + LONGEST:
        raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：time_expire 超过 15d")
    return at


def check_parts(biz: dict[str, Any]) -> None:
    """Discountable and undiscountable, given both, make up the total; one alone is within it."""
    total = fen(biz["total_amount"])
    parts = [fen(biz[n]) for n in ("discountable_amount", "undiscountable_amount") if biz.get(n)]
    if (len(parts) == 2 and sum(parts) != total) or any(p > total for p in parts):
        raise Refusal("ACQ.INVALID_PARAMETER", "参数无效：可打折与不可打折金额之和不等于总金额")


def check_product(biz: dict[str, Any], *allowed: str) -> None:
    code = biz.get("product_code")
    if code and code not in allowed:
        raise Refusal("ACQ.INVALID_PARAMETER", f"参数无效：product_code {code}")
