"""What lists and overviews are asked, and what that means: the filters, whose shop, which times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy import TextClause, text

from services.callbacks.envelope import PLATFORMS
from services.cloudpay.call import Call
from services.cloudpay.lists.wanted import Kind, Wanted
from services.cloudpay.lists.window import window
from services.cloudpay.orders.shown import no_order
from services.cloudpay.shapes import Asked, Number, Text32, Text64, Whole
from services.cloudpay.statuses import Internal, Refused, bad_member, foreign

MADE, DONE = 1, 2  # pay_time_type, refund_time_type, time_filter
Moment = Annotated[int, Whole(0, 4102444800)]  # Unix seconds up to the year 2100
TimeType = Annotated[int, Whole(0, 2)]
PageNumber = Annotated[int, Whole(1)]
_CHANNELS: Final = {sub: channel for channel, (_, sub) in PLATFORMS.items()}
_BOOKKEEPING: Final = frozenset({401, 402})  # known, and nothing of ours is of it
_KINDS: Final = {
    1: (Kind.PAYMENT,),
    2: (Kind.REFUND,),
    3: (Kind.PAYMENT, Kind.REFUND),
    4: (Kind.FREEZE,),
    5: (Kind.UNFREEZE,),
}
_CODE: Final = text(
    "SELECT id FROM pay_code WHERE provider_id = :p AND merchant_id = :m AND store_id = :s"
    " AND code = :code"
)
_ORDER: Final = text(
    "SELECT 1 FROM pay_order WHERE provider_id = :p AND merchant_id = :m AND out_trade_no = :n"
)
_REFUND: Final = text(
    "SELECT 1 FROM refund WHERE provider_id = :p AND merchant_id = :m AND out_refund_no = :n"
)


class FilterAsked(Asked):
    out_sub_mch_id: Text32 = ""
    sub_pay_platforms: tuple[Number, ...] = Field(
        default=(), max_length=20, description="空为全部 / empty: all"
    )
    out_shop_id: Text32 = ""
    staff_id: Text64 = Field(default="", description="须同时有 out_shop_id / needs out_shop_id")
    device_id: Text64 = Field(default="", description="须同时有 out_shop_id / needs out_shop_id")
    qrcode_id: Text64 = Field(default="", description="须同时有 out_shop_id / needs out_shop_id")
    source_type: Annotated[int, Whole(0, 7)] = Field(default=0, description="0 不限 / 0: any")
    start_time: Moment = Field(description="Unix 秒，含 / Unix seconds, included")
    end_time: Moment = Field(
        description="Unix 秒，含；最多 90 天 / Unix seconds, included; at most 90 days"
    )
    trade_type: Annotated[int, Whole(0, 9)] = Field(default=0, description="0 不限 / 0: any")
    pay_time_type: TimeType = Field(
        default=0,
        description="1 创建时间 2 支付时间；不填：status 为 1 时 1，否则 2"
        " / 1 created, 2 paid; without: 1 where status is 1, else 2",
    )
    refund_time_type: TimeType = Field(
        default=0,
        description="1 创建时间 2 退款到账时间；不填同上"
        " / 1 created, 2 given back; without: as above",
    )
    time_filter: TimeType = Field(
        default=0,
        description="上面两项没有时代替它们 / stands for the two above where they are absent",
    )
    status: Annotated[int, Whole(0, 1)] = Field(
        default=0, description="0 只看成功 1 全部 / 0 successes alone, 1 all"
    )
    nonce_str: Text32 = ""


class ListAsked(FilterAsked):
    order_type: Annotated[int, Whole(1, 5)]
    page_num: PageNumber = Field(description="从 1 起 / from 1")
    page_size: PageNumber = Field(description="最多 100 / at most 100")


class OverviewAsked(FilterAsked):
    order_type: Annotated[int, Whole(0, 5)] = Field(default=3, description="0 同 3 / 0: as 3")
    out_trade_no: Text32 = ""
    out_refund_no: Text32 = ""


@dataclass(frozen=True, slots=True)
class Names:
    """What a client calls the filters, for a refusal that names one."""

    platforms: str = "sub_pay_platforms"
    shop: str = "out_shop_id"
    device: str = "device_id"
    start: str = "start_time"
    end: str = "end_time"


STANDARD: Final = Names()


def wanted(call: Call, asked: FilterAsked, order_type: int, names: Names = STANDARD) -> Wanted:
    """Raises Refused: a shop, code or number is not the merchant's, or the span is too long."""
    days = call.deps.settings.cpay_span_days
    span = window(asked.start_time, asked.end_time, days, (names.start, names.end))
    store_id = code_id = None
    if asked.out_shop_id:
        store_id = call.shop(asked.out_shop_id, names.shop).store_id
    _check_shop(asked, names)
    if asked.qrcode_id:
        code_id = own_code(call, store_id, asked.qrcode_id)
    kinds = _KINDS[order_type or 3]
    return Wanted(
        provider_id=call.caller.provider_id,
        merchant_id=call.caller.merchant_id,
        window=span,
        kinds=kinds,
        made=frozenset(kind for kind in kinds if _is_by_making(asked, kind)),
        only_done=asked.status == 0,
        store_id=store_id,
        channels=channels(asked.sub_pay_platforms, names.platforms),
        staff=asked.staff_id or None,
        device=asked.device_id or None,
        code_id=code_id,
        source=asked.source_type or None,
        trade=asked.trade_type or None,
    )


def _check_shop(asked: FilterAsked, names: Names) -> None:
    for given, name in (
        (asked.staff_id, "staff_id"),
        (asked.device_id, names.device),
        (asked.qrcode_id, "qrcode_id"),
    ):
        if given and not asked.out_shop_id:
            raise bad_member(names.shop, f"缺失：按{name}查询时必填")


def _is_by_making(asked: FilterAsked, kind: Kind) -> bool:
    """What is not done has no time of it: a question for all states is by when rows were made."""
    own = {Kind.PAYMENT: asked.pay_time_type, Kind.REFUND: asked.refund_time_type}.get(kind, 0)
    said = own or asked.time_filter
    return said == MADE if said else asked.status == 1


def channels(platforms: tuple[int, ...], name: str) -> tuple[str, ...] | None:
    """The wallets of these SubPayPlatforms; None for all of them."""
    for n, one in enumerate(platforms):
        if one not in _CHANNELS and one not in _BOOKKEEPING:
            raise bad_member(f"{name}[{n}]", "的值不在允许的范围")
    return tuple(_CHANNELS[one] for one in platforms if one in _CHANNELS) if platforms else None


def own_code(call: Call, store_id: int | None, code: str) -> int:
    keys = {"p": call.caller.provider_id, "m": call.caller.merchant_id, "s": store_id, "code": code}
    found = call.deps.transact(lambda s: s.scalar(_CODE, keys))
    if found is None:
        raise foreign("qrcode_id")
    return int(found)


def check_numbers(call: Call, out_trade_no: str, out_refund_no: str) -> None:
    """Raises Refused in the same words for another merchant's number and for nobody's."""
    if out_trade_no and not _has(call, _ORDER, out_trade_no):
        raise no_order()
    if out_refund_no and not _has(call, _REFUND, out_refund_no):
        raise Refused("退款单不存在，请核对out_refund_no", internal=Internal.NO_REFUND)


def _has(call: Call, statement: TextClause, number: str) -> bool:
    keys = {"p": call.caller.provider_id, "m": call.caller.merchant_id, "n": number}
    return call.deps.transact(lambda s: s.scalar(statement, keys)) is not None


def page_size(call: Call, size: int, name: str = "page_size") -> int:
    most = call.deps.settings.cpay_page_most
    if size > most:
        raise bad_member(name, f"不能大于{most}")
    return size
