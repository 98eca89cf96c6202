"""Whose call it is: found by ids in the content, read for routing alone until the code matches.

Cloud Pay, "which key authenticates what": pay_mch_key.out_sub_mch_id, else out_sub_mch_id, else
osmi, else the shop (osi, out_shop_id). A merchant's keys are kept in the process for some seconds
(`CPAY_CALLER_KEPT_S`), so an ended key ends that much later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.merchant import DeviceRule
from services.accounts import seal_place
from services.deps import Deps


@dataclass(frozen=True, slots=True)
class Caller:
    """A merchant as the API needs it. `keys` are alive now, the newest first."""

    provider_id: int
    out_mch_id: str
    merchant_id: int
    out_sub_mch_id: str
    is_active: bool  # provider and merchant
    prefixes: tuple[str, ...]
    takes_md5: bool
    keys: tuple[str, ...] = field(repr=False)
    sign_public_key: str | None = None  # PEM, of the provider
    marks: tuple[str, ...] = ()  # which keys they are, for `keyuse`; none for a device's
    device_rule: DeviceRule = DeviceRule.BOUND

    @property
    def key(self) -> str:
        return self.keys[0]


@dataclass(frozen=True, slots=True)
class Shop:
    store_id: int
    out_shop_id: str
    name: str
    is_active: bool


_COLUMNS = """
    p.id AS provider_id, p.out_mch_id, p.is_active AND m.is_active AS is_active,
    p.cpay_sign_public_key, m.id AS merchant_id, m.out_sub_mch_id, m.order_prefix,
    m.second_prefix, m.cpay_md5, m.seal_key, m.authen_key_sealed, m.old_seal_key, m.old_key_sealed,
    m.old_key_until, m.device_rule
"""
_BY_MERCHANT = text(
    f"SELECT {_COLUMNS} FROM route r JOIN provider p ON p.id = r.provider_id"
    " JOIN merchant m ON m.provider_id = p.id AND m.out_sub_mch_id = r.external_id"
    " WHERE r.kind = 'sub_mch' AND r.external_id = :id AND m.deleted_at IS NULL"
)
_BY_SHOP = text(
    f"SELECT {_COLUMNS} FROM route r JOIN provider p ON p.id = r.provider_id"
    " JOIN store s ON s.provider_id = p.id AND s.out_shop_id = r.external_id"
    " JOIN merchant m ON m.provider_id = p.id AND m.id = s.merchant_id"
    " WHERE r.kind = 'shop' AND r.external_id = :id AND m.deleted_at IS NULL"
    " AND s.deleted_at IS NULL"
)
_SHOP = text(
    "SELECT id AS store_id, out_shop_id, name, is_active FROM store WHERE provider_id = :p"
    " AND merchant_id = :m AND out_shop_id = :id AND deleted_at IS NULL"
)


def routed_by(content: dict[str, Any]) -> tuple[str, str] | None:
    """(kind of route, id) that names the caller, or None where the content has none."""
    inner = content.get("pay_mch_key") or mapped(content)[1]
    places = [inner] if isinstance(inner, dict) else []
    for name, kind in (
        ("out_sub_mch_id", "sub_mch"),
        ("osmi", "sub_mch"),
        ("osi", "shop"),
        ("out_shop_id", "shop"),
    ):
        for place in (*places, content):
            value = place.get(name)
            if isinstance(value, str) and 0 < len(value) <= 64 and "\x00" not in value:
                return kind, value
    return None


def mapped(content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """query_identity_mapping's ids: `out` or `mch`, as a Go client's oneof writes them, too."""
    holders = (content, content.get("Condition"))
    for holder in (one for one in holders if isinstance(one, dict)):
        for name in ("out", "mch"):
            found = holder.get(name, holder.get(name.title()))
            if isinstance(found, dict):
                return name, found
    return "", {}


def find_caller(deps: Deps, content: dict[str, Any]) -> Caller | None:
    where = routed_by(content)
    return None if where is None else by_route(deps, *where)


def by_route(deps: Deps, kind: str, external_id: str) -> Caller | None:
    clause = _BY_MERCHANT if kind == "sub_mch" else _BY_SHOP
    return deps.cpay_kept.get(
        (kind, external_id),
        deps.settings.cpay_caller_kept_s,
        lambda: deps.transact(lambda s: _read(s, deps, clause, external_id)),
    )


def _read(session: Session, deps: Deps, clause: Any, external_id: str) -> Caller | None:
    row = session.execute(clause, {"id": external_id}).first()
    if row is None:
        return None
    prefixes = tuple(p for p in (row.order_prefix, row.second_prefix) if p)
    keys = _keys(deps, row)
    return Caller(
        provider_id=row.provider_id,
        out_mch_id=row.out_mch_id,
        merchant_id=row.merchant_id,
        out_sub_mch_id=row.out_sub_mch_id,
        is_active=row.is_active,
        prefixes=prefixes,
        takes_md5=row.cpay_md5,
        keys=keys,
        sign_public_key=row.cpay_sign_public_key,
        marks=(row.seal_key, row.old_seal_key)[: len(keys)],
        device_rule=DeviceRule(row.device_rule),
    )


def _keys(deps: Deps, row: Any) -> tuple[str, ...]:
    newest = seal_place("merchant", "authen_key_sealed", row.seal_key)
    found = [deps.ring.open(row.authen_key_sealed, newest)]
    if row.old_key_sealed is not None and deps.now() < row.old_key_until:
        older = seal_place("merchant", "old_key_sealed", row.old_seal_key)
        found.append(deps.ring.open(row.old_key_sealed, older))
    return tuple(found)


def find_shop(deps: Deps, caller: Caller, out_shop_id: str) -> Shop | None:
    keys = {"p": caller.provider_id, "m": caller.merchant_id, "id": out_shop_id}

    def read(session: Session) -> Shop | None:
        row = session.execute(_SHOP, keys).first()
        return None if row is None else Shop(**row._asdict())

    return deps.cpay_kept.get(
        ("own", caller.provider_id, caller.merchant_id, out_shop_id),
        deps.settings.cpay_caller_kept_s,
        lambda: deps.transact(read),
    )
