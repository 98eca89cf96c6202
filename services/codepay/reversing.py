"""A reversal at the wallet, in the words of closing; what follows it is `services/closing.py`'s."""

from __future__ import annotations

from gateways.base import ChannelAccount, ReversalState, TradeState
from services.deps import Deps

_MEANS = {
    ReversalState.DONE: TradeState.CLOSED,
    ReversalState.NOT_EXIST: TradeState.NOT_EXIST,
    ReversalState.AGAIN: TradeState.PAYING,  # not decided: its due time brings it back
}


def reverse(
    deps: Deps, channel: str, account: ChannelAccount, out_trade_no: str
) -> TradeState | None:
    """Reverse once. None: the wallet refuses, so the trade is as it was and asking decides.

    Raises GatewayUnknown when nothing is certain: the same call may be made again.
    """
    said = deps.gateways.codes[channel].reverse(account, out_trade_no)
    return _MEANS.get(said.state)
