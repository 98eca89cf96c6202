"""WeChat Pay's daily bill: asked for, downloaded, checked, read. Source: wechat.md A11."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_json
from gateways.base import BillBroken, BillNotReady, BillTotals, WechatAccount
from gateways.bill_download import BillWriter, Limits, check_host
from gateways.http import ClientCache, Downloader, timed
from gateways.wechat_pay.client import WechatPayClient

_NONE = frozenset({"NO_STATEMENT_EXIST"})
_CREATING = frozenset({"STATEMENT_CREATING"})
_TRIES = 2  # an address is good for five minutes: then another is asked for


class WechatBills:
    """A `BillSource`: one bill covers every merchant of the provider."""

    def __init__(
        self, *, base: str, transport: Downloader, now: Callable[[], datetime], limits: Limits
    ) -> None:
        self._base, self._transport, self._now, self._limits = base, transport, now, limits
        self._clients: ClientCache[tuple[str, int], WechatPayClient] = ClientCache()

    def fetch(
        self, account: WechatAccount, on: date, folder: Path, into: Path
    ) -> BillTotals | None:
        """See `BillSource`."""
        client, raw = self._client(account), folder / "wechat.txt"
        with timed("wechat", "bill"):
            if not self._download(client, on, raw):
                return None
        from gateways.wechat_pay.bill_file import read_bill  # the engine is large: only here

        return read_bill(raw, account.sp_mchid, into, self._limits.memory_mb)

    def _download(self, client: WechatPayClient, on: date, raw: Path) -> bool:
        for _ in range(_TRIES):
            try:
                url, digest = self._ask(client, on)
            except GatewayRejected as refused:
                if refused.upstream_code in _NONE:
                    return False
                if refused.upstream_code in _CREATING:
                    raise BillNotReady(refused.upstream_code) from None
                raise
            with BillWriter(raw, self._limits.most, text=True) as writer:
                status = self._get(client, url, writer)
                if status != 200:
                    continue
                if writer.finish() != digest.lower():
                    raise BillBroken(0, "the hash is another than WeChat said")
            return True
        raise GatewayUnknown(f"download: HTTP {status}")

    def _ask(self, client: WechatPayClient, on: date) -> tuple[str, str]:
        query = {"bill_date": on.isoformat(), "bill_type": "ALL", "tar_type": "GZIP"}
        wire = client.call("GET", f"/v3/bill/tradebill?{urlencode(query)}")
        try:
            url = strict_json.word(wire, "download_url", longest=2048)
            kind, digest = (strict_json.word(wire, n) for n in ("hash_type", "hash_value"))
        except ValueError:
            url = kind = digest = None
        if not url or not digest or kind != "SHA1":
            raise GatewayUnknown("no address of a bill in the answer")
        return url, digest

    def _get(self, client: WechatPayClient, url: str, writer: BillWriter) -> int:
        """The address verbatim; it holds a token and is never logged."""
        check_host(url, self._base, "weixin.qq.com")
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = client.download_headers(target)
        within = self._limits.within_s
        answer = self._transport.download(
            url, headers, writer.take, most=self._limits.most, within_s=within
        )
        return answer.status

    def _client(self, account: WechatAccount) -> WechatPayClient:
        return self._clients.get(
            (account.account_key, account.version),
            lambda: WechatPayClient(
                account, base=self._base, transport=self._transport, now=self._now
            ),
        )
