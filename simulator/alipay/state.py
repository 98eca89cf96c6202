"""What this half of the simulator keeps besides the world: codes shown, pages open, expiries."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulator import second
from simulator.alipay.codes import Refusal
from simulator.alipay.expiry import Expiry
from simulator.alipay.orders import Hold, Order
from simulator.parties import PEOPLE, AlipayApp, AlipayMerchant
from simulator.world import Token, World

_MARK = "alipay:era"


def integrator_key(world: World, app_id: str) -> RSAPrivateKey:
    """The app's own key: its private half is the integrator's, we use the public one."""
    return world.keys.get(f"alipay-app:{app_id}")


def gateway_key(world: World, app_id: str) -> RSAPrivateKey:
    """Alipay's key for this app."""
    return second.gateway_key(world, app_id)


@dataclass
class Offer:
    """A precreate that nobody has scanned yet: no trade exists (alipay.md 4.3)."""

    qr_code: str
    owner: str
    order: Order
    valid_until: float


@dataclass
class Visit:
    """A browser at the wap cashier: the trade exists once the payer has logged in (4.6)."""

    owner: str
    order: Order
    return_url: str
    quit_url: str


@dataclass
class Voucher:
    """A deposit's code that nobody has scanned yet: no order exists (6)."""

    token: str
    hold: Hold
    valid_until: float


@dataclass
class PayCode:
    """A payment code on a phone's screen: good once and about a minute (4.2)."""

    person: str
    expires_at: float


@dataclass
class Alipay:
    world: World
    expiry: Expiry
    offers: dict[str, Offer] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    vouchers: dict[str, Voucher] = field(default_factory=dict)  # by the code's last part
    pay_codes: dict[str, PayCode] = field(default_factory=dict)
    bills: dict[str, tuple[bytes, float]] = field(default_factory=dict)  # file, good until

    def fresh(self) -> Alipay:
        """Empties itself after the world was reset, which takes the mark away."""
        if _MARK not in self.world.tokens:
            self.offers.clear()
            self.visits.clear()
            self.vouchers.clear()
            self.pay_codes.clear()
            self.bills.clear()
            self.world.tokens[_MARK] = Token("", "", "", float("inf"))
        return self

    def switch(self, name: str) -> str:
        return self.world.switches.get(f"alipay.{name}")

    def merchant_of(self, owner: str) -> tuple[AlipayApp, AlipayMerchant]:
        app_id, pid = owner.split(":")
        app = self.world.alipay[app_id]
        return app, next(m for m in app.merchants.values() if m.pid == pid)

    def open_id(self, app_id: str, person: str) -> str:
        return "0" + hashlib.sha256(f"alipay:{app_id}:{person}".encode()).hexdigest()[:46]

    def identity(self, app_id: str, person: str, user: str, open_: str) -> dict[str, str]:
        """The payer under the names that one answer uses; which of the two is a console setting."""
        which = self.switch("identity")
        both = {user: PEOPLE[person].alipay_user_id, open_: self.open_id(app_id, person)}
        return {
            name: value
            for name, value in both.items()
            if which == "both" or (which == "user_id") == (name == user)
        }

    def new_pay_code(self, person: str) -> str:
        code = "28" + "".join(secrets.choice("0123456789") for _ in range(16))
        self.fresh().pay_codes[code] = PayCode(person, self.world.clock.time() + 60)
        return code


@dataclass(frozen=True)
class Call:
    """One admitted request: who calls, for which merchant, with which business parameters."""

    sim: Alipay
    method: str
    params: dict[str, str]
    codec: str
    app: AlipayApp
    merchant: AlipayMerchant | None
    biz: dict[str, Any]
    asked: str = ""  # the code that a fault wants instead of the usual one

    def seller(self) -> AlipayMerchant:
        """The merchant whose token came along. Source: alipay.md 3.4."""
        if self.merchant is None:
            raise Refusal("isv.self-invoke-forbidden")
        return self.merchant

    def owner(self) -> str:
        return f"{self.app.app_id}:{self.seller().pid}"
