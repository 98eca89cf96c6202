"""How many calls a provider has in a second. Source: wechat.md A3, A5, A9, E1.

Off until the switch `wechat.rates` is on: tests and loads are faster than any shop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from simulator.wechat.errors import RATE, Refusal
from simulator.world import World

CALLS: Final = {
    "wechat.certificates": 1000,
    "wechat.jsapi": 500,
    "wechat.refund": 150,
    "wechat.refund_query": 300,
    "wechat.applyment_submit": 15,
}
REFUSED: Final = {"wechat.refund": 6}  # of those that end in a refusal
SWITCHES: Final = {"rates": ("off", ("off", "on"), "on: 429 above WeChat's calls in a second")}


@contextmanager
def counted(world: World, mchid: str, operation: str) -> Iterator[None]:
    """Around a call's work: a 429 instead of it, above its number or after too many refusals."""
    _admit(world, mchid, operation)
    try:
        yield
    except Refusal:
        with world.lock:
            _counted(world, f"{mchid}:{operation}:refused", 1)
        raise


def _admit(world: World, mchid: str, operation: str) -> None:
    if world.switches.get("wechat.rates") == "off":
        return
    with world.lock:
        called = _counted(world, f"{mchid}:{operation}", 1)
        refused = _counted(world, f"{mchid}:{operation}:refused", 0)
    too_many = called > CALLS.get(operation, called)
    if too_many or refused >= REFUSED.get(operation, refused + 1):
        raise Refusal("FREQUENCY_LIMITED", "频率限制，请降低请求频率", RATE)


def _counted(world: World, name: str, more: int) -> int:
    """How many in this second, with `more`."""
    now = int(world.clock.time())
    second, count = world.rates.get(name, (now, 0))
    count = (count if second == now else 0) + more
    world.rates[name] = (now, count)
    return count
