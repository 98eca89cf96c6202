"""Searching by a number: whatever of a provider is called so, at whom, and since when.

Hardware is searched as soon as there is a table of it (product CLD-6). What came along from 买单 is
the only record of its devices as long as they are not bound here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import Base
from services.deps import Deps

# table -> (what it is, the columns with a number that somebody may read off it); searched where the
# table exists
HARDWARE: Final = {
    "cloud_printer": ("云打印机", ("number",)),
    "cloud_speaker": ("云喇叭", ("number",)),
    "device": ("机具", ("sn_code", "out_device_id")),
}
SYNCED: Final = "机具（同步自买单）"
CODES: Final = 5  # of a store's, beside a hit
EXPORTED: Final = 1000  # devices of one query


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that has the number: `kind` and `name` for people, the merchant it belongs to.

    `since` is when it came there; `codes` are those of its store.
    """

    kind: str
    name: str
    merchant_id: int
    merchant: str
    merchant_name: str
    store: str = ""
    store_name: str = ""
    since: datetime | None = None
    codes: tuple[str, ...] = ()


_MERCHANT = "m.id AS merchant_id, m.out_sub_mch_id AS merchant, m.name AS merchant_name"
_STORE = (
    "COALESCE(s.out_shop_id, '') AS store, COALESCE(s.name || CASE WHEN s.branch_name = '' THEN ''"
    " ELSE ' · ' || s.branch_name END, '') AS store_name"
)
_OF_STORE = " LEFT JOIN store s ON s.provider_id = {0}.provider_id AND s.id = {0}.store_id"
_OF_MERCHANT = " JOIN merchant m ON m.provider_id = {0}.provider_id AND m.id = {0}.merchant_id"
_QUERIES: Final = (
    f"SELECT CASE WHEN m.out_sub_mch_id = :n THEN '商户编号' WHEN :n IN (m.order_prefix,"
    f" m.second_prefix) THEN '订单前缀' WHEN m.wechat_sub_mchid = :n THEN '微信子商户号'"
    f" WHEN m.wechat_sub_appid = :n THEN '子商户 AppID' ELSE '支付宝 PID' END"
    f" AS kind, m.name, {_MERCHANT} FROM merchant m WHERE m.provider_id = :p"
    " AND :n IN (m.out_sub_mch_id, m.order_prefix, m.second_prefix, m.wechat_sub_mchid,"
    " m.wechat_sub_appid, m.alipay_pid) ORDER BY m.id LIMIT 5",
    f"SELECT '门店编号' AS kind, s.name || CASE WHEN s.branch_name = '' THEN '' ELSE ' · ' END"
    f" || s.branch_name AS name, {_MERCHANT}, {_STORE} FROM store s"
    + _OF_MERCHANT.format("s") + " WHERE s.provider_id = :p AND s.out_shop_id = :n",
    f"SELECT '店员编号' AS kind, f.name, {_MERCHANT}, {_STORE} FROM staff f"
    + _OF_MERCHANT.format("f") + _OF_STORE.format("f")
    + " WHERE f.provider_id = :p AND f.number = :n ORDER BY f.id LIMIT 5",
)  # fmt: skip
_SYNCED: Final = (
    f"SELECT '{SYNCED}' AS kind, d.serial AS name, {_MERCHANT}, d.created_at AS since"
    " FROM synced_device d" + _OF_MERCHANT.format("d") + " WHERE d.provider_id = :p"
)
_CODES: Final = text(
    "SELECT c.code FROM pay_code c JOIN store s ON s.provider_id = c.provider_id"
    " AND s.id = c.store_id WHERE c.provider_id = :p AND s.out_shop_id = :s"
    " ORDER BY c.id LIMIT :most"
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
    return [_with_codes(session, provider_id, one) for one in found] + hardware(
        session, provider_id, number
    )


def hardware(session: Session, provider_id: int, number: str) -> list[Hit]:
    """Devices, printers and speakers, whichever way the letters on them are written."""
    keys = {"p": provider_id, "n": list(dict.fromkeys((number, number.upper(), number.lower())))}
    synced = f"{_SYNCED} AND d.serial = ANY(:n) ORDER BY d.id LIMIT 5"
    found = [Hit(**row._mapping) for row in session.execute(text(synced), keys)]
    for table, (said, columns) in HARDWARE.items():
        if table in Base.metadata.tables:
            named = " OR ".join(f"d.{column} = ANY(:n)" for column in columns)
            asked = text(f"{_of_table(table, columns)} AND ({named}) ORDER BY d.id LIMIT 5")
            found += [Hit(said, **row._mapping) for row in session.execute(asked, keys)]
    return [_with_codes(session, provider_id, one) for one in found]


def _of_table(table: str, columns: tuple[str, ...]) -> str:
    held = Base.metadata.tables[table].columns
    since = next(name for name in ("bound_at", "created_at") if name in held)
    return (
        f"SELECT COALESCE({', '.join(f'd.{column}' for column in columns)}) AS name, {_MERCHANT},"
        f" {_STORE}, d.{since} AS since FROM {table} d"
        + _OF_MERCHANT.format("d") + _OF_STORE.format("d") + " WHERE d.provider_id = :p"
    )  # fmt: skip


def _with_codes(session: Session, provider_id: int, hit: Hit) -> Hit:
    if not hit.store:
        return hit
    values = {"p": provider_id, "s": hit.store, "most": CODES}
    return replace(hit, codes=tuple(session.scalars(_CODES, values)))


def every_device(deps: Deps, provider_id: int) -> Iterator[Hit]:
    """The record of all hardware, kind by kind, oldest first."""
    yield from _pages(deps, provider_id, SYNCED, _SYNCED)
    for table, (said, columns) in HARDWARE.items():
        if table in Base.metadata.tables:
            yield from _pages(deps, provider_id, said, _of_table(table, columns))


def _pages(deps: Deps, provider_id: int, kind: str, query: str) -> Iterator[Hit]:
    asked = text(f"SELECT d.id AS row_id, {query[7:]} AND d.id > :after ORDER BY d.id LIMIT :most")
    after = 0
    while True:
        keys = {"p": provider_id, "after": after, "most": EXPORTED}
        rows = deps.transact(lambda s, k=keys: s.execute(asked, k).all())  # type: ignore[misc]
        for row in rows:
            after = row.row_id
            values: dict[str, Any] = {**row._mapping, "kind": kind}
            values.pop("row_id")
            yield Hit(**values)
        if len(rows) < EXPORTED:
            return
