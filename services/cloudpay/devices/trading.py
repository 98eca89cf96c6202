"""Trades of devices: one that is bound says its serial number, one that was unbound trades no more.

Which members name the device is the same for all methods of a group (Cloud Pay 4.3 and 5.21).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from services.cloudpay import once
from services.cloudpay.call import Call
from services.cloudpay.callers import find_shop
from services.cloudpay.methods import Method
from services.cloudpay.shapes import Asked
from services.cloudpay.statuses import Internal, Refused, foreign
from services.devices.trading import Named, TradeRefusal, as_kept, refusal


class Places(NamedTuple):
    """Paths of the members, as the client writes them."""

    shop: str
    device: str
    sn: str


STANDARD: Final = Places(
    "pay_mch_key.out_shop_id", "order_client.device_id", "order_client.sn_code"
)
BRIEF: Final = Places("osi", "di", "sc")
PLACES: Final = {"pays": STANDARD, "orders": STANDARD, "deposits": STANDARD, "brief": BRIEF}


def check_device(call: Call, method: Method, asked: Asked) -> None:
    """Raises Refused (104) that names the member.

    A repeat of what was taken up goes on: it asks how that went, and a no would be taken for it.
    A shop that is not the merchant's is refused by the method itself.
    """
    places = PLACES.get(method.group)
    if places is None:
        return
    shop = find_shop(call.deps, call.caller, _at(asked, places.shop))
    if shop is None:
        return
    named = Named(
        call.caller.provider_id,
        call.caller.merchant_id,
        shop.store_id,
        device_id=_at(asked, places.device),
        sn_code=as_kept(_at(asked, places.sn)),
        only_asks=only_asks(method),
    )
    why = refusal(call.deps, named, call.caller.device_rule)
    if why is None or (method.once and once.is_known(call, method, method.once, asked)):
        return
    raise in_words(why, places, named)


def only_asks(method: Method) -> bool:
    return method.name.removeprefix("brief_").startswith("query_")


def _at(asked: Asked, path: str) -> str:
    value: Any = asked
    for name in path.split("."):
        value = getattr(value, name)
    return str(value)


def in_words(why: TradeRefusal, places: Places, named: Named) -> Refused:
    match why:
        case TradeRefusal.UNBOUND:
            return _no(places.device, "的设备已解绑，不能交易，请重新绑定", Internal.UNBOUND)
        case TradeRefusal.DELETED:
            said = "的设备已删除，不能交易，请重新添加并绑定"
            return _no(places.device, said, Internal.UNBOUND)
        case TradeRefusal.NO_SERIAL:
            return _no(places.sn, "缺失：设备已绑定机器，请求要带机器的序列号", Internal.MEMBER)
        case TradeRefusal.OTHER_SERIAL:
            said = "不是该设备绑定的机器，请用原来的机器，或由商户管理员解绑"
            return _no(places.sn, said, Internal.BOUND_ELSEWHERE)
        case TradeRefusal.ELSEWHERE:
            said = "的机器绑定的是本商户另一台设备，请用那台设备的门店和设备号"
            return _no(places.sn, said, Internal.BOUND_ELSEWHERE)
        case TradeRefusal.NOT_HERE:
            return foreign(places.device)
        case TradeRefusal.UNREGISTERED:
            said = "不是该门店登记的设备" if named.device_id else "缺失：该商户只接受登记过的设备"
            return _no(places.device, said, Internal.PARTY)


def _no(path: str, said: str, internal: Internal) -> Refused:
    return Refused(f"参数{path}{said}", internal=internal)
