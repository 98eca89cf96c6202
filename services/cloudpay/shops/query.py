"""query_sub_mch_shop_info: the merchant's stores with their devices and people, by pages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from models.merchant import Merchant
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.callers import Caller
from services.cloudpay.shapes import Asked, Text32, Told, Whole
from services.cloudpay.shops.told import ShopTold, shops_told
from services.people.acting import Acting, Role
from services.stores import reading

PAGE_MOST = 100
ACTOR = "api"
PageNum = Annotated[int, Whole(1, 1_000_000)]
PageSize = Annotated[int, Whole(1)]


def acting(caller: Caller) -> Acting:
    """The merchant itself, by its key: reaches all of its stores, and is nobody of its people."""
    return Acting(
        provider_id=caller.provider_id,
        merchant_id=caller.merchant_id,
        store_id=None,
        id=0,
        person_id=None,
        public_id="",
        name="API",
        role=Role.OWNER,
        known_as=ACTOR,
    )


class QueryAsked(Asked):
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    page_num: PageNum = 1
    page_size: PageSize = Field(default=50, description="最多100 / at most 100 are told")
    nonce_str: Text32 = ""


class QueryTold(Told):
    nonce_str: str
    total_count: int
    shop_infos: tuple[ShopTold, ...]


def query(call: Call, asked: QueryAsked) -> Answer:
    size = min(asked.page_size, PAGE_MOST)
    first = (asked.page_num - 1) * size

    def unit(session: Session) -> QueryTold:
        caller = call.caller
        merchant = session.get_one(Merchant, (caller.provider_id, caller.merchant_id))
        found = reading.all_of(session, acting(caller))
        base_url = call.deps.settings.base_url
        return QueryTold(
            nonce_str=fresh_nonce(),
            total_count=len(found),
            shop_infos=shops_told(session, base_url, merchant, found[first : first + size]),
        )

    return Answer(call.deps.transact(unit))
