"""What one request of a customer brings: wallet, language, cookie; and how addresses keep them."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from flask import Request, abort
from flask.wrappers import Response

from config.settings import Settings
from web.client import Client, Wallet, classify
from web.i18n import LANGUAGES, language_of

SIM_WALLETS: Final = {"wechat": "wechat", "alipay": "alipay", "browser": "browser"}
PAYER_COOKIE: Final = "yima_payer"
STAFF_COOKIE: Final = "yima_staff"
CONSOLE_COOKIE: Final = "yima_console"


class Visit:
    """Read once per request. `sim_wallet` counts in simulation only; elsewhere it is a 404."""

    def __init__(self, request: Request, settings: Settings) -> None:
        self.settings = settings
        chosen = request.args.get("sim_wallet")
        if chosen is not None and (not settings.simulation or chosen not in SIM_WALLETS):
            abort(404)
        self.sim_wallet = chosen
        agent = request.headers.get("User-Agent")
        self.client: Client = (
            Client(kind=SIM_WALLETS[chosen], os="ios") if chosen else classify(agent)
        )
        said = request.args.get("lang")
        self.lang_override = said if said in LANGUAGES else None
        self.lang = language_of(agent, request.headers.get("Accept-Language"), self.lang_override)
        self.payer_cookie = PAYER_COOKIE + _holder(request, settings)
        self.session_id = request.cookies.get(cookie_name(self.payer_cookie, settings))

    @property
    def wallet(self) -> Wallet | None:
        return self.client.wallet

    def url(self, path: str, **more: str | None) -> str:
        """An address of ours that keeps the visit's language and, in simulation, its wallet."""
        kept = {"sim_wallet": self.sim_wallet, "lang": self.lang_override, **more}
        query = urlencode({name: value for name, value in kept.items() if value is not None})
        return f"{path}{'&' if '?' in path else '?'}{query}" if query else path

    @property
    def bridge_src(self) -> str | None:
        """The simulator's stand-in for the wallet's bridge; never outside simulation."""
        if not self.settings.simulation or self.wallet is None:
            return None
        return f"{self.settings.simulator_url}/sim/bridge.js?wallet={self.wallet}"


def _holder(request: Request, settings: Settings) -> str:
    """In simulation several people share one browser: each has a cookie of their own."""
    person = request.cookies.get("sim_person", "") if settings.simulation else ""
    return f"_{person}" if person.isascii() and person.isalnum() and len(person) < 20 else ""


def cookie_name(name: str, settings: Settings) -> str:
    return f"__Host-{name}" if settings.is_https else name


def set_cookie(response: Response, name: str, value: str, settings: Settings) -> None:
    """One cookie per surface: a random id, no meaning of its own."""
    response.set_cookie(
        cookie_name(name, settings),
        value,
        max_age=12 * 3600,
        httponly=True,
        secure=settings.is_https,
        samesite="Lax",
        path="/",
    )
