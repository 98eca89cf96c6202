"""Who may take deposits, and which of them a request speaks of. Source: wechat.md F, unsure where
this says so.
"""

from __future__ import annotations

from simulator.freezes import Freeze
from simulator.parties import WechatMerchant, WechatProvider
from simulator.wechat import micropay, orders
from simulator.wechat.v2_gate import Fields, No
from simulator.world import World

WAITING, FROZEN, FAILED, REVOKED = "USERPAYING", "SUCCESS", "PAYERROR", "REVOKED"
SETTLING, CONSUMED, UNSETTLED = "SETTLING", "CONSUMED", "SETTLEMENTFAIL"
HELD = (FROZEN, UNSETTLED)
STATE_WORDS = orders.STATE_WORDS | {
    FROZEN: "支付成功，资金冻结中",
    SETTLING: "押金消费已受理",
    CONSUMED: "押金消费成功",
    UNSETTLED: "押金解除冻结失败",
}
PROVIDER = "wechat.deposit_provider"
REFUSED = {  # the switch wechat.deposit.<sub_mchid>
    "open": "",
    "not_open": "特约商户未开通押金支付权限",
    "micro": "小微商户不支持押金支付",
    "not_direct": "非直连商户不支持押金支付",
}


def declare(world: World) -> None:
    about = "whether the provider is on the list of those that may take deposits"
    states = ("whitelisted", "not_whitelisted")
    world.switches.declare(PROVIDER, states[0], states, about)
    for provider in world.wechat.values():
        for merchant in provider.merchants.values():
            may_sell = bool(merchant.products) and not merchant.punished
            declare_merchant(world, merchant, "open" if may_sell else "not_open")


def declare_merchant(world: World, merchant: WechatMerchant, state: str = "not_open") -> None:
    """One that came by an application was never invited."""
    about = f"{merchant.name}: its permission of deposits; micro, not_direct: cannot have it"
    world.switches.declare(_switch(merchant), state, tuple(REFUSED), about)


def _switch(merchant: WechatMerchant) -> str:
    return f"wechat.deposit.{merchant.sub_mchid}"


def permitted(world: World, provider: WechatProvider, asked: Fields) -> WechatMerchant:
    """The sub-merchant, if it and its provider may freeze. What is frozen may always be ended."""
    merchant = micropay.own_merchant(world, provider, asked)
    if world.switches.get(PROVIDER) != "whitelisted":
        raise No("NOAUTH", "服务商未开通押金支付权限")
    words = REFUSED[world.switches.get(_switch(merchant))]
    if words:
        raise No("NOAUTH", words)
    return merchant


def may_give_back(world: World, merchant: WechatMerchant) -> None:
    """The merchant's own consent to refunds by its provider."""
    if world.switches.get(f"wechat.sub.{merchant.sub_mchid}") == "no_refund":
        raise No("NOAUTH", "特约商户未授权服务商API退款")


def found(world: World, provider: WechatProvider, asked: Fields) -> Freeze:
    """By transaction_id, which wins, or out_trade_no. Call under the books' lock."""
    merchant = micropay.own_merchant(world, provider, asked)
    number, ref = asked.get("out_trade_no"), asked.get("transaction_id")
    if not number and not ref:
        raise No("LACK_PARAMS", "out_trade_no与transaction_id不能同时为空")
    if ref:
        freeze = world.freezes.by_id(orders.CHANNEL, ref)
    else:
        freeze = world.freezes.find(orders.CHANNEL, provider.sp_mchid, str(number))
    mine = (provider.sp_mchid, merchant.sub_mchid)
    if freeze is None or (freeze.owner, freeze.sub_mchid) != mine:
        raise No("ORDERNOTEXIST", "订单不存在")
    return freeze


def refuse_repeat(world: World, provider: WechatProvider, asked: Fields) -> None:
    """A number serves one deposit, or one payment: asked again, it says how that one stands."""
    which = (orders.CHANNEL, provider.sp_mchid, asked["out_trade_no"])
    freeze = world.freezes.find(*which)
    if freeze is None:
        if world.books.find(*which) is not None:
            raise No("OUT_TRADE_NO_USED", "商户订单号重复")
        return
    if freeze.facts["fingerprint"] != micropay.fingerprint(asked):
        raise No("OUT_TRADE_NO_USED", "商户订单号重复")
    said = {
        WAITING: No(WAITING, "需要用户输入支付密码"),
        REVOKED: No("ORDERREVERSED", "订单已撤销"),
        FAILED: No("ORDERCLOSED", "订单已关闭"),
    }
    raise said.get(freeze.state) or No("ORDERPAID", "订单已支付")


def refuse_unheld(freeze: Freeze) -> None:
    """Consuming and reversing want money that is held; these codes are ours, upstream is silent."""
    said = {
        WAITING: No("INVALID_REQUEST", "用户支付中，押金尚未冻结"),
        FAILED: No("ORDERCLOSED", "订单已关闭"),
        REVOKED: No("ORDERREVERSED", "押金已全部退还"),
        SETTLING: No("INVALID_REQUEST", "押金消费处理中"),
        CONSUMED: No("INVALID_REQUEST", "押金已消费"),
    }
    if freeze.state not in HELD:
        raise said[freeze.state]


def same_total(freeze: Freeze, asked: Fields) -> None:
    if int(asked["total_fee"]) != freeze.freeze_fen:
        raise No("INVALID_REQUEST", "total_fee与押金订单的总金额不一致")
