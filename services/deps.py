"""The collaborators of every use case, built once per process by `create_app` or the worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from config.clock import make_clock
from config.settings import Settings
from gateways.bill_download import Limits as BillLimits
from gateways.http import Downloader
from gateways.outgoing.sender import CallbackSender
from gateways.registry import Gateways, build_gateways
from models.all import Base as _every_table  # noqa: F401  # relations between tables need them all
from models.db import Database
from postgres import addresses
from secretbox.ring import KeyRing
from services.accounts import AccountBook, ProviderAccounts, load_accounts
from services.cloudpay.keyuse import Traces
from services.cloudpay.limits import Limits
from services.cloudpay.threads import Threads
from services.kept import Kept
from services.oa.book import TokenBook

T = TypeVar("T")


@dataclass(frozen=True)
class Deps:
    db: Database
    gateways: Gateways
    ring: KeyRing
    now: Callable[[], datetime]
    settings: Settings
    book: AccountBook = field(default_factory=AccountBook)  # of this database
    oa_tokens: TokenBook = field(default_factory=TokenBook)  # of this database
    cpay_kept: Kept = field(default_factory=Kept)  # callers of the API, of this database
    cpay_limits: Limits = field(default_factory=Limits)
    cpay_threads: Threads = field(default_factory=Threads)
    cpay_traces: Traces = field(default_factory=Traces)

    def accounts_of(self, provider_id: int, version: int) -> ProviderAccounts:
        """Unsealed; read once per version and process."""
        return self.book.get(
            provider_id,
            version,
            lambda: self.transact(lambda s: load_accounts(s, self.ring, provider_id, version)),
        )

    def transact(self, fn: Callable[[Session], T], *, rerun_if_unknown: bool = False) -> T:
        """One unit of work; see `Database.transact`."""
        return self.db.transact(fn, rerun_if_unknown=rerun_if_unknown)


def build_deps(settings: Settings, *, pool_size: int | None = None) -> Deps:
    """Everything real: the database (embedded if none is named), the ring, the gateways."""
    where = addresses.resolve(settings)
    now = make_clock(settings)
    return Deps(
        db=Database(
            where.app,
            pool_size=pool_size or settings.db_pool_size,
            prepared=settings.db_prepared_statements,
        ),
        gateways=open_gateways(settings, now),
        ring=KeyRing(path=settings.data_dir / "keyring.json", text=settings.keyring),
        now=now,
        settings=settings,
    )


def open_gateways(
    settings: Settings,
    now: Callable[[], datetime],
    make_transport: Callable[[], Downloader] | None = None,
) -> Gateways:
    """The gateways at the addresses of the settings, over HTTP or another network."""
    return build_gateways(
        wechat_pay_base=settings.upstream("wechat_pay_base"),
        wechat_oa_api_base=settings.upstream("wechat_api_base"),
        wechat_oa_open_base=settings.upstream("wechat_open_base"),
        alipay_base=settings.upstream("alipay_gateway"),
        alipay_auth_base=settings.upstream("alipay_auth_base"),
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        pool_size=settings.web_threads + settings.worker_threads,
        now=now,
        make_transport=make_transport,
        sms_relay=settings.sms_relay,
        maidan_base=settings.simulator_url or settings.maidan_url,
        callbacks=CallbackSender(
            allow_private=settings.allow_private_callbacks,
            allow_http=settings.allow_private_callbacks and settings.simulation,
        ),
        bill_limits=BillLimits(
            most=settings.bill_most_mb << 20,
            within_s=settings.bill_download_s,
            memory_mb=settings.bill_memory_mb,
        ),
    )
