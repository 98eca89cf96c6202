"""The Gold Plan (点金计划) at WeChat Pay: five switches, and no way to ask how they stand.

Source: wechat.md B2. Every business refusal is INVALID_REQUEST: only the message tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from errors import GatewayRejected, GatewayUnknown
from gateways.base import WechatAccount
from gateways.http import ClientCache, Transport, timed
from gateways.wechat_pay.client import WechatPayClient

ROOT: Final = "/v3/goldplan/merchants"
SCENES: Final = ("JSAPI", "MINIPROGRAM", "JSAPI_AND_MINIPROGRAM")
# Upstream's own spellings, the misspelt ones included.
TAGS: Final = (
    "E_COMMERCE", "LOVE_MARRIAGE", "POTOGRAPHY", "EDUCATION", "FINANCE", "TOURISM", "SKINCARE",
    "FOOD", "SPORT", "JEWELRY_WATCH", "HEALTHCARE", "BUSSINESS", "PARENTING", "CATERING", "RETAIL",
    "SERVICES", "LAW", "ESTATE", "TRANSPORTATION", "ENERGY_SAVING", "SECURITY",
    "BUILDING_MATERIAL", "COMMUNICATION", "MERCHANDISE", "ASSOCIATION", "COMMUNITY", "ONLINE_AVR",
    "WE_MEDIA", "CAR", "SOFTWARE", "GAME", "CLOTHING", "INDUSTY", "AGRICULTURE",
    "PUBLISHING_MEDIA", "HOME_DIGITAL",
)  # fmt: skip


class Why(StrEnum):
    """What WeChat's words mean (product GP-7)."""

    PROVIDER_NOT_OPEN = "provider_not_open"
    NO_LINK = "no_link"
    PROVIDER_PUNISHED = "provider_punished"
    MERCHANT_PUNISHED = "merchant_punished"
    MERCHANT_NOT_OPEN = "merchant_not_open"
    MERCHANT_UNKNOWN = "merchant_unknown"
    CALLER = "caller"
    MANAGED = "managed"
    COOLDOWN = "cooldown"
    TOO_OFTEN = "too_often"
    OTHER = "other"


class GoldPlanRefused(GatewayRejected):
    """A definite no: the switch is as it was."""

    def __init__(self, why: Why, code: str, message: str, **facts: object) -> None:
        super().__init__(code, message, **facts)
        self.why = why


# All of the words of a line stand in the message; the first line that fits counts.
_WORDS: Final = (
    (("频繁",), Why.TOO_OFTEN),
    (("频率",), Why.TOO_OFTEN),
    (("24小时",), Why.COOLDOWN),
    (("默认开通",), Why.MANAGED),
    (("小票链接",), Why.NO_LINK),
    (("小票", "未配置"), Why.NO_LINK),
    (("受理关系",), Why.MERCHANT_UNKNOWN),
    (("不是", "特约商户"), Why.MERCHANT_UNKNOWN),
    (("渠道商",), Why.CALLER),
    (("不是", "服务商"), Why.CALLER),
    (("服务商", "处罚"), Why.PROVIDER_PUNISHED),
    (("处罚",), Why.MERCHANT_PUNISHED),
    (("服务商", "未开通"), Why.PROVIDER_NOT_OPEN),
    (("未开通",), Why.MERCHANT_NOT_OPEN),
)


class WechatGoldPlan:
    """Each call switches one merchant, `account.sub_mchid`; the same call may be sent again.

    Raises GoldPlanRefused, and GatewayUnknown when the switch may have been thrown.
    """

    def __init__(self, *, base: str, transport: Transport, now: Callable[[], datetime]) -> None:
        self._base, self._transport, self._now = base, transport, now
        self._clients: ClientCache[tuple[str, int], WechatPayClient] = ClientCache()

    def switch_plan(self, account: WechatAccount, *, on: bool, scene: str = "JSAPI") -> None:
        body = {"operation_type": _operation(on=on), "operation_pay_scene": scene}
        self._switch(account, "changegoldplanstatus", body)

    def switch_receipt(self, account: WechatAccount, *, on: bool) -> None:
        """The merchant receipt (商家小票); it shows only while the plan is open."""
        self._switch(account, "changecustompagestatus", {"operation_type": _operation(on=on)})

    def set_tags(self, account: WechatAccount, tags: Sequence[str]) -> None:
        """1 to 3 of `TAGS`: advertisements of these trades are not shown. Replaces what was."""
        body = {"advertising_industry_filters": list(tags)}
        self._call(account, "POST", "set-advertising-industry-filter", body)

    def open_ads(self, account: WechatAccount, tags: Sequence[str]) -> None:
        """WeChat's own advertisements; the tags given replace what was, none empties them."""
        body = {"advertising_industry_filters": list(tags)}
        self._call(account, "PATCH", "open-advertising-show", body)

    def close_ads(self, account: WechatAccount) -> None:
        self._call(account, "POST", "close-advertising-show", {})

    def _switch(self, account: WechatAccount, name: str, body: Mapping[str, Any]) -> None:
        said = self._call(account, "POST", name, body)
        if said.get("sub_mchid") != account.sub_mchid:
            raise GatewayUnknown("the answer names another merchant")

    def _call(
        self, account: WechatAccount, method: str, name: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        client = self._clients.get(
            (account.account_key, account.version),
            lambda: WechatPayClient(
                account, base=self._base, transport=self._transport, now=self._now
            ),
        )
        with timed("wechat", f"goldplan {name}"):
            try:
                return client.call(
                    method, f"{ROOT}/{name}", {"sub_mchid": account.sub_mchid, **body}
                )
            except GatewayRejected as no:
                raise refused(no) from None


def refused(no: GatewayRejected) -> GoldPlanRefused:
    """The same refusal with what its words mean."""
    return GoldPlanRefused(
        why_of(no.upstream_code, no.upstream_message),
        no.upstream_code, no.upstream_message, **no.facts,
    )  # fmt: skip


def why_of(code: str, message: str) -> Why:
    if code in ("MCH_NOT_EXISTS", "NO_AUTH"):
        return Why.MERCHANT_UNKNOWN
    if code != "INVALID_REQUEST":
        return Why.OTHER
    bare = message.replace(" ", "")
    return next((why for words, why in _WORDS if all(w in bare for w in words)), Why.OTHER)


def _operation(*, on: bool) -> str:
    return "OPEN" if on else "CLOSE"
