"""Official accounts and the third-party platform that exist upstream. Test data only."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from simulator.parties import WECHAT

SUBSCRIPTION, SERVICE = 0, 2  # service_type_info.id (wechat.md D)


@dataclass(frozen=True)
class Template:
    """A notice of the category library: its keywords say what their values may be (C5)."""

    template_id: str
    title: str
    keys: tuple[tuple[str, str], ...]  # keyword and its label, e.g. ("amount1", "收款金额")

    @property
    def content(self) -> str:
        return "\n".join(f"{label}：{{{{{key}.DATA}}}}" for key, label in self.keys)


@dataclass(frozen=True)
class OfficialAccount:
    appid: str
    secret: str
    name: str
    principal: str
    kind: int = SERVICE
    is_verified: bool = True

    @property
    def user_name(self) -> str:
        """The account's own name in messages."""
        return "gh_" + _digest(f"name:{self.appid}")[:12]

    @property
    def token(self) -> str:
        """Of its message push."""
        return _token(self.appid)

    @property
    def encoding_aes_key(self) -> str:
        return _aes_key(self.appid)

    @property
    def templates(self) -> tuple[Template, ...]:
        return _templates(self.appid, "template")

    @property
    def subscribe_templates(self) -> tuple[Template, ...]:
        return _templates(self.appid, "subscribe")


@dataclass(frozen=True)
class Platform:
    """A third-party platform (第三方平台)."""

    appid: str
    secret: str
    name: str
    funcs: tuple[int, ...]  # the permission sets that it asks for

    @property
    def token(self) -> str:
        return _token(self.appid)

    @property
    def encoding_aes_key(self) -> str:
        return _aes_key(self.appid)


# wechat.md D; what a platform for official accounts may ask for.
FUNCS = {
    1: "消息管理",
    2: "用户管理",
    3: "帐号服务（二维码）",
    4: "网页服务（网页授权、JS-SDK）",
    6: "微信客服",
    7: "群发与通知（模板消息）",
    8: "微信卡券",
    9: "微信扫一扫",
    11: "素材管理",
    15: "自定义菜单",
}
TITLES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "收款到账通知",
        (
            ("amount1", "收款金额"),
            ("time2", "收款时间"),
            ("thing3", "收款门店"),
            ("character_string4", "订单编号"),
            ("phrase5", "支付方式"),
        ),
    ),
    (
        "退款通知",
        (
            ("amount1", "退款金额"),
            ("time2", "退款时间"),
            ("thing3", "退款门店"),
            ("character_string4", "订单编号"),
        ),
    ),
    (
        "会员卡余额变动提醒",
        (
            ("amount1", "变动金额"),
            ("amount2", "卡内余额"),
            ("time3", "变动时间"),
            ("thing4", "备注"),
        ),
    ),
    (
        "服务异常提醒",
        (("thing1", "异常内容"), ("time2", "发生时间"), ("thing3", "怎样处理")),
    ),
)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _token(appid: str) -> str:
    return "simpush" + _digest(f"token:{appid}")[:20]


def _aes_key(appid: str) -> str:
    """43 letters and digits that are 32 bytes of base64 without its `=`."""
    raw = hashlib.sha256(f"aes:{appid}".encode()).digest()
    return base64.b64encode(raw).decode().rstrip("=").replace("+", "x").replace("/", "y")


def _templates(appid: str, kind: str) -> tuple[Template, ...]:
    made = []
    for title, keys in TITLES:
        raw = hashlib.sha256(f"{kind}:{appid}:{title}".encode()).digest()
        name = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        made.append(Template(name, title, keys))
    return tuple(made)


def _known() -> dict[str, OfficialAccount]:
    found = []
    for provider in WECHAT.values():
        found += [
            OfficialAccount(appid, provider.oa_secret, provider.name, f"{provider.name}有限公司")
            for appid in provider.appids
        ]
        found += [
            OfficialAccount(m.sub_appids[0], m.oa_secret, m.name, f"{m.name}有限公司")
            for m in provider.merchants.values()
            if m.oa_secret
        ]
    found += [
        OfficialAccount("wx5555555555555555", "simshq0a5ecret", "山雀咖啡", "山雀咖啡有限公司"),
        OfficialAccount(
            "wx6666666666666666",
            "simncm0a5ecret",
            "南窗面馆订阅号",
            "南窗面馆",
            SUBSCRIPTION,
            is_verified=False,
        ),
    ]
    return {account.appid: account for account in found}


OFFICIAL = _known()
PLATFORM = Platform("wx9999000000000001", "simplatform0a5ecret", "一码付模拟平台", tuple(FUNCS))
