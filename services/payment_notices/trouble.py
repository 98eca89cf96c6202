"""Notices that did not arrive, for the people of the shop: who, why, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.payment_notice import NoticeStatus, NoticeWay
from services.deps import Deps
from services.people.acting import Acting
from services.people.rights import Right, may

SINCE: Final = timedelta(days=7)
MOST: Final = 50
_PROVIDER: Final = "请服务商运行 flask oa health 查看原因。"
# Why, and what to do, by WeChat's number (wechat.md C5) or our own word.
WECHAT: Final = {
    "43004": ("没有关注公众号", "请他用微信关注服务商的公众号，关注后马上能收到。"),
    "43019": ("被公众号拉黑", "请服务商在公众平台「用户管理」把他移出黑名单。"),
    "USER_BLOCK": (
        "在微信里拒收了公众号的消息",
        "请他打开公众号，点右上角头像，在设置里打开「接收消息」。",
    ),
    "SYSTEM_FAILED": ("微信没有送达", "微信自身的故障，通常会自己恢复。"),
    "40003": ("微信不认识他的身份", "请他用新的激活码重新激活。"),
    "NO_PERSON": ("身份已被抹除", "请他用新的激活码重新激活。"),
    "40037": ("通知模板不存在", "请服务商运行 flask oa notices 重新选择模板。"),
    "47003": ("通知内容不合模板", "请服务商运行 flask oa notices 核对模板的关键词。"),
    "NO_TEMPLATE": ("服务商停用了到账通知", "请服务商运行 flask oa notices 选择模板。"),
    "NOT_WRITTEN": ("通知内容无法生成", "请服务商查看日志，并运行 flask oa notices 核对模板。"),
    "45009": ("公众号今天的通知次数用完", "明天恢复；请服务商在公众平台申请提高限额。"),
    "48001": ("公众号没有通知的权限", f"多为认证过期。{_PROVIDER}"),
    "61003": ("公众号已取消授权", f"需要重新授权。{_PROVIDER}"),
    "61007": ("没有授权通知的权限", f"需要重新授权，并勾选全部权限。{_PROVIDER}"),
    "PROVIDER_OA_NOT_AUTHORIZED": ("服务商还没有接入公众号", _PROVIDER),
    "NO_ANSWER": ("微信没有回答", "多为网络故障，通常会自己恢复；以订单列表为准。"),
}
SMS: Final = {
    "NO_RELAY": "短信没有开通，只写进了日志；请服务商设置 SMS_URL。",
    "NO_PHONE": "没有可用的手机号：本人登记并同意短信通知后能改发。",
    "NOT_WRITTEN": "短信内容无法生成，请服务商查看日志。",
    "SMS_REFUSED": "短信通道没有接受，请核对手机号。",
    "NO_ANSWER": "短信通道没有回答，可能已经发出。",
}
NO_PHONE: Final = "本人在「我的」里登记手机号并同意短信通知，下次可以改发短信。"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one person was not told, for one reason."""

    name: str
    place: str
    why: str
    outcome: str
    todo: str
    is_bad: bool  # nothing reached the person
    count: int
    last_at: datetime
    last_number: str


_FOUND: Final = text("""
SELECT w.name, COALESCE(NULLIF(max(s.branch_name), ''), max(s.name)) AS place, n.status, n.way,
    n.wechat_code, n.sms_code, count(*) AS n,
    max(n.created_at) AS last_at,
    (array_agg(o.out_trade_no ORDER BY n.id DESC))[1] AS last_number
FROM payment_notice n
JOIN staff w ON w.provider_id = n.provider_id AND w.id = n.staff_id
JOIN store s ON s.provider_id = n.provider_id AND s.id = n.store_id
JOIN pay_order o ON o.provider_id = n.provider_id AND o.id = n.order_id
WHERE n.provider_id = :p AND n.merchant_id = :m AND n.created_at > :since
    AND (n.wechat_code <> '' OR n.status IN ('failed', 'unsure'))
    AND (:everybody OR n.person_id = :person) AND (CAST(:store AS bigint) IS NULL
        OR n.store_id = :store)
GROUP BY w.provider_id, w.id, w.name, n.status, n.way, n.wechat_code, n.sms_code
ORDER BY last_at DESC, w.name LIMIT :most
""")


def found(session: Session, deps: Deps, who: Acting) -> list[Trouble]:
    """Of the last days, newest first: one's own, or of all whom one manages."""
    everybody = may(who, Right.STAFF)
    values = {
        "p": who.provider_id,
        "m": who.merchant_id,
        "since": deps.now() - SINCE,
        "everybody": everybody,
        "person": who.person_id or 0,
        "store": None if may(who, Right.ALL_STORES) else who.store_id,
        "most": MOST,
    }
    return [_trouble(row) for row in session.execute(_FOUND, values)]


def _trouble(row: Any) -> Trouble:
    why, todo = WECHAT.get(row.wechat_code, (f"微信没有接受（{row.wechat_code}）", _PROVIDER))
    status, by_sms = NoticeStatus(row.status), row.way == NoticeWay.SMS.value
    is_told = status is NoticeStatus.SENT
    if by_sms:
        said = SMS.get(row.sms_code, "")
        outcome = {"sent": "已改发短信", "pending": "正在改发短信"}.get(row.status, said)
    elif status is NoticeStatus.UNSURE:
        outcome = "可能已收到，没有重发"
    else:
        outcome = NO_PHONE
    return Trouble(
        row.name, row.place, why, outcome, todo, not is_told, row.n, row.last_at, row.last_number
    )
