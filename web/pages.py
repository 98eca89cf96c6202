"""What each customer template is given as `page`. The fields are the whole contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from web.client import Client, Wallet
from web.i18n import DEFAULT
from web.problems import Problem

PayMode = Literal["default", "total_plus_undiscountable", "consume_plus_deposit", "fixed_price"]
ResultState = Literal[
    "paid",
    "part_refunded",
    "refunded",
    "pending",
    "unknown",
    "failed",
    "cancelled",
    "closed",
    "just_closed",
    "late_paid",
    "void",
]
OPEN_STATES: Final[frozenset[str]] = frozenset({"pending", "unknown", "just_closed"})


@dataclass(frozen=True, kw_only=True)
class Page:
    """`client` colours the page and names the wallet; None is the neutral page.

    `mark` is the character on the shop's mark, the shop's first if empty; `logo` the picture over
    it, if there is one.
    """

    client: Wallet | None
    lang: str = DEFAULT
    lang_url: str | None = None
    shop: str = ""
    place: str = ""
    mark: str = ""
    logo: str = ""
    simulation: bool = False


@dataclass(frozen=True, kw_only=True)
class CardRow:
    """The member card on the pay page. Without `may_pay` it only leads to the card's own page."""

    title: str
    card_url: str
    recharge_url: str | None = None
    balance_fen: int = 0
    may_pay: bool = False
    is_member: bool = True
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class PayForm(Page):
    """templates/pay/form.html. `amount` is what the payer had typed, as text.

    `pending_url` ends where the form's intent is to be put: where a lost answer is asked for.
    """

    action: str
    intent: str
    max_fen: int
    min_fen: int = 1
    mode: PayMode = "default"
    amount: str = ""
    second: str = ""
    unit_price_fen: int = 0
    code_name: str = ""
    quantity: int = 1
    remark: str = ""
    takes_remark: bool = True
    error: str | None = None
    error_code: str | None = None
    bridge_src: str | None = None
    card: CardRow | None = None
    pending_url: str = ""
    hidden: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FixedPay(Page):
    """templates/pay/fixed.html: a one-off order. `facts` are (label, value) as shown."""

    action: str
    intent: str
    amount_fen: int
    facts: Sequence[tuple[str, str]] = ()
    expires_at: datetime | None = None
    expires_in_s: int | None = None
    error: str | None = None
    error_code: str | None = None
    bridge_src: str | None = None
    hidden: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CardResult:
    """What an order did to a member's card. `balance_fen` is there for the member alone."""

    is_recharge: bool
    has_no_room: bool = False  # paid too late, and goes back by itself
    bonus_fen: int = 0
    balance_fen: int | None = None
    card_url: str = ""


@dataclass(frozen=True, kw_only=True)
class AdShown:
    """An ad below a paid result. Its box is as high before the picture is there as after."""

    name: str
    image_url: str
    click_url: str | None = None
    width: int = 700
    height: int = 300


@dataclass(frozen=True, kw_only=True)
class ResultPage(Page):
    """templates/pay/result.html. `state` is our server's word and nothing else's."""

    state: ResultState
    amount_fen: int
    out_trade_no: str
    created_at: datetime | None = None
    paid_at: datetime | None = None
    refunded_fen: int = 0
    refunds: tuple[tuple[str, int], ...] = ()  # under way: words and fen
    reason: str = ""
    reason_code: str = ""
    card: CardResult | None = None
    state_url: str | None = None
    elapsed_s: int = 0
    closes_in_min: int | None = None
    retry_url: str | None = None
    back_url: str | None = None
    follow_url: str | None = None
    complete_url: str | None = None  # the shop's own page after paying
    goes_on: bool = False  # there by itself, once the result was seen
    ad: AdShown | None = None
    bridge_src: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


@dataclass(frozen=True, kw_only=True)
class Action:
    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class ProblemPage(Page):
    """templates/pay/problem.html. `refresh_s` loads the page again by itself (busy)."""

    title: str
    money: str = ""
    steps: Sequence[str] = ()
    staff_title: str = ""
    staff_steps: Sequence[str] = ()
    codes: Sequence[str] = ()
    primary: Action | None = None
    secondary: Action | None = None
    refresh_s: int | None = None
    refresh_url: str = ""  # this page again, if empty

    @classmethod
    def of(
        cls,
        said: Problem,
        *,
        client: Wallet | None,
        codes: Sequence[str] = (),
        shop: str = "",
        place: str = "",
        lang_url: str | None = None,
        primary_url: str | None = None,
        simulation: bool = False,
    ) -> ProblemPage:
        """The page of one problem; `codes` follow the problem's own code, one line each."""
        return cls(
            client=client,
            lang=said.lang,
            lang_url=lang_url,
            shop=shop,
            place=place,
            simulation=simulation,
            title=said.title,
            money=said.money,
            steps=said.steps,
            staff_title=said.staff_title,
            staff_steps=said.staff_steps,
            codes=(said.code, *codes),
            primary=Action(label=said.action, url=primary_url) if primary_url else None,
            refresh_s=said.refresh_s,
        )


@dataclass(frozen=True, kw_only=True)
class UnsupportedPage(Page):
    """templates/pay/unsupported.html: the same code to scan. `app` says where it was opened.

    `qr_png` is a `data:` address: a long press saves a picture, and does not save an SVG.
    """

    url: str
    qr_png: str
    app: Client
    code: str = ""
    client: Wallet | None = None
