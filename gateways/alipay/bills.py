"""Alipay's daily bill of one merchant: asked for, downloaded, read. Source: alipay.md 5."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

from errors import GatewayRejected, GatewayUnknown
from gateways.alipay.gateway import AlipayClients
from gateways.base import AlipayAccount, BillBroken, BillNotReady, BillTotals
from gateways.bill_download import BillWriter, Limits, check_host
from gateways.http import Downloader, timed

_METHOD = "alipay.data.dataservice.bill.downloadurl.query"
# The documented names and those that the live gateway answers (alipay.md 5.1).
_NOT_THERE = frozenset(
    {"isp.bill_not_exist", "BILL_NOT_EXIST", "NO_BILL_DATA", "isv.bill_not_exist"}
)
_BEFORE_THEM = frozenset({"BILL_DATE_BEFORE_REGISTRATION"})
_EMPTY = "EMPTY_DATA_WITH_BILL_FILE"
_TRIES = 2  # an address is good for thirty seconds: then another is asked for
_ZIP = b"PK"
_SHANGHAI = timezone(timedelta(hours=8))
_AFTERNOON = time(15)


class AlipayBills:
    """A `BillSource`: one bill a merchant, under the merchant's app_auth_token."""

    def __init__(
        self,
        clients: AlipayClients,
        *,
        transport: Downloader,
        now: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._clients, self._transport, self._now = clients, transport, now
        self._limits = limits

    def fetch(
        self, account: AlipayAccount, on: date, folder: Path, into: Path
    ) -> BillTotals | None:
        """See `BillSource`."""
        packed = folder / "alipay.zip"
        with timed("alipay", "bill"):
            if not self._download(account, on, packed):
                return None
        from gateways.alipay.bill_file import read_bill  # the engine is large: only here

        limits = self._limits
        return read_bill(
            packed, account.seller_id or "", into, most=limits.most, memory_mb=limits.memory_mb
        )

    def _download(self, account: AlipayAccount, on: date, packed: Path) -> bool:
        for _ in range(_TRIES):
            url = self._ask(account, on)
            if url is None:
                return False
            check_host(url, self._clients.gateway_url, "alipay.com")
            with BillWriter(packed, self._limits.most, text=False) as writer:
                within = self._limits.within_s
                answer = self._transport.download(
                    url, {"User-Agent": "yima/1"}, writer.take,
                    most=self._limits.most, within_s=within,
                )  # fmt: skip
                if answer.status == 200:
                    writer.finish()
            if answer.status == 200:
                _check_zip(packed)
                return True
        raise GatewayUnknown(f"download: HTTP {answer.status}")

    def _ask(self, account: AlipayAccount, on: date) -> str | None:
        """The address; None where nothing was traded. "Not there" is believed from 15:00 on."""
        content = {"bill_type": "trade", "bill_date": on.isoformat()}
        client = self._clients.get(account)
        try:
            node = client.server_api(_METHOD, content, app_auth_token=account.app_auth_token)
        except GatewayRejected as refused:
            if refused.upstream_code in _BEFORE_THEM:
                return None
            if refused.upstream_code not in _NOT_THERE:
                raise
            final = datetime.combine(on + timedelta(days=1), _AFTERNOON, _SHANGHAI)
            if self._now() < final:
                raise BillNotReady(refused.upstream_code) from None
            return None
        if node.get("bill_file_code") == _EMPTY:
            return None
        url = node.get("bill_download_url")
        if not isinstance(url, str) or not url or len(url) > 4096:
            raise GatewayUnknown("no address of a bill in the answer")
        return url


def _check_zip(packed: Path) -> None:
    with packed.open("rb") as file:
        if file.read(2) != _ZIP:
            raise BillBroken(0, "not a zip")
