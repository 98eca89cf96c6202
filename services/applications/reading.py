"""Applications as the console lists and shows them: nothing here is about people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.application import Application, ApplicationState
from models.merchant import Merchant
from services.applications import drafts
from services.applications.fields import BY_NAME, FIELDS, STEPS, Step, applies
from services.applications.problems import NoApplication

PAGE: Final = 50
_S = ApplicationState
STATES: Final[dict[ApplicationState, tuple[str, str]]] = {  # kind of chip, words
    _S.DRAFT: ("", "草稿"),
    _S.SUBMITTING: ("info", "正在提交"),
    _S.EDITING: ("warn", "待修改"),
    _S.AUDITING: ("info", "审核中"),
    _S.REJECTED: ("bad", "已驳回"),
    _S.TO_BE_CONFIRMED: ("warn", "待账户验证"),
    _S.TO_BE_SIGNED: ("warn", "待签约"),
    _S.SIGNING: ("info", "开通中"),
    _S.FINISHED: ("ok", "已完成"),
    _S.CANCELED: ("", "已作废"),
}
NEXT: Final = {
    _S.DRAFT: "填完五步，再提交给微信。",
    _S.SUBMITTING: "正在把图片和资料交给微信，一般不到一分钟。",
    _S.EDITING: "微信没有收下，按提示修改后再提交。",
    _S.AUDITING: "微信审核要 1 到 3 个工作日，这里会自动更新；催不快，也不用重交。",
    _S.REJECTED: "按驳回的原因修改，再提交一次。",
    _S.TO_BE_CONFIRMED: "请超级管理员扫码完成账户验证，10 天内有效。",
    _S.TO_BE_SIGNED: "请超级管理员用微信扫码签约，30 天内有效。",
    _S.SIGNING: "已签约，微信正在开通权限，约 30 分钟。",
    _S.FINISHED: "子商户号可以使用了。",
    _S.CANCELED: "这份申请已作废，需要时请新建一份。",
}
LASTS: Final = {_S.TO_BE_CONFIRMED: timedelta(days=10), _S.TO_BE_SIGNED: timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Shown:
    """`objections` are (step or None, label, words). `ends_at`: when WeChat gives it up."""

    row: Application
    chip: tuple[str, str]
    next: str
    objections: Sequence[tuple[Step | None, str, str]]
    merchant: Merchant | None
    ends_at: datetime | None


def listed(
    session: Session, provider_id: int, *, before: int | None = None, most: int = PAGE
) -> list[Application]:
    """Newest first, by keyset of the id."""
    wanted = select(Application).where(Application.provider_id == provider_id)
    if before is not None:
        wanted = wanted.where(Application.id < before)
    return list(session.scalars(wanted.order_by(Application.id.desc()).limit(most)))


def shown(session: Session, provider_id: int, number: int) -> Shown:
    row = session.get(Application, (provider_id, number), populate_existing=True)
    if row is None:
        raise NoApplication(f"application {number}")
    merchant = session.get(Merchant, (provider_id, row.merchant_id)) if row.merchant_id else None
    life = LASTS.get(row.state)
    return Shown(
        row=row, chip=STATES[row.state], next=NEXT[row.state], objections=_objections(row),
        merchant=merchant, ends_at=None if life is None else row.state_at + life,
    )  # fmt: skip


def _objections(row: Application) -> list[tuple[Step | None, str, str]]:
    order = {field.name: n for n, field in enumerate(FIELDS)}
    found = []
    for name in sorted(row.problems, key=lambda one: order.get(one, -1)):
        field = BY_NAME.get(name)
        label = field.label if field else "整份申请"
        found.append((field.step if field else None, label, str(row.problems[name])))
    return found


def progress(found: drafts.Opened) -> Mapping[Step, tuple[int, int]]:
    """Of each step: fields that are filled, and fields that are asked for."""
    made = {}
    for step in STEPS:
        wanted = [
            f for f in FIELDS if f.step is step and f.is_required and applies(f, found.values)
        ]
        filled = sum(
            f.name in found.papers if f.is_picture else bool(found.values.get(f.name))
            for f in wanted
        )
        made[step] = (filled, len(wanted))
    return made
