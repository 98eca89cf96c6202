"""A member card in WeChat's own wallet, without stored value there (wechat.md F).

`supply_balance` needs a permission of its own and stays false: the balance stands in a custom
field as text, a copy of our ledger, and leads to our card page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from errors import GatewayUnknown
from gateways.http import Transport, timed

if TYPE_CHECKING:
    from gateways.wechat_oa.cards_sdk import CardCalls

T = TypeVar("T")
SKU = 100_000_000


@dataclass(frozen=True, slots=True)
class CardDesign:
    """What people see of a card in WeChat's wallet. Lengths are WeChat's, checked before."""

    title: str
    brand_name: str
    notice: str
    description: str
    color: str
    logo_url: str
    background_url: str
    service_phone: str
    card_url: str  # our page: it activates, and shows balance and history
    sub_mchid: str = ""


class Review(StrEnum):
    """How WeChat's review of a card stands."""

    WAITING = "waiting"
    PASSED = "passed"
    REFUSED = "refused"
    GONE = "gone"  # deleted there


_REVIEWS = {
    "CARD_STATUS_NOT_VERIFY": Review.WAITING,
    "CARD_STATUS_VERIFY_FAIL": Review.REFUSED,
    "CARD_STATUS_VERIFY_OK": Review.PASSED,
    "CARD_STATUS_DISPATCH": Review.PASSED,
    "CARD_STATUS_DELETE": Review.GONE,
}


class WechatCards:
    """Card calls of official accounts, with an account's token (`services.oa.tokens.call`). Every
    method may raise GatewayRejected (a definite no, with WeChat's errcode) or GatewayUnknown."""

    def __init__(self, *, api_base: str, transport: Transport, now: Callable[[], datetime]) -> None:
        self._api_base, self._transport, self._now = api_base.rstrip("/"), transport, now

    def create(self, token: str, design: CardDesign) -> str:
        """Hand a card in for review; WeChat's card id. Not idempotent: after GatewayUnknown there
        may be a card that nobody uses."""
        with timed("wechat_card", "create"):
            made: str = self._call(token, lambda calls: calls.create(_card(design)))
            return made

    def review(self, token: str, card_id: str) -> Review:
        """How the review stands now."""
        with timed("wechat_card", "get"):
            card = self._call(token, lambda calls: calls.get(card_id))
        try:
            said = card["member_card"]["base_info"]["status"]
        except (KeyError, TypeError):
            raise GatewayUnknown("a card without a status") from None
        if said not in _REVIEWS:
            raise GatewayUnknown(f"an unknown status {str(said)[:40]}")
        return _REVIEWS[said]

    def activate(self, token: str, card_id: str, code: str, *, number: str, balance: str) -> None:
        """A member's card becomes usable there; may be repeated."""
        with timed("wechat_card", "activate"):
            self._call(
                token,
                lambda calls: calls.activate_membercard(
                    number, code, card_id=card_id, init_custom_field_value1=balance
                ),
            )

    def show(self, token: str, card_id: str, code: str, balance: str) -> None:
        """Write the balance on a member's card, silently; may be repeated."""
        quiet = {"is_notify_custom_field1": False}
        with timed("wechat_card", "update"):
            self._call(
                token,
                lambda calls: calls.update_membercard(
                    code, card_id, custom_field_value1=balance, notify_optional=quiet
                ),
            )

    def qrcode(self, token: str, card_id: str, code: str) -> str:
        """The address inside a code that puts this card into whoever's wallet scans it."""
        wanted = {
            "action_name": "QR_CARD",
            "action_info": {"card": {"card_id": card_id, "code": code}},
        }
        with timed("wechat_card", "qrcode"):
            found = self._call(token, lambda calls: calls.create_qrcode(wanted))
        url = found.get("url")
        if not isinstance(url, str) or not url.startswith("http"):
            raise GatewayUnknown("a code without an address")
        return url

    def add_card(self, ticket: str, card_id: str, code: str, *, nonce: str) -> dict[str, str]:
        """What the page hands to `wx.addCard`: the card's id and its signed extension. `ticket` is
        the account's of kind wx_card."""
        from gateways.wechat_oa.cards_sdk import signed  # wechatpy is slow to import

        stamp = str(int(self._now().timestamp()))
        extension = {
            "code": code,
            "timestamp": stamp,
            "nonce_str": nonce,
            "signature": signed(ticket, stamp, card_id, code, nonce),
        }
        return {"cardId": card_id, "cardExt": json.dumps(extension)}

    def _call(self, token: str, work: Callable[[CardCalls], T]) -> T:
        from gateways.wechat_oa.cards_sdk import CardCalls  # wechatpy is slow to import

        return work(CardCalls(self._api_base, token, self._transport))


def _card(design: CardDesign) -> dict[str, Any]:
    base: dict[str, Any] = {
        "logo_url": design.logo_url,
        "brand_name": design.brand_name,
        "code_type": "CODE_TYPE_NONE",  # ours is shown on our page, and changes each minute
        "title": design.title,
        "color": design.color,
        "notice": design.notice,
        "description": design.description,
        "date_info": {"type": "DATE_TYPE_PERMANENT"},
        "sku": {"quantity": SKU},
        "get_limit": 1,
        "use_custom_code": True,  # the card's own number: it says which card was taken
        "can_give_friend": False,
        "can_share": False,
    }
    if design.service_phone:
        base["service_phone"] = design.service_phone
    if design.sub_mchid:
        base["sub_merchant_info"] = {"merchant_id": int(design.sub_mchid)}
    member: dict[str, Any] = {
        "base_info": base,
        "supply_bonus": False,
        "supply_balance": False,
        "prerogative": design.description,
        "activate_url": design.card_url,
        "custom_field1": {"name": "余额", "url": design.card_url},
    }
    if design.background_url:
        member["background_pic_url"] = design.background_url
    return {"card": {"card_type": "MEMBER_CARD", "member_card": member}}
