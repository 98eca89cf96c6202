"""Every setting of the process, read once from the environment and frozen."""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """One name per environment variable; `docs/operations.md` explains each."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    # Where things are
    data_dir: Path = Field(default=ROOT / "var", description="everything that changes lives here")
    database_url: str = Field(default="", description="postgresql+psycopg://…; empty: embedded")
    migrate_database_url: str = Field(default="", description="the owner's address, for migrations")
    pg_bin: str = Field(
        default="", description="folder of PostgreSQL programs for the embedded server"
    )
    pg_user: str = Field(
        default="", description="system user of the embedded server when run as root"
    )
    port: int = Field(default=8000, description="port of the web process on 127.0.0.1")
    sim_port: int = Field(default=8001, description="port of the gateway simulator on 127.0.0.1")
    public_url: str = Field(
        default="", description="the address people use; links are built from it"
    )
    trusted_proxies: int = Field(default=0, ge=0, description="reverse proxies whose headers count")

    # Simulation
    simulator_url: str = Field(default="", description="set: every upstream is the simulator there")
    allow_public_demo: bool = Field(default=False, description="simulation on a public address")

    # Processes
    web_workers: int = Field(default=2, ge=1, description="web processes")
    web_threads: int = Field(default=8, ge=2, description="threads of each web process")
    worker_threads: int = Field(
        default=4, ge=1, description="upstream questions at a time per worker"
    )
    db_pool_size: int = Field(default=10, ge=1, description="connections of one process")
    db_prepared_statements: bool = Field(default=True, description="off behind old poolers")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    metrics_enabled: bool = Field(default=False, description="serve GET /metrics")

    # Upstream addresses; with simulator_url they all point there
    wechat_pay_base: str = Field(default="https://api.mch.weixin.qq.com", description="APIv3")
    wechat_api_base: str = Field(
        default="https://api.weixin.qq.com", description="official account"
    )
    wechat_open_base: str = Field(default="https://open.weixin.qq.com", description="OAuth page")
    wechat_mp_base: str = Field(
        default="https://mp.weixin.qq.com", description="page of consent of official accounts"
    )
    alipay_gateway: str = Field(
        default="https://openapi.alipay.com/gateway.do", description="Alipay's gateway"
    )
    alipay_auth_base: str = Field(default="https://openauth.alipay.com", description="OAuth page")
    connect_timeout_s: float = Field(default=2.0, gt=0, description="to reach an upstream")
    read_timeout_s: float = Field(default=6.0, gt=0, description="to hear from an upstream")

    # The Cloud Pay API
    cpay_caller_kept_s: float = Field(
        default=5.0, ge=0, le=60, description="seconds a process keeps a merchant's API keys"
    )
    cpay_answer_s: float = Field(
        default=8.0, gt=0, le=9, description="an API call is answered after this, decided or not"
    )
    cpay_order_expires_s: int = Field(
        default=120, ge=60, description="life of an API order without time_expire, seconds"
    )
    cpay_order_longest_s: int = Field(
        default=7200,
        ge=60,
        le=7200,
        description="longest life of an API order: codes and prepay_ids live for 2 h",
    )
    cpay_most_kb: int = Field(default=256, ge=16, le=1024, description="largest API request, KB")
    cpay_page_most: int = Field(default=100, ge=1, le=500, description="largest page of API lists")
    cpay_span_days: int = Field(
        default=90, ge=1, le=366, description="longest span of API lists and overviews, days"
    )
    cpay_shown_code_s: int = Field(
        default=180, ge=60, le=600, description="life of a code on a till or device, seconds"
    )
    device_reports_days: int = Field(
        default=90, ge=7, description="days that reports of devices and tills stay"
    )
    cpay_merchant_per_minute: int = Field(
        default=6000, ge=0, description="API calls of one merchant in a minute; 0: no limit"
    )
    cpay_merchant_share: int = Field(
        default=50,
        ge=1,
        le=100,
        description="share of a process's free threads that one merchant's API calls may hold, "
        "percent; 100: no limit",
    )
    cpay_address_per_minute: int = Field(
        default=12_000, ge=0, description="API calls from one address in a minute; 0: no limit"
    )
    cpay_too_many_s: float = Field(
        default=2.0,
        ge=0,
        le=5,
        description="about when a call above these limits is answered, seconds; 0: at once",
    )
    cpay_wrong_per_minute: int = Field(
        default=60, ge=0, description="wrong API codes from one address, or of one merchant"
    )

    # Paying
    order_expires_s: int = Field(default=300, ge=60, description="life of an unpaid order, seconds")
    form_lives_s: int = Field(
        default=1800, ge=60, description="life of an opened pay page, seconds"
    )
    codepay_expires_s: int = Field(
        default=120, ge=90, le=600, description="life of a payment by payment code, seconds"
    )
    codepay_ask_every_s: int = Field(
        default=5, ge=1, description="seconds between questions while a code payment is open"
    )
    codepay_reverse_wechat_s: int = Field(
        default=42, ge=16, le=50, description="patience for WeChat's password, then it is reversed"
    )
    codepay_cancel_alipay_s: int = Field(
        default=60, ge=10, le=90, description="patience for Alipay's password, then it is cancelled"
    )
    max_payment_fen: int = Field(default=2_147_483_647, ge=1, description="largest payment, fen")
    query_after_s: str = Field(
        default="1,2,3,5,10,30,60,120,300",
        description="seconds after ordering at which an unpaid attempt is asked about",
    )
    query_quota_per_minute: int = Field(
        default=3000, ge=1, description="active queries per provider and minute"
    )
    refund_query_after_s: str = Field(
        default="10,30,60,180,300,600,1800,3600,10800,21600",
        description="seconds after a refund was asked for at which to look; the last repeats",
    )
    refund_days_wechat: int = Field(default=365, ge=1, description="WeChat Pay's limit for refunds")
    refund_days_alipay: int = Field(
        default=365, ge=1, description="Alipay's limit for refunds, by the merchant's contract"
    )
    refund_confirm_fen: int = Field(
        default=50_000, ge=1, description="a refund of so much or more is confirmed twice, fen"
    )
    clerk_sees_store: bool = Field(
        default=True, description="on duty, a clerk sees the orders of the whole store"
    )
    callback_retry_after_s: str = Field(
        default="45,45,45,300,1800,3600,10800,21600,43200,86400,86400",
        description="seconds from each failed callback to the next try; after the last it is dead",
    )
    callback_threads: int = Field(
        default=16, ge=2, description="callbacks under way at a time per worker"
    )
    notice_retry_after_s: str = Field(
        default="5,20,60,240",
        description="seconds from each unanswered notice to the next try; then it ends",
    )
    notice_threads: int = Field(
        default=8, ge=1, description="notices of payments under way at a time per worker"
    )
    notice_large_fen: int = Field(
        default=100_000, ge=1, description="a payment of so much or more is told at any hour, fen"
    )
    allow_private_callbacks: bool = Field(
        default=False, description="callbacks may go to addresses of our own network"
    )
    bill_memory_mb: int = Field(
        default=96, ge=48, description="memory of the engine that reads and matches bills, MB"
    )
    bill_most_mb: int = Field(default=1024, ge=1, description="largest bill, unpacked, MB")
    bill_download_s: float = Field(
        default=600.0, gt=0, description="longest download of a bill, seconds"
    )
    bill_keep_days: int = Field(
        default=100, ge=1, description="days that a bill's rows stay in DATA_DIR/bills"
    )
    card_total_cap_fen: int = Field(
        default=10_000_000, ge=0, description="cap over all cards of a new merchant, fen"
    )
    card_balance_cap_registered_fen: int = Field(
        default=500_000, ge=0, description="cap of a card with a confirmed phone behind it, fen"
    )
    card_balance_cap_unregistered_fen: int = Field(
        default=100_000, ge=0, description="cap of any other card, fen"
    )
    card_purchase_limit_fen: int = Field(
        default=1_000_000, ge=1, description="a single recharge of so much or more is refused, fen"
    )
    card_person_limit_fen: int = Field(
        default=5_000_000, ge=1, description="one person's recharges stay below this together, fen"
    )
    card_person_limit_days: int = Field(
        default=365, ge=1, description="days over which they are added up"
    )
    card_unregistered_years: int = Field(
        default=3, ge=3, description="life of a card without a confirmed phone, years"
    )
    card_cooling_days: int = Field(
        default=7, ge=0, description="a recharge is taken back without a reason for so long, days"
    )
    card_payout_days: int = Field(
        default=7, ge=1, description="a card's unused money is back within so long, working days"
    )
    card_custody_shares: str = Field(
        default="20,30,40",
        description="shares of the prepaid balance that the liability report works out, percent",
    )
    sms_url: str = Field(
        default="",
        description="your relay for SMS codes, POST of JSON {phone, text}; empty: none",
        repr=False,
    )
    ledger_heads_file: str = Field(
        default="",
        description="where the ledger's heads are kept; empty: $DATA_DIR/ledger-heads.jsonl",
    )
    ledger_heads_every_s: int = Field(
        default=86400, ge=60, description="longest time between two lines of that file, seconds"
    )
    maidan_url: str = Field(
        default="",
        description="your adapter to 买单's list of sub-merchants; empty: files alone",
    )
    application_papers_days: int = Field(
        default=30, ge=1, description="days that papers of an application stay after its end"
    )
    follow_link_enabled: bool = Field(default=False, description="offer to follow the account")
    customer_csp: Literal["enforce", "report", "off"] = Field(
        default="enforce", description="content security policy of customer pages"
    )
    live_wait_s: float = Field(default=25.0, gt=0, le=25, description="longest wait of a live page")

    # Secrets
    keyring: str = Field(
        default="", description="the key ring as JSON; empty: $DATA_DIR/keyring.json", repr=False
    )

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value if value.is_absolute() else ROOT / value

    @field_validator("simulator_url", "public_url", "wechat_pay_base", "wechat_api_base")
    @classmethod
    def _no_final_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("card_custody_shares")
    @classmethod
    def _shares(cls, value: str) -> str:
        if not all(part.isdecimal() and 1 <= int(part) <= 100 for part in value.split(",")):
            raise ValueError("shares are whole percents from 1 to 100, with commas between")
        return value

    @model_validator(mode="after")
    def _no_public_demo(self) -> Settings:
        if self.simulator_url and not self.allow_public_demo and not _is_loopback(self.base_url):
            raise ValueError(
                "SIMULATOR_URL is set and PUBLIC_URL is not this machine: real people would see a "
                "demo. Unset SIMULATOR_URL, or set ALLOW_PUBLIC_DEMO=1 if that is what you want."
            )
        return self

    @property
    def sms_relay(self) -> str:
        """Where messages to phones go, "" for nowhere. May hold a token: never log it."""
        return f"{self.simulator_url}/sim/sms" if self.simulator_url else self.sms_url

    @property
    def simulation(self) -> bool:
        return bool(self.simulator_url)

    @cached_property
    def base_url(self) -> str:
        """The own address without a final slash. Never taken from a request."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")

    @cached_property
    def query_schedule(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.query_after_s.split(","))

    @cached_property
    def refund_query_schedule(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.refund_query_after_s.split(","))

    @cached_property
    def callback_schedule(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.callback_retry_after_s.split(","))

    @cached_property
    def notice_schedule(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.notice_retry_after_s.split(","))

    @cached_property
    def custody_shares(self) -> tuple[int, ...]:
        """Percent, each from 1 to 100."""
        return tuple(int(part) for part in self.card_custody_shares.split(","))

    def codepay_patience_s(self, channel: str) -> int:
        """How long a payer may take to type the password, in seconds."""
        wechat = channel == "wechat"
        return self.codepay_reverse_wechat_s if wechat else self.codepay_cancel_alipay_s

    def refund_days(self, channel: str) -> int:
        """How long after the payment a wallet still refunds, in days."""
        return self.refund_days_wechat if channel == "wechat" else self.refund_days_alipay

    def upstream(self, name: str) -> str:
        """An upstream's base address: the setting of that name, or the simulator in its place."""
        own: str = getattr(self, name)
        if not self.simulator_url:
            return own
        return self.simulator_url + urlsplit(own).path


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: object) -> Settings:
    return Settings(**overrides)  # type: ignore[arg-type]
