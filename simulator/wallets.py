"""What a phone does: each channel registers one handler for POST /sim/wallet/<channel>/pay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask


@dataclass(frozen=True)
class PhoneContext:
    """Who holds the phone and which page called the bridge; None where nobody said."""

    person: str | None = None  # a key of parties.PEOPLE
    openid: str | None = None  # or the Alipay user id
    page_url: str | None = None


# (the bridge's own parameters, "confirm" | "cancel" | "fail", the phone) -> (status, JSON body)
WalletHandler = Callable[[dict[str, Any], str, PhoneContext], tuple[int, dict[str, Any]]]


def register_wallet(app: Flask, channel: str, handler: WalletHandler) -> None:
    app.extensions.setdefault("sim_wallets", {})[channel] = handler


def register_operations(app: Flask, *names: str) -> None:
    """Names that POST /sim/faults takes in `on`, besides every upstream path."""
    app.extensions.setdefault("sim_operations", set()).update(names)
