"""What `flask demo-info` prints: the demo parties with their keys, codes and logins."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import Merchant, Staff, Store
from models.people import ProviderAdmin
from models.person import Person
from models.provider import Provider
from services.accounts import seal_place
from services.demo import DemoCode, demo_codes
from services.deps import Deps
from services.seed_console import demo_logins


def demo_info(deps: Deps) -> dict[str, Any]:
    """JSON-ready. Keys of the demo parties only, and only in simulation."""
    codes = demo_codes(deps)

    def unit(session: Session) -> dict[str, Any]:
        provider = session.scalars(select(Provider).order_by(Provider.id)).first()
        if provider is None:
            return {"provider": None, "merchants": [], "simulator_url": deps.settings.simulator_url}
        merchants = session.scalars(
            select(Merchant).where(Merchant.provider_id == provider.id).order_by(Merchant.id)
        ).all()
        logins = demo_logins(session, deps)
        return {
            "provider": {
                "out_mch_id": provider.out_mch_id,
                "authen_key": _provider_key(deps, provider),
            },
            "merchants": [_merchant(session, deps, merchant, codes) for merchant in merchants],
            "console": next(iter(logins), None),
            "console_logins": logins,
            "staff": _staff(session, deps, provider.id),
            "public_url": deps.settings.base_url,
            "simulator_url": deps.settings.simulator_url,
        }

    return deps.transact(unit)


def _provider_key(deps: Deps, provider: Provider) -> str | None:
    """What signs callbacks to the provider's own system."""
    if provider.authen_key_sealed is None or provider.seal_key is None:
        return None
    place = seal_place("provider", "authen_key_sealed", provider.seal_key)
    return deps.ring.open(provider.authen_key_sealed, place)


def _merchant(
    session: Session, deps: Deps, merchant: Merchant, codes: list[DemoCode]
) -> dict[str, Any]:
    place = seal_place("merchant", "authen_key_sealed", merchant.seal_key)
    stores = session.scalars(
        select(Store)
        .where(Store.provider_id == merchant.provider_id, Store.merchant_id == merchant.id)
        .order_by(Store.id)
    )
    return {
        "name": merchant.name,
        "out_sub_mch_id": merchant.out_sub_mch_id,
        "authen_key": deps.ring.open(merchant.authen_key_sealed, place),
        "order_prefix": merchant.order_prefix,
        "stores": [
            {
                "name": store.name + (f" · {store.branch_name}" if store.branch_name else ""),
                "out_shop_id": store.out_shop_id,
                "pay_codes": [
                    {"code": code.code, "name": code.place, "kind": code.kind, "url": code.url}
                    for code in codes
                    if code.out_shop_id == store.out_shop_id and code.merchant_id == merchant.id
                ],
            }
            for store in stores
        ],
    }


def _staff(session: Session, deps: Deps, provider_id: int) -> list[dict[str, Any]]:
    """Who may sign in, as what, and as which WeChat person: `openid` is None before activation."""
    staff = session.scalars(
        select(Staff).where(Staff.provider_id == provider_id, Staff.is_active).order_by(Staff.id)
    ).all()
    admins = session.scalars(
        select(ProviderAdmin)
        .where(ProviderAdmin.provider_id == provider_id, ProviderAdmin.is_active)
        .order_by(ProviderAdmin.id)
    ).all()
    rows: list[tuple[Staff | ProviderAdmin, str]] = [(row, row.role.value) for row in staff]
    rows += [(row, "sub_provider" if row.sub_provider_id else "provider") for row in admins]
    return [
        {
            "name": row.name,
            "role": role,
            "openid": _openid(session, deps, provider_id, row.person_id),
            "login_url": f"{deps.settings.base_url}/m/demo-login/{row.public_id}",
        }
        for row, role in rows
    ]


def _openid(session: Session, deps: Deps, provider_id: int, person_id: int | None) -> str | None:
    person = session.get(Person, (provider_id, person_id)) if person_id is not None else None
    if person is None or person.sealed is None:
        return None
    place = seal_place("person", "sealed", f"{provider_id}:{person.subject_hash}")
    return deps.ring.open(person.sealed, place)
