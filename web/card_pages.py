"""What each template of the card's pages is given as `page`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from web.pages import Page


@dataclass(frozen=True, kw_only=True)
class CardPageBase(Page):
    """`home_url` is the card's first page; `token` shows that a form is ours."""

    home_url: str = ""
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Page):
    """templates/card/elsewhere.html: opened in another app than WeChat."""

    url: str
    qr_png: str


@dataclass(frozen=True, kw_only=True)
class ClaimPage(CardPageBase):
    """templates/card/claim.html."""

    title: str
    action: str
    is_open: bool
    description: str = ""
    issuer: str = ""
    service_phone: str = ""
    terms_url: str = ""
    cap_fen: int = 0
    past_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class LineView:
    """One line of the history as it is read. `fen` may be negative."""

    label: str
    at: str
    fen: int
    balance_fen: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class CardPage(CardPageBase):
    """templates/card/card.html."""

    title: str
    number: str
    balance_fen: int
    paid_fen: int
    bonus_fen: int
    is_open: bool
    is_registered: bool
    is_expired: bool
    code_url: str
    recharge_url: str
    history_url: str
    phone_url: str
    terms_url: str
    cap_fen: int
    registered_cap_fen: int
    has_phone: bool
    lines: Sequence[LineView] = ()
    bonus_expires_on: date | None = None
    expires_on: date | None = None
    held_fen: int = 0
    stores: Sequence[str] = ()
    store_off: str = ""
    issuer: str = ""
    payout_url: str = ""
    payout_status: str = ""


@dataclass(frozen=True, kw_only=True)
class PhonePage(CardPageBase):
    """templates/card/phone.html: first the number, then the code that came to it.

    `agree_version` is of the words that the form shows of the yes to a phone; `kept_phone`, masked,
    is confirmed already. What the shop calls the member is agreed to in the same way.
    """

    ask_action: str
    confirm_action: str
    withdraw_action: str
    name_action: str
    name_withdraw_action: str
    agree_version: int
    name_version: int
    cap_fen: int
    registered_cap_fen: int
    expires_on: date | None = None
    phone: str = ""
    was_sent: bool = False
    is_off: bool = False
    is_new: bool = False
    kept_phone: str = ""
    kept_name: str = ""
    phone_agreed_at: datetime | None = None
    name_agreed_at: datetime | None = None
    asks_withdraw: bool = False
    done: str = ""
    error: str = ""
    name_error: str = ""
    error_code: str = ""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """A sum to choose. `fits` counts the bonus; one that does not fit says why when chosen."""

    pay_fen: int
    bonus_fen: int
    fits: bool

    @property
    def total_fen(self) -> int:
        return self.pay_fen + self.bonus_fen


@dataclass(frozen=True, kw_only=True)
class RechargePage(CardPageBase):
    """templates/card/recharge.html. `room_fen` counts the bonus; `cap_code` says whose cap is the
    nearer. `chosen_fen` is 0 for a sum of one's own."""

    action: str
    intent: str
    balance_fen: int
    cap_fen: int
    room_fen: int
    cap_code: str
    sums: Sequence[Sum]
    is_any: bool
    chosen_fen: int
    terms_version: int
    issuer: str
    refund_rule: str
    terms_url: str
    has_agreed: bool
    is_registered: bool
    phone_url: str
    held_fen: int = 0
    bridge_src: str | None = None

    @property
    def chosen(self) -> Sum | None:
        return next((one for one in self.sums if one.pay_fen == self.chosen_fen), None)

    @property
    def most(self) -> Sum | None:
        """The largest of the offered sums that fits."""
        return max((one for one in self.sums if one.fits), key=lambda s: s.pay_fen, default=None)


@dataclass(frozen=True, kw_only=True)
class HistoryPage(CardPageBase):
    """templates/card/history.html."""

    lines: Sequence[LineView] = ()
    older_url: str | None = None
    newest_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class CodePage(CardPageBase):
    """templates/card/code.html: the bar code that a cashier scans."""

    title: str
    balance_fen: int
    digits: str
    bars: str
    width: int
    expires_in_s: int
    renew_action: str
    state_url: str
    store_off: str = ""
    stores: Sequence[str] = field(default_factory=tuple)

    @property
    def spaced(self) -> str:
        return " ".join(self.digits[i : i + 4] for i in range(0, len(self.digits), 4))


@dataclass(frozen=True, kw_only=True)
class TermsPage(CardPageBase):
    """templates/card/terms.html."""

    title: str
    version: int
    issuer: str
    contact: str
    refund_rule: str
    body: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class WayView:
    """One way in which money goes back. `state` is a PartStatus, empty while it is only planned;
    `by` says how and by what reference it was handed over."""

    is_wallet: bool
    amount_fen: int
    recharged_on: str = ""
    recharge_fen: int = 0
    state: str = ""
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class PayoutView:
    """A payout as its member sees it. `amount_fen` is what has gone back once it is done, and what
    is to go back before; `status` is a PayoutStatus."""

    status: str
    number: str
    is_cooling: bool
    asked_at: str
    due_on: date
    is_overdue: bool
    amount_fen: int
    kept_fen: int = 0
    refusal: str = ""
    is_card_closed: bool = False
    ways: Sequence[WayView] = ()


@dataclass(frozen=True, kw_only=True)
class PayoutOffer:
    """What would go back now. `other_fen` is what the other ground would give, 0 if no more."""

    is_cooling: bool
    amount_fen: int
    bonus_fen: int
    deducted_fen: int
    ways: Sequence[WayView] = ()
    other_url: str = ""
    other_fen: int = 0


@dataclass(frozen=True, kw_only=True)
class PayoutPage(CardPageBase):
    """templates/card/payout.html. With `is_sure` the offer is to be confirmed; `has_changed`: it is
    not what was seen before."""

    paid_fen: int
    bonus_fen: int
    cooling_days: int
    action: str
    cancel_action: str
    terms_url: str
    contact: str = ""
    refund_rule: str = ""
    payout: PayoutView | None = None
    offer: PayoutOffer | None = None
    is_sure: bool = False
    has_changed: bool = False
    closes_card: bool = False
    reason: str = ""
