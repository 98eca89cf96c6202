"""The demo parties as the front door, the phone page and `demo-info` show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from models.merchant import Staff
from services.deps import Deps


@dataclass(frozen=True, slots=True)
class DemoCode:
    out_mch_id: str
    merchant_id: int
    out_shop_id: str
    code: str
    kind: str
    note: str  # why it cannot be paid, "" if it can
    shop: str
    place: str
    url: str
    channels: tuple[str, ...]


def demo_codes(deps: Deps) -> list[DemoCode]:
    """Every pay code of every provider: simulation only, so there are few."""

    def unit(session: object) -> list[DemoCode]:
        rows = session.execute(  # type: ignore[attr-defined]
            text(
                "SELECT p.out_mch_id, c.code, c.kind, c.name, s.name AS store, s.branch_name,"
                " s.out_shop_id, s.is_active, s.opens_at, m.id AS merchant_id,"
                " m.wechat_sub_mchid, m.alipay_state"
                " FROM pay_code c JOIN provider p ON p.id = c.provider_id"
                " LEFT JOIN store s ON s.provider_id = c.provider_id AND s.id = c.store_id"
                " LEFT JOIN merchant m ON m.provider_id = c.provider_id AND m.id = c.merchant_id"
                " ORDER BY p.id, c.id"
            )
        )
        return [_code(deps, row) for row in rows]

    return deps.transact(unit)


def _code(deps: Deps, row: object) -> DemoCode:
    get = row._mapping  # type: ignore[attr-defined]
    channels = []
    if get["wechat_sub_mchid"]:
        channels.append("wechat")
    if get["alipay_state"] == "valid":
        channels.append("alipay")
    shop = get["store"] or "空白码"
    if get["branch_name"]:
        shop = f"{shop} · {get['branch_name']}"
    return DemoCode(
        out_mch_id=get["out_mch_id"],
        merchant_id=get["merchant_id"] or 0,
        out_shop_id=get["out_shop_id"] or "",
        code=get["code"],
        kind=get["kind"],
        note=_note(get),
        shop=shop,
        place=get["name"] or "",
        url=f"{deps.settings.base_url}/q/{get['out_mch_id']}/{get['code']}",
        channels=tuple(channels),
    )


def _note(get: Any) -> str:
    """The demo has codes that show how a refusal looks; this says which."""
    if get["store"] is None:
        return "空白码，还没绑定门店"
    if not get["is_active"]:
        return "已停止收款"
    return "只在 00:00 到 00:01 营业" if get["opens_at"] is not None else ""


def demo_staff(deps: Deps) -> list[Staff]:
    return deps.transact(
        lambda s: list(s.scalars(select(Staff).where(Staff.is_active).order_by(Staff.id)))
    )
