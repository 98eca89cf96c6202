"""query_identity_mapping: the wallets' ids of a merchant and ours, and prefixes of payers' codes.

A merchant asks about itself alone: any other id is refused in the same words, whoever has it.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import AliasChoices, Field
from sqlalchemy.orm import Session

from models.merchant import Merchant
from models.provider import Provider
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.callers import mapped
from services.cloudpay.shapes import Asked, Text32, Text64, Told, read_members
from services.cloudpay.shops.query import acting
from services.cloudpay.statuses import foreign
from services.onboarding.checks import facts_of
from services.stores import reading

WECHAT_CODES: Final = tuple(str(n) for n in range(10, 16))
ALIPAY_CODES: Final = tuple(str(n) for n in range(25, 31))


class MchAsked(Asked):
    mch_id: Text32 = ""
    sub_mch_id: Text32 = ""
    shop_id: Text64 = ""


class OutAsked(Asked):
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    out_shop_id: Text32 = ""


class MappingAsked(Asked):
    """One of the two. Programs in Go wrap it in `Condition` and write `Mch`, `Out`."""

    out_sub_mch_id: Text32 = ""
    mch: MchAsked | None = Field(default=None, validation_alias=AliasChoices("mch", "Mch"))
    out: OutAsked | None = Field(default=None, validation_alias=AliasChoices("out", "Out"))
    nonce_str: Text32 = ""


class MappingTold(Told):
    out_mch_id: str
    out_sub_mch_id: str
    out_shop_id: str | None = None
    nonce_str: str
    wx_author_codes: tuple[str, ...] = WECHAT_CODES
    ali_author_codes: tuple[str, ...] = ALIPAY_CODES


def query(call: Call, asked: MappingAsked) -> Answer:
    name, given = mapped(call.content)
    wanted: Any = read_members(MchAsked if name == "mch" else OutAsked, given)

    def unit(session: Session) -> str | None:
        if name == "mch":
            return _of_wallet(session, call, wanted)
        return _own(session, call, wanted)

    told = MappingTold(
        out_mch_id=call.caller.out_mch_id,
        out_sub_mch_id=call.caller.out_sub_mch_id,
        out_shop_id=call.deps.transact(unit),
        nonce_str=fresh_nonce(),
    )
    return Answer(told)


def _own(session: Session, call: Call, out: OutAsked) -> str | None:
    for member, own in (
        ("out_mch_id", call.caller.out_mch_id),
        ("out_sub_mch_id", call.caller.out_sub_mch_id),
    ):
        if getattr(out, member) not in ("", own):
            raise foreign(f"out.{member}")
    if not out.out_shop_id:
        return None
    return call.shop(out.out_shop_id, "out.out_shop_id").out_shop_id


def _of_wallet(session: Session, call: Call, mch: MchAsked) -> str | None:
    """WeChat's or Alipay's number of the provider, and the merchant's, or one of its stores'."""
    p, m = call.caller.provider_id, call.caller.merchant_id
    provider, merchant = session.get_one(Provider, p), session.get_one(Merchant, (p, m))
    stores = reading.all_of(session, acting(call.caller))
    if mch.mch_id and mch.mch_id not in _numbers_of(session, provider):
        raise foreign("mch.mch_id")
    numbers = {merchant.wechat_sub_mchid, merchant.alipay_pid}
    if mch.sub_mch_id and mch.sub_mch_id not in numbers | _numbers_at(stores):
        raise foreign("mch.sub_mch_id")
    if not mch.shop_id:
        return None
    for store in stores:
        if mch.shop_id in (store.own_number, store.out_shop_id):
            return store.out_shop_id
    raise foreign("mch.shop_id")


def _numbers_of(session: Session, provider: Provider) -> set[str]:
    wechat, alipay = (facts_of(session, provider, name) for name in ("wechat", "alipay"))
    found = (wechat.get("sp_mchid"), alipay.get("app_id"), alipay.get("pid"))
    return {str(number) for number in found if number}


def _numbers_at(stores: Any) -> set[str]:
    found = {number for one in stores for number in (one.wechat_sub_mchid, one.alipay_pid)}
    return {number for number in found if number}
