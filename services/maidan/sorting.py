"""What is to become of each listed sub-merchant: new, known, changed, a double, or unusable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from gateways.maidan import Listed
from models.card import CardProgram, ProgramStatus
from models.maidan import MaidanMerchant, MaidanProvider
from models.merchant import Merchant, MerchantSource, Store

NUMBER = re.compile(r"[0-9]{8,10}")
SERIAL = re.compile(r"[0-9A-Za-z_-]{1,64}")
LONGEST_NAME, LONGEST_SHORT = 64, 32


@dataclass(frozen=True, slots=True)
class Place:
    """Whose sync it is. `own` is the provider's own number at WeChat Pay, "" for none."""

    provider_id: int
    job_id: int
    own: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """A row with its outcome; `reason` only where somebody has to read about it.

    `seen` is what an earlier page or sync knew of it, `merchant` the merchant that it is.
    """

    row: Listed
    outcome: str
    reason: str = ""
    seen: MaidanMerchant | None = None
    merchant: Merchant | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.row.sp_mchid, self.row.sub_mchid)

    @property
    def shown(self) -> str:
        return f"{self.row.name[:40]} {self.row.sub_mchid[:16]}".strip()


def sort_out(session: Session, place: Place, rows: Sequence[Listed]) -> list[Sorted]:
    """In the order of the list. Merchants that are met are locked, in the order of their ids."""
    cleaned = [_cleaned(row) for row in rows]
    seen = _seen(session, place, cleaned)
    merchants = _merchants(session, place, cleaned)
    linked = set(
        session.scalars(
            select(MaidanProvider.sp_mchid).where(MaidanProvider.provider_id == place.provider_id)
        )
    ) | {place.own}
    cards, shops = _card_numbers(session, place, cleaned), _shops(session, place, cleaned)
    found: list[Sorted] = []
    taken: set[tuple[str, str]] = set()
    fresh: set[str] = set()  # a number that another provider of the same page brings in
    for row in cleaned:
        one = Sorted(row, "created", seen=seen.get((row.sp_mchid, row.sub_mchid)))
        problem = _problem(row, linked, cards)
        was_met = one.seen is not None and one.seen.seen_job_id == place.job_id
        if problem:
            found.append(replace(one, outcome="failed", reason=problem))
            continue
        if one.key in taken or was_met:
            found.append(replace(one, outcome="doubled", reason="名单里重复，只算一次"))
            continue
        taken.add(one.key)
        merchant = merchants.get(row.sub_mchid)
        if merchant is None and row.sub_mchid in shops:
            reason = f"已是门店「{shops[row.sub_mchid]}」的收款账号"
            found.append(replace(one, outcome="doubled", reason=reason))
        elif merchant is None and row.sub_mchid in fresh:
            found.append(replace(one, outcome="doubled", reason="同一个子商户号在两个服务商下"))
        else:
            found.append(_known(one, merchant) if merchant is not None else one)
            fresh.add(row.sub_mchid)
    return found


def _cleaned(row: Listed) -> Listed:
    name = " ".join(row.name.split())
    short = " ".join(row.short_name.split()) or name[:LONGEST_SHORT]
    return replace(
        row, sp_mchid=row.sp_mchid.strip(), sub_mchid=row.sub_mchid.strip(), name=name,
        short_name=short[:LONGEST_SHORT], device=row.device.strip(),
    )  # fmt: skip


def _problem(row: Listed, linked: set[str], cards: set[str]) -> str:
    """Why it is not taken; "" for what is fine."""
    if not NUMBER.fullmatch(row.sub_mchid):
        return "子商户号应为 8 到 10 位数字"
    if row.sp_mchid not in linked or not row.sp_mchid:
        return f"服务商 {row.sp_mchid[:16] or '（空）'} 没有关联，请管理员重新扫码"
    if row.sub_mchid in linked:
        return "这是服务商自己的号，钱不能进服务商账户"
    if row.sub_mchid in cards:
        return "这是会员卡的子商户号，不能用来收款"
    if not row.name or not row.name.isprintable() or len(row.name) > LONGEST_NAME:
        return f"商户名称应为 1 到 {LONGEST_NAME} 个字"
    if row.device and not SERIAL.fullmatch(row.device):
        return "设备号应为 64 位以内的字母和数字"
    return ""


def _known(one: Sorted, merchant: Merchant) -> Sorted:
    """A merchant that is here: its name follows 买单's until somebody has changed it here."""
    if not merchant.has_maidan:
        reason = "已有这家商户，记为已开通买单"
        return replace(one, outcome="updated", reason=reason, merchant=merchant)
    follows = merchant.source is MerchantSource.MAIDAN and (
        one.seen is None
        or (merchant.name, merchant.short_name) == (one.seen.name, one.seen.short_name)
    )
    changed = (merchant.name, merchant.short_name) != (one.row.name, one.row.short_name)
    if follows and changed:
        reason = f"名称由「{merchant.name[:40]}」改为「{one.row.name[:40]}」"
        return replace(one, outcome="updated", reason=reason, merchant=merchant)
    return replace(one, outcome="skipped", merchant=merchant)


def _seen(
    session: Session, place: Place, rows: Sequence[Listed]
) -> dict[tuple[str, str], MaidanMerchant]:
    keys = {(row.sp_mchid, row.sub_mchid) for row in rows}
    wanted = select(MaidanMerchant).where(
        MaidanMerchant.provider_id == place.provider_id,
        tuple_(MaidanMerchant.sp_mchid, MaidanMerchant.sub_mchid).in_(sorted(keys)),
    )
    return {(one.sp_mchid, one.sub_mchid): one for one in session.scalars(wanted)}


def _merchants(session: Session, place: Place, rows: Sequence[Listed]) -> dict[str, Merchant]:
    numbers = sorted({row.sub_mchid for row in rows})
    wanted = (
        select(Merchant)
        .where(
            Merchant.provider_id == place.provider_id,
            Merchant.wechat_sub_mchid.in_(numbers),
            Merchant.deleted_at.is_(None),
        )
        .order_by(Merchant.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {str(one.wechat_sub_mchid): one for one in session.scalars(wanted)}


def _card_numbers(session: Session, place: Place, rows: Sequence[Listed]) -> set[str]:
    """Numbers that are a member card's: payments never go there (product CARD-1)."""
    found = session.scalars(
        select(CardProgram.card_sub_mchid).where(
            CardProgram.provider_id == place.provider_id,
            CardProgram.card_sub_mchid.in_(sorted({row.sub_mchid for row in rows})),
            CardProgram.status != ProgramStatus.DELETED,
        )
    )
    return {str(number) for number in found}


def _shops(session: Session, place: Place, rows: Sequence[Listed]) -> dict[str, str]:
    """Numbers that single stores take their money with (product MCH-11)."""
    found = session.execute(
        select(Store.wechat_sub_mchid, Store.name).where(
            Store.provider_id == place.provider_id,
            Store.wechat_sub_mchid.in_(sorted({row.sub_mchid for row in rows})),
            Store.deleted_at.is_(None),
        )
    )
    return {str(number): name for number, name in found}
