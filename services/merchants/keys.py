"""A merchant's authen_key: shown once, kept by whoever saw it, reset when it is lost (MCH-5)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import BadInput
from models.merchant import DeviceRule, Merchant
from services.accounts import seal_place
from services.deps import Deps
from services.merchants.changing import touch
from services.merchants.reading import find
from services.stores.reading import SHANGHAI

DEVICE_RULES: Final = {  # as the form explains them
    DeviceRule.IF_TOLD: ("可以不带序列号", "已绑定的设备带错序列号才拒绝。机器软件不带序列号时用"),
    DeviceRule.BOUND: ("要带序列号", "已绑定的设备要带绑定的序列号。没有登记过的设备号照常交易"),
    DeviceRule.REGISTERED: (
        "只接受登记的设备", "没登记的设备号、收款退款不带设备号的都拒绝，自己的网站和系统也要登记",
    ),
}  # fmt: skip
OVERLAPS: Final = {0: "立即失效", 60: "再用 1 小时", 1440: "再用 24 小时"}  # minutes


def reset(
    deps: Deps, provider_id: int, out_id: str, *, overlap_minutes: int, actor: str
) -> tuple[str, str]:
    """(name, new key), the key told this once. The old one ends now, or serves beside it until
    the overlap is over; one that was before it ends in any case. Raises NotFound, BadInput.
    """
    if overlap_minutes not in OVERLAPS:
        raise BadInput("选择旧密钥还能用多久")

    def unit(session: Session) -> tuple[str, str]:
        now = deps.now()
        merchant = find(session, provider_id, out_id, lock=True)
        _keep_old(deps, merchant, now, overlap_minutes)
        merchant.key_used_at = None
        mark, key = secrets.token_hex(16), secrets.token_hex(16)
        merchant.seal_key = mark
        merchant.authen_key_sealed = deps.ring.seal(
            key, seal_place("merchant", "authen_key_sealed", mark)
        )
        merchant.needs_setup = True  # until somebody says that this one is kept
        touch(session, merchant, "merchant_key_reset", now, actor, overlap_minutes=overlap_minutes)
        return merchant.name, key

    return deps.transact(unit)


def _keep_old(deps: Deps, merchant: Merchant, now: datetime, minutes: int) -> None:
    merchant.old_key_used_at = merchant.key_used_at if minutes else None
    if not minutes:
        merchant.old_seal_key = merchant.old_key_sealed = merchant.old_key_until = None
        return
    plain = deps.ring.open(
        merchant.authen_key_sealed, seal_place("merchant", "authen_key_sealed", merchant.seal_key)
    )
    mark = secrets.token_hex(16)
    merchant.old_seal_key = mark
    merchant.old_key_sealed = deps.ring.seal(plain, seal_place("merchant", "old_key_sealed", mark))
    merchant.old_key_until = now + timedelta(minutes=minutes)


def set_md5(deps: Deps, provider_id: int, out_id: str, *, is_on: bool, actor: str) -> None:
    """Whether codes by MD5 are taken of this merchant's old clients (Cloud Pay, AuthenType 2)."""

    def unit(session: Session) -> None:
        merchant = find(session, provider_id, out_id, lock=True)
        if merchant.cpay_md5 != is_on:
            merchant.cpay_md5 = is_on
            action = "merchant_md5_on" if is_on else "merchant_md5_off"
            touch(session, merchant, action, deps.now(), actor)

    deps.transact(unit)


def set_device_rule(deps: Deps, provider_id: int, out_id: str, rule: str, *, actor: str) -> None:
    """How strict the API is about the devices that trades name (product DEV-7).

    Raises NotFound, and BadInput for what is no DeviceRule.
    """

    def unit(session: Session) -> None:
        merchant = find(session, provider_id, out_id, lock=True)
        if rule not in DEVICE_RULES:
            raise BadInput("选择怎样核对设备")
        if merchant.device_rule != rule:
            merchant.device_rule = DeviceRule(rule)
            touch(session, merchant, "merchant_device_rule", deps.now(), actor, rule=rule)

    deps.transact(unit)


def failures_today(merchant: Merchant, now: datetime) -> int:
    """Wrong codes of API calls on this day in Shanghai."""
    today = now.astimezone(SHANGHAI).date()
    return merchant.authen_failures if merchant.authen_failed_on == today else 0


def devices(session: Session, merchant: Merchant) -> int:
    """How many devices are known at the merchant: each that signs has to be told a new key."""
    return int(
        session.execute(
            text(
                "SELECT (SELECT count(*) FROM synced_device WHERE provider_id = :p"
                " AND merchant_id = :m) + (SELECT count(*) FROM device WHERE provider_id = :p"
                " AND merchant_id = :m AND sn_code IS NOT NULL)"
            ),
            {"p": merchant.provider_id, "m": merchant.id},
        ).scalar_one()
    )


def live_keys(deps: Deps, merchant: Merchant, now: datetime) -> list[str]:
    """Every key that a signature may be of now, the newest first."""
    place = seal_place("merchant", "authen_key_sealed", merchant.seal_key)
    found = [deps.ring.open(merchant.authen_key_sealed, place)]
    if (
        merchant.old_key_sealed is not None
        and merchant.old_key_until is not None
        and now < merchant.old_key_until
    ):
        place = seal_place("merchant", "old_key_sealed", str(merchant.old_seal_key))
        found.append(deps.ring.open(merchant.old_key_sealed, place))
    return found


def saved(deps: Deps, provider_id: int, out_id: str, *, actor: str) -> None:
    """Whoever saw the key says that it is kept: the merchant is set up."""

    def unit(session: Session) -> None:
        merchant = find(session, provider_id, out_id, lock=True)
        if merchant.needs_setup:
            merchant.needs_setup = False
            touch(session, merchant, "merchant_key_saved", deps.now(), actor)

    deps.transact(unit)
