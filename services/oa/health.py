"""What works with the official account and what does not, red, yellow or green, with the remedy.

Read from rows alone: nobody is asked. The numbers of permission sets are wechat.md D's; the list
says what was granted, not what the account can do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.official import OaMode, OaToken, OfficialAccount, WechatComponent
from models.provider import OaState, Provider
from services.deps import Deps
from services.oa import rows
from services.oa.platform import LATE_AFTER, TICKET_LIVES
from services.onboarding.checks import lock_provider

SOON = timedelta(days=30)


class Colour(StrEnum):
    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Feature:
    """What needs a permission set. `needs_verified` ends with the account's yearly verification."""

    func: int
    name: str
    purpose: str
    needs_verified: bool = True


FEATURES = (
    Feature(4, "网页服务", "顾客付款、员工登录时识别微信身份"),
    Feature(7, "群发与通知", "到账、退款通知"),
    Feature(8, "微信卡券", "会员卡放进微信卡包"),
    Feature(15, "自定义菜单", "公众号菜单进入商户后台", needs_verified=False),
    Feature(1, "消息管理", "关注、扫码、关键词的自动回复", needs_verified=False),
    Feature(2, "用户管理", "知道员工是否还关注公众号"),
    Feature(3, "帐号服务", "带参数的二维码"),
)

RENEW = "登录微信公众平台完成年审（认证）。"
AUTHORISE = "重新授权，并勾选全部权限：运行 flask oa authorise 取得授权链接。"
# WeChat's own numbers, as a person needs them (product OA-5, OA-6).
EXPLAINED = {
    "10003": "网页授权域名与本系统的地址不一致：在公众平台「网页授权域名」填本系统的域名。",
    "10005": f"公众号过期或未认证：{RENEW}也可能是授权范围缺失：{AUTHORISE}",
    "10015": f"公众号没有授权给本平台：{AUTHORISE}",
    "40001": "AppSecret 或令牌无效：用 flask provider set-wechat 重新设置 AppSecret。",
    "40013": "AppID 填写有误：核对公众号的 AppID。",
    "40125": "AppSecret 有误：在公众平台重置后，用 flask provider set-wechat 重新设置。",
    "40164": "服务器 IP 不在白名单：在公众平台「IP 白名单」加入本机的出口 IP。",
    "48001": f"公众号没有这个接口的权限，多为未认证或认证过期：{RENEW}",
    "61003": f"公众号已取消授权：{AUTHORISE}",
    "61004": "服务器 IP 不在第三方平台的白名单：在开放平台登记本机的出口 IP。",
    "61005": "第三方平台的 component_verify_ticket 已过期：见「平台推送」一项。",
    "61006": "没有收到可用的 component_verify_ticket：见「平台推送」一项。",
    "61007": f"这项权限没有授权：{AUTHORISE}",
    "61023": f"授权凭证已失效：{AUTHORISE}",
}
TICKET_REMEDY = (
    "在开放平台核对「授权事件接收 URL」是 {url}，消息校验 Token 与加解密 Key 与本系统一致；"
    "再运行 flask oa platform --start-tickets 让微信重新推送。"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the health page; `remedy` is "" where nothing is to be done."""

    name: str
    colour: Colour
    said: str
    remedy: str = ""


def explain(code: str) -> str:
    """What WeChat's number means and who can mend it; "" for a number that says nothing more."""
    return EXPLAINED.get(code, "")


def report(deps: Deps, out_mch_id: str) -> list[Check]:
    """Everything about one provider's account. Raises NotFound for an unknown provider."""
    return deps.transact(lambda s: list(_report(s, deps, lock_provider(s, out_mch_id))))


def _report(session: Session, deps: Deps, provider: Provider) -> Iterator[Check]:
    row = session.scalar(rows.of_provider(provider.id))
    now = deps.now()
    yield _payers(provider)
    if row is not None and row.mode is OaMode.COMPONENT:
        yield _grant(row)
        found = session.scalar(
            select(WechatComponent).where(WechatComponent.app_id == row.component_appid)
        )
        if found is not None:
            yield ticket_check(found, deps.settings.base_url, now)
    yield from _tokens(session, provider.id, now)
    yield _verified(row, now)
    for feature in FEATURES:
        yield _feature(row, feature)


def _payers(provider: Provider) -> Check:
    said = {
        OaState.AUTHORIZED: Check("微信付款入口", Colour.GREEN, "可用"),
        OaState.NOT_AUTHORIZED: Check("微信付款入口", Colour.RED, "公众号未授权", AUTHORISE),
        OaState.NOT_VERIFIED: Check("微信付款入口", Colour.RED, "未认证或认证已过期", RENEW),
        OaState.SCOPE_DENIED: Check(
            "微信付款入口", Colour.RED, "没有网页授权的权限（10005）", EXPLAINED["10005"]
        ),
    }
    return said[provider.oa_state]


def _grant(row: OfficialAccount) -> Check:
    if not row.is_authorised:
        return Check("公众号授权", Colour.RED, "已取消或失效", AUTHORISE)
    day = f"{row.authorised_at:%F}" if row.authorised_at else ""
    return Check("公众号授权", Colour.GREEN, f"{row.nick_name or row.app_id} {day}".strip())


def ticket_check(row: WechatComponent, base_url: str, now: datetime) -> Check:
    """WeChat pushes a ticket every ten minutes; without one for twelve hours nothing works."""
    remedy = TICKET_REMEDY.format(url=f"{base_url}/oa/component")
    if row.ticket_at is None:
        return Check("平台推送", Colour.RED, "还没有收到过 component_verify_ticket", remedy)
    age = now - row.ticket_at
    said = f"最近一次 {row.ticket_at:%F %H:%M}Z"
    if age >= TICKET_LIVES:
        return Check("平台推送", Colour.RED, f"超过 12 小时没有收到，{said}", remedy)
    if age >= LATE_AFTER:
        return Check("平台推送", Colour.YELLOW, f"超过 30 分钟没有收到，{said}", remedy)
    return Check("平台推送", Colour.GREEN, said)


def _tokens(session: Session, provider_id: int, now: datetime) -> Iterator[Check]:
    wanted = (
        select(OaToken)
        .where(OaToken.provider_id.in_([0, provider_id]))
        .order_by(OaToken.provider_id, OaToken.kind, OaToken.app_id)
    )
    for token in session.scalars(wanted):
        name = f"令牌 {token.kind}"
        is_good = token.until_at is not None and token.until_at > now
        if token.said_code:
            colour = Colour.YELLOW if is_good else Colour.RED
            said = f"微信拒绝：{token.said_code} {token.said}"
            yield Check(name, colour, said, explain(token.said_code))
        elif token.tries:
            yield Check(name, Colour.YELLOW if is_good else Colour.RED, "微信没有回答，正在重试")
        elif is_good:
            yield Check(name, Colour.GREEN, f"有效至 {token.until_at:%F %H:%M}Z")


def _verified(row: OfficialAccount | None, now: datetime) -> Check:
    until = row.verify_until if row is not None else None
    if row is not None and row.verify_type == -1:
        return Check("微信认证", Colour.RED, "未认证或认证已过期", RENEW)
    if until is None:
        said = "到期日未知：微信没有接口告知"
        return Check("微信认证", Colour.YELLOW, said, "用 flask oa set --verified-until 填写。")
    if until <= now:
        return Check("微信认证", Colour.RED, f"已于 {until:%F} 到期", RENEW)
    if until - now < SOON:
        return Check("微信认证", Colour.YELLOW, f"将于 {until:%F} 到期", RENEW)
    return Check("微信认证", Colour.GREEN, f"有效至 {until:%F}")


def _feature(row: OfficialAccount | None, feature: Feature) -> Check:
    name, purpose = feature.name, f"用于{feature.purpose}"
    lapsed = row is not None and row.verify_type == -1 and feature.needs_verified
    if lapsed:
        return Check(name, Colour.RED, f"{purpose}；认证过期后停用", RENEW)
    if row is None or row.mode is OaMode.DIRECT:
        return Check(name, Colour.YELLOW, f"{purpose}；直连模式下微信不告知是否开通", "")
    if not row.is_authorised or feature.func not in row.granted:
        return Check(name, Colour.RED, f"{purpose}；没有授权", AUTHORISE)
    return Check(name, Colour.GREEN, purpose)


def warnings(session: Session, deps: Deps) -> list[str]:
    """What `readyz` says of all accounts, in an operator's words."""
    now, said = deps.now(), []
    for row in session.scalars(select(WechatComponent).order_by(WechatComponent.id)):
        if row.ticket_at is None or now - row.ticket_at >= TICKET_LIVES:
            said.append(
                f"no component_verify_ticket for {row.app_id} in 12 hours: check the platform's"
                f" event URL {deps.settings.base_url}/oa/component, then run"
                " `flask oa platform --start-tickets`"
            )
    refused = text(
        "SELECT p.out_mch_id, t.kind, t.said_code FROM oa_token t JOIN provider p"
        " ON p.id = t.provider_id WHERE t.said_code <> ''"
        " AND (t.until_at IS NULL OR t.until_at <= :now) ORDER BY 1, 2"
    )
    said += [
        f"{found.out_mch_id}: WeChat refuses a token ({found.kind}, {found.said_code}), see"
        " `flask oa health`"
        for found in session.execute(refused, {"now": now})
    ]
    return said
