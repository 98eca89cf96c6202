"""The way to the first payment as a list, each step with its state (product PRV-2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Step:
    """`where` is the page on which it is done; a step that is `optional` keeps nothing waiting.

    In `where` `{m}` is the provider's first merchant, `{c}` its first pay code; before there is
    one, the page is what stands before the last slash or question mark.
    """

    name: str
    title: str
    words: str
    where: str
    label: str
    optional: bool = False


STEPS: Final = (
    Step(
        "provider", "填写服务商资料", "名称与微信服务商平台上的一致。",
        "/console/settings", "去填写",
    ),
    Step(
        "wechat", "填写微信支付密钥", "商户号、API 证书、APIv3 密钥，保存时当场验证。",
        "/console/settings/wechat", "去填写",
    ),
    Step(
        "official", "授权公众号", "顾客付款、员工登录都要靠它认人，须是已认证的服务号。",
        "/console/official", "去授权",
    ),
    Step(
        "alipay", "配置支付宝", "只收微信可以先跳过。", "/console/settings/alipay", "去填写",
        optional=True,
    ),
    Step(
        "provider_admin", "激活服务商管理员", "他用微信扫激活码，在手机上看名下的商户。",
        "/console/sub-providers", "去激活", optional=True,
    ),
    Step(
        "merchant", "添加商户", "手工添加、Excel 导入、进件或同步买单子商户，任选一种。",
        "/console/merchants", "去添加",
    ),
    Step(
        "merchant_admin", "激活商户管理员", "他用微信扫激活码，以后在手机上管店、看账、退款。",
        "/console/merchants/{m}/people", "去激活",
    ),
    Step(
        "store", "添加门店", "添加后自动有一个收款码，可以打印成台卡。",
        "/console/merchants/{m}/stores", "去添加",
    ),
    Step(
        "payment", "扫码付一分钱", "用微信扫门店的收款码，付成就可以开张。", "/console/codes?q={c}",
        "看收款码",
    ),
)  # fmt: skip

_STATE: Final = text("""
SELECT p.name <> '' AS provider,
    EXISTS (SELECT 1 FROM channel_account a JOIN credential c
        ON c.provider_id = a.provider_id AND c.account_id = a.id
        WHERE a.provider_id = p.id AND a.channel = 'wechat' AND a.kind = 'pay'
        AND c.kind = 'merchant_private_key' AND c.retired_at IS NULL) AS wechat,
    p.oa_state = 'authorized' AND EXISTS (SELECT 1 FROM official_account o
        WHERE o.provider_id = p.id) AS official_row,
    p.oa_state = 'authorized' AND EXISTS (SELECT 1 FROM channel_account a JOIN credential c
        ON c.provider_id = a.provider_id AND c.account_id = a.id
        WHERE a.provider_id = p.id AND a.channel = 'wechat' AND a.kind = 'oa'
        AND c.retired_at IS NULL) AS official_keys,
    EXISTS (SELECT 1 FROM channel_account a JOIN credential c
        ON c.provider_id = a.provider_id AND c.account_id = a.id
        WHERE a.provider_id = p.id AND a.channel = 'alipay' AND a.kind = 'pay'
        AND c.retired_at IS NULL) AS alipay,
    EXISTS (SELECT 1 FROM provider_admin d WHERE d.provider_id = p.id AND d.is_active
        AND d.person_id IS NOT NULL) AS provider_admin,
    (SELECT m.out_sub_mch_id FROM merchant m WHERE m.provider_id = p.id
        ORDER BY m.id LIMIT 1) AS merchant,
    (SELECT c.code FROM pay_code c WHERE c.provider_id = p.id AND c.store_id IS NOT NULL
        ORDER BY c.id LIMIT 1) AS code,
    EXISTS (SELECT 1 FROM staff f WHERE f.provider_id = p.id AND f.role = 'owner'
        AND f.is_active AND f.person_id IS NOT NULL) AS merchant_admin,
    EXISTS (SELECT 1 FROM store s WHERE s.provider_id = p.id AND s.deleted_at IS NULL) AS store,
    EXISTS (SELECT 1 FROM pay_order o WHERE o.provider_id = p.id AND o.status = 'paid') AS payment
FROM provider p WHERE p.id = :p
""")


@dataclass(frozen=True, slots=True)
class Line:
    step: Step
    is_done: bool
    where: str


def of_provider(session: Session, provider_id: int) -> list[Line]:
    row: Any = session.execute(_STATE, {"p": provider_id}).one()
    done = {**row._mapping, "official": row.official_row or row.official_keys}
    return [
        Line(step, bool(done[step.name]), _where(step, row.merchant or "", row.code or ""))
        for step in STEPS
    ]


def _where(step: Step, merchant: str, code: str) -> str:
    known = {"{m}": merchant, "{c}": code}
    for mark, value in known.items():
        if mark in step.where:
            before = step.where.partition(mark)[0].rstrip("/").removesuffix("?q=")
            return step.where.replace(mark, value) if value else before
    return step.where


def next_of(lines: list[Line]) -> Step | None:
    """The first step that is open and may not be left out; None where all are done."""
    return next((one.step for one in lines if not one.is_done and not one.step.optional), None)
