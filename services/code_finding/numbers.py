"""Searching by a number: whatever of a provider is called so.

Printers, speakers and devices are searched as soon as there are tables of them (product CLD-6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import Base

# table -> (what it is, the column with the number on it); searched where the table exists
HARDWARE: Final = {
    "cloud_printer": ("云打印机", "number"),
    "cloud_speaker": ("云喇叭", "number"),
    "device": ("机具", "sn_code"),
}


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that has the number: `kind` and `name` for people, the merchant it belongs to."""

    kind: str
    name: str
    merchant: str
    merchant_name: str
    store: str = ""


_MERCHANT = "m.out_sub_mch_id AS merchant, m.name AS merchant_name"
_QUERIES: Final = (
    f"SELECT CASE WHEN m.out_sub_mch_id = :n THEN '商户编号' WHEN :n IN (m.order_prefix,"
    f" m.second_prefix) THEN '订单前缀' WHEN m.wechat_sub_mchid = :n THEN '微信子商户号'"
    f" WHEN m.wechat_sub_appid = :n THEN '子商户 AppID' ELSE '支付宝 PID' END"
    f" AS kind, m.name, {_MERCHANT}, '' AS store FROM merchant m WHERE m.provider_id = :p"
    " AND :n IN (m.out_sub_mch_id, m.order_prefix, m.second_prefix, m.wechat_sub_mchid,"
    " m.wechat_sub_appid, m.alipay_pid)"
    " ORDER BY m.id LIMIT 5",
    f"SELECT '门店编号' AS kind, s.name || CASE WHEN s.branch_name = '' THEN '' ELSE ' · ' END"
    f" || s.branch_name AS name, {_MERCHANT}, s.out_shop_id AS store FROM store s"
    " JOIN merchant m ON m.provider_id = s.provider_id AND m.id = s.merchant_id"
    " WHERE s.provider_id = :p AND s.out_shop_id = :n",
    f"SELECT '店员编号' AS kind, f.name, {_MERCHANT}, COALESCE(s.out_shop_id, '') AS store"
    " FROM staff f JOIN merchant m ON m.provider_id = f.provider_id AND m.id = f.merchant_id"
    " LEFT JOIN store s ON s.provider_id = f.provider_id AND s.id = f.store_id"
    " WHERE f.provider_id = :p AND f.number = :n ORDER BY f.id LIMIT 5",
    f"SELECT '机具（同步自买单）' AS kind, d.serial AS name, {_MERCHANT}, '' AS store"
    " FROM synced_device d JOIN merchant m ON m.provider_id = d.provider_id"
    " AND m.id = d.merchant_id WHERE d.provider_id = :p AND d.serial = :n ORDER BY d.id LIMIT 5",
)


def connected() -> list[str]:
    """What kinds of hardware there are tables of."""
    return [said for table, (said, _) in HARDWARE.items() if table in Base.metadata.tables]


def missing() -> list[str]:
    """What kinds nobody can be asked about yet."""
    return [said for table, (said, _) in HARDWARE.items() if table not in Base.metadata.tables]


def search(session: Session, provider_id: int, number: str) -> list[Hit]:
    """Of this provider alone; [] where nothing is called so."""
    values = {"p": provider_id, "n": number}
    found = [Hit(**row._mapping) for q in _QUERIES for row in session.execute(text(q), values)]
    for table, (said, column) in HARDWARE.items():
        if table in Base.metadata.tables:
            found += _hardware(session, table, said, column, values)
    return found


def _hardware(
    session: Session, table: str, said: str, column: str, values: dict[str, object]
) -> list[Hit]:
    rows = session.execute(
        text(
            f"SELECT d.{column} AS name, {_MERCHANT}, COALESCE(s.out_shop_id, '') AS store"
            f" FROM {table} d JOIN merchant m ON m.provider_id = d.provider_id"
            " AND m.id = d.merchant_id LEFT JOIN store s ON s.provider_id = d.provider_id"
            f" AND s.id = d.store_id WHERE d.provider_id = :p AND d.{column} = :n"
        ),
        values,
    )
    return [Hit(kind=said, **row._mapping) for row in rows]
