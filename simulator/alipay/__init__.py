"""Alipay's half of the simulator: gateway.do, the consent page, the wallet. Source: alipay.md.

Imports nothing of the product.
"""

from __future__ import annotations

from flask import Flask

from simulator.alipay import (
    bills,
    channels,
    consent,
    fund_notices,
    grants,
    holds,
    notices,
    refunds,
    trades,
    wallet,
)
from simulator.alipay.consent import add_consent
from simulator.alipay.expiry import Expiry
from simulator.alipay.gateway import add_gateway
from simulator.alipay.holdings import credentials, next_credentials
from simulator.alipay.methods import METHODS
from simulator.alipay.paycodes import add_pay_codes
from simulator.alipay.state import Alipay, gateway_key, integrator_key
from simulator.alipay.wap import add_cashier
from simulator.switches import Switches
from simulator.wallets import register_operations, register_wallet
from simulator.world import World

__all__ = ["credentials", "next_credentials", "register"]

_SWITCHES = (
    ("unknown_fields", "refuse", ("refuse", "ignore"), "请求中未公布的字段：拒绝或忽略"),
    (
        "timestamp_skew_s",
        "0",
        ("0", "300", "600", "900"),
        "timestamp 与网关时钟最多相差的秒数；0 为不检查",
    ),
    ("root", "node", ("node", "error_response"), "网关级失败的根节点"),
    ("escape", "none", ("none", "slash", "unicode", "both"), r"应答中 \/ 与 \uXXXX 转义"),
    ("identity", "both", ("both", "user_id", "open_id"), "应用能得到的买家标识"),
    ("notify_seller", "", (), "通知中改写的 seller_id；空为不改"),
    ("refund_outcome", "at_once", ("at_once", "later", "never", "refused"), "之后的退款怎样了结"),
    ("refund_delay_s", "2", (), "later 时退款到账的秒数"),
    ("seller_balance", "enough", ("enough", "short"), "short：退款回余额不足"),
    ("bill_lies", "", (), "账单与账簿的不同，见 simulator/bill_lies.py"),
    ("bill_empty", "file", ("file", "not_exist"), "没有交易的一天：空文件，或 isp.bill_not_exist"),
    ("cancel_retry", "N", ("N", "Y"), "Y：撤销没有完成，retry_flag 要求再次调用"),
    ("pay_result", "10000", ("10000", "10003"), "条码支付直接成功，或等用户输入密码"),
    (channels.SWITCH, "balance", channels.HAVE, "顾客能用的渠道，先用前面的"),
)


def register(app: Flask, world: World) -> None:
    """Adds the routes, the wallet, the switches and the names that faults go by."""
    sim = Alipay(world, Expiry(world.clock, lambda *which: trades.expire(sim, *which)))
    app.extensions["sim_alipay"] = sim
    _declare(world.switches, world)
    for trade in world.books.all():  # of a journal that was read
        if trade.channel == trades.CHANNEL and trade.state == trades.WAITING:
            sim.expiry.watch(trade.expires_at, trade.owner, trade.out_trade_no)
    refunds.rearm(sim)
    holds.rearm(sim)
    for app_id in world.alipay:  # made now, not during a call
        integrator_key(world, app_id)
        gateway_key(world, app_id)
    add_gateway(app, sim)
    add_cashier(app, sim)
    add_consent(app, sim)
    grants.add_grants(app, sim)
    bills.add_downloads(app, sim)
    add_pay_codes(app, sim)
    register_wallet(app, "alipay", wallet.wallet(sim))
    names = {n for m in METHODS.values() for n in m.fault_names} | {bills.OPERATION}
    register_operations(
        app,
        *sorted(names),
        notices.OPERATION,
        notices.REFUNDED,
        fund_notices.OPERATION,
        wallet.OPERATION,
        consent.PATH,
        grants.PATH,
    )


def _declare(switches: Switches, world: World) -> None:
    for name, default, allowed, about in _SWITCHES:
        switches.declare(f"alipay.{name}", default, allowed, about)
    for each in world.alipay.values():
        for merchant in each.merchants.values():
            switches.declare(
                f"alipay.preauth.{merchant.pid}",
                "signed",
                ("signed", "not_signed"),
                f"{merchant.name} 的当面资金授权（预授权）是否已签约",
            )
            switches.declare(
                f"alipay.token.{merchant.pid}",
                "",
                (),
                f"{merchant.name} 的授权：valid、invalid、expired、no_api 或任一错误码；空为默认",
            )
