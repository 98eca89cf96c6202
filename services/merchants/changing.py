"""A merchant is changed by one of several people, none of whom overwrites another unseen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.merchant import Merchant
from services import audit
from services.deps import Deps
from services.merchants.forms import shown_rebate
from services.merchants.problems import MerchantChanged
from services.merchants.reading import find

LABELS: Final = {
    "name": "商户全称", "short_name": "商户简称", "admin_name": "管理员姓名",
    "admin_email": "管理员邮箱", "remark": "备注", "rebate_bp": "返佣比例",
}  # fmt: skip
PRIVATE: Final = frozenset({"admin_name", "admin_email", "remark"})  # the audit names them only


def change(
    deps: Deps,
    provider_id: int,
    out_id: str,
    seen_version: int,
    values: Mapping[str, Any],
    *,
    actor: str,
) -> list[str]:
    """Write what differs; gives the names of what did.

    Raises NotFound, and MerchantChanged for whoever saw an older version, with what stands there
    now: saved again with the version it tells, the change is made.
    """

    def unit(session: Session) -> list[str]:
        merchant = find(session, provider_id, out_id, lock=True)
        differs = {n: v for n, v in values.items() if getattr(merchant, n) != v}
        if differs and merchant.version != seen_version:
            raise _told(session, merchant, differs)
        if not differs:
            return []
        shown = {
            name: None if name in PRIVATE else [getattr(merchant, name), value]
            for name, value in sorted(differs.items())
        }
        for name, value in differs.items():
            setattr(merchant, name, value)
        touch(session, merchant, "merchant_changed", deps.now(), actor, changed=shown)
        return sorted(differs)

    return deps.transact(unit)


def touch(
    session: Session, merchant: Merchant, action: str, now: datetime, actor: str, **facts: Any
) -> None:
    """One more version, and who made it."""
    merchant.version += 1
    session.flush()
    audit.record(
        session, provider_id=merchant.provider_id, actor=actor, action=action,
        subject=f"merchant:{merchant.id}", at=now, version=merchant.version, **facts,
    )  # fmt: skip


def _told(session: Session, merchant: Merchant, differs: Mapping[str, Any]) -> MerchantChanged:
    last = session.execute(
        text(
            "SELECT a.created_at, u.name FROM audit_entry a"
            " LEFT JOIN console_user u ON a.actor = 'console:' || u.id"
            " WHERE a.provider_id = :p AND a.subject = :s ORDER BY a.id DESC LIMIT 1"
        ),
        {"p": merchant.provider_id, "s": f"merchant:{merchant.id}"},
    ).first()
    who = f"{last.name} 刚保存过这家商户" if last and last.name else "这家商户刚被别人改过"
    now = {LABELS[name]: _shown(merchant, name) for name in differs if name in LABELS}
    return MerchantChanged(f"{who}，你的修改还没有保存", version=merchant.version, now=now)


def _shown(merchant: Merchant, name: str) -> str:
    if name == "rebate_bp":
        return shown_rebate(merchant.rebate_bp) or "（空）"
    return str(getattr(merchant, name) or "（空）")


def switch(deps: Deps, provider_id: int, out_id: str, *, is_active: bool, actor: str) -> None:
    """Stop a merchant's codes at once, or let them go on."""

    def unit(session: Session) -> None:
        merchant = find(session, provider_id, out_id, lock=True)
        if merchant.is_active != is_active:
            merchant.is_active = is_active
            action = "merchant_started" if is_active else "merchant_stopped"
            touch(session, merchant, action, deps.now(), actor)

    deps.transact(unit)
