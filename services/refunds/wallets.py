"""Which call refunds a payment: a wallet's ordinary one, or that of what a deposit paid."""

from __future__ import annotations

from gateways.base import RefundRequest, RefundWord
from models.order import AttemptMethod
from services.closing import Target
from services.deposits import rooms
from services.deps import Deps


def refund(deps: Deps, provider_id: int, target: Target, request: RefundRequest) -> RefundWord:
    """Ask for money back. Raises GatewayRejected and GatewayUnknown."""
    if target.method is not AttemptMethod.DEPOSIT:
        return deps.gateways.pay[target.channel].refund(target.account, request)
    hold = deps.transact(lambda s: rooms.hold_of_order(s, provider_id, target.order_id))
    return deps.gateways.deposits[target.channel].refund(target.account, hold, request)


def query(deps: Deps, target: Target, out_refund_no: str) -> RefundWord:
    """Ask how it stands, by its number."""
    is_deposit = target.method is AttemptMethod.DEPOSIT
    wallets = deps.gateways.deposits if is_deposit else deps.gateways.pay
    wallet = wallets[target.channel]
    return wallet.query_refund(target.account, target.out_trade_no, out_refund_no)
