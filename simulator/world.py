"""Everything the simulator knows, in one object that the channels share."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator import parties
from simulator.applyment_state import ApplymentBook
from simulator.books import Books
from simulator.clock import Clock
from simulator.due import Due
from simulator.faults import Faults
from simulator.freezes import FreezeBook
from simulator.gold_state import GoldBook
from simulator.keys import KeyStore, certificate
from simulator.oa_file import OaFile
from simulator.oa_state import OaState
from simulator.outbox import Outbox, Parcel
from simulator.switches import Switches


@dataclass
class Code:
    """An OAuth code: single use, short life, for one app and one person."""

    app: str
    person: str
    expires_at: float
    used: bool = False
    scope: str = ""
    component: str = ""  # the platform that asked on the account's behalf


@dataclass
class Token:
    """An OAuth token of either kind, for one app and one person."""

    app: str
    openid: str
    scope: str
    expires_at: float
    person: str = ""
    kind: str = "access"


@dataclass
class World:
    home: Path
    clock: Clock
    books: Books
    keys: KeyStore
    public_url: str  # of the product, for the phone page's list of codes and the pay directories
    faults: Faults = field(default_factory=Faults)
    codes: dict[str, Code] = field(default_factory=dict)
    nonces: dict[str, tuple[float, str]] = field(default_factory=dict)
    rates: dict[str, tuple[int, int]] = field(default_factory=dict)  # the second, its calls
    tokens: dict[str, Token] = field(default_factory=dict)
    switches: Switches = field(default_factory=Switches)
    trail: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=500))
    cards: dict[str, Any] = field(default_factory=dict)  # in WeChat's wallet, by card id
    messages: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=200))  # SMS
    oa: OaState = field(default_factory=OaState)  # official accounts and the platform
    oa_file: OaFile | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    wechat: dict[str, parties.WechatProvider] = field(default_factory=lambda: parties.WECHAT)
    alipay: dict[str, parties.AlipayApp] = field(default_factory=lambda: parties.ALIPAY)
    gold: GoldBook = field(init=False)  # Gold Plans of sub-merchants
    applyments: ApplymentBook = field(init=False)
    freezes: FreezeBook = field(init=False)  # deposits; under the books' lock
    outbox: Outbox = field(init=False)
    due: Due = field(init=False)

    def __post_init__(self) -> None:
        self.gold = GoldBook(self.home / "goldplan.json")
        self.applyments = ApplymentBook(self.home / "applyments.json")
        self.freezes = FreezeBook(self.home / "freezes.jsonl")
        self.outbox = Outbox(self.clock, self._told, self.faults)
        self.due = Due(self.clock)
        self.clock.on_jump = self._jumped

    def _dismiss(self) -> None:
        """Sub-merchants that came by an application go with it."""
        for form in self.applyments.forms.values():
            provider = self.wechat.get(form.sp_mchid)
            if provider is not None and form.sub_mchid:
                provider.merchants.pop(form.sub_mchid, None)

    def _jumped(self) -> None:
        self.due.run()
        self.outbox.look_again()

    def _told(self, parcel: Parcel, status: int, text: str) -> None:
        self.note(
            "notify", f"{parcel.name} #{parcel.tries}", f"{status} {text}", parcel.out_trade_no
        )

    def note(self, way: str, what: str, more: str = "", out_trade_no: str = "") -> None:
        """One line of the trail that the phone page shows. Never a key, never a whole openid."""
        self.trail.append(
            {
                "at": self.clock.time(),
                "way": way,
                "what": what,
                "more": more,
                "out_trade_no": out_trade_no,
            }
        )

    def platform_certificate(self, sp_mchid: str) -> str:
        """WeChat's platform certificate for this provider, PEM."""
        name = f"wechat-platform:{sp_mchid}"
        serial = int(hashlib.sha1(name.encode()).hexdigest(), 16) >> 1
        return self.keys.made(
            f"{name}:cert", lambda: certificate(self.keys.get(name), "Tenpay.com sim", serial)
        )

    def openid(self, appid: str, person: str) -> str:
        """A person's openid under one appid: 28 characters, always the same, other per appid."""
        digest = hashlib.sha256(f"{appid}:{person}".encode()).hexdigest()
        return "oSim" + digest[:24]

    def person_of(self, appid: str, openid: str) -> str | None:
        return next((p for p in parties.PEOPLE if self.openid(appid, p) == openid), None)

    def transaction_id(self, channel: str) -> str:
        stamp = self.clock.now().strftime("%Y%m%d")
        digits = "".join(secrets.choice("0123456789") for _ in range(14))
        return f"4200{stamp}{digits}" if channel == "wechat" else f"{stamp}22001{digits}"

    def keep_oa(self) -> None:
        """Written down: official accounts are as they are after a start anew, too."""
        if self.oa_file is not None:
            with self.lock:
                self.oa_file.save(self.oa)

    def reset(self) -> None:
        self.outbox.clear()
        self.outbox.settle()  # nothing from before comes after
        with self.lock:
            self.books.reset()
            self.freezes.forget()
            self.faults.clear()
            self.outbox.clear()
            self.due.clear()
            self.codes.clear()
            self.nonces.clear()
            self.rates.clear()
            self.tokens.clear()
            self.switches.reset()
            self.trail.clear()
            self.messages.clear()
            self.cards.clear()
            self.gold.forget()
            self._dismiss()
            self.applyments.forget()
            self.oa = OaState()
            if self.oa_file is not None:
                self.oa_file.forget()
            self.clock.reset()


def open_world(home: Path | None = None) -> World:
    """SIM_DIR holds keys and journal, SIM_CLOCK_FILE is the product's `$DATA_DIR/clock`."""
    where = home or Path(os.environ.get("SIM_DIR", "var/sim"))
    offset = os.environ.get("SIM_CLOCK_FILE")
    kept = OaFile(where / "official.json")
    return World(
        home=where,
        clock=Clock(Path(offset) if offset else where / "clock"),
        books=Books(where / "journal.jsonl"),
        keys=KeyStore(where / "keys.json"),
        public_url=os.environ.get("SIM_PRODUCT_URL", "http://127.0.0.1:8000"),
        oa=kept.load(),
        oa_file=kept,
    )
