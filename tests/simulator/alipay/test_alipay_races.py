"""Many at once: one trade per number, one payment per trade, one use per code."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from simulator.world import World
from tests.simulator.alipay.client import Answer, Client
from tests.simulator.alipay.conftest import Listener
from tests.simulator.alipay.test_alipay_road import auth_code

MANY = 24


def at_once(do: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(MANY) as pool:
        return [f.result() for f in [pool.submit(do) for _ in range(MANY)]]


def again(client: Client, method: str, biz: dict[str, Any] | None, **more: str) -> Answer:
    """A call on a connection of its own."""
    own = Client(client.base, client.holdings)
    try:
        return own.call(method, biz, **more)
    finally:
        own.http.close()


def test_repeats_at_once_make_one_trade(
    client: Client, order: dict[str, Any], world: World
) -> None:
    said = at_once(lambda: again(client, "alipay.trade.create", order))
    assert {a.code for a in said} == {"10000"}
    assert len({a.node["trade_no"] for a in said}) == 1
    assert len(list(world.books.all())) == 1


def test_confirming_at_once_pays_once_and_tells_once(
    client: Client,
    order: dict[str, Any],
    phone: Callable[..., requests.Response],
    listener: Listener,
    until: Callable[[Callable[[], Any]], None],
) -> None:
    made = client.call("alipay.trade.create", order, notify_url=listener.url)
    said = at_once(lambda: phone("confirm", made.node["trade_no"]).status_code)
    assert sorted(said) == [200] + [400] * (MANY - 1)
    until(lambda: listener.bodies)
    assert len(listener.bodies) == 1


def test_paying_against_closing_has_one_winner(
    client: Client, order: dict[str, Any], phone: Callable[..., requests.Response], world: World
) -> None:
    for n in range(8):
        biz = order | {"out_trade_no": f"RACE{n}"}
        number = client.call("alipay.trade.create", biz).node["trade_no"]
        with ThreadPoolExecutor(2) as pool:
            paid = pool.submit(phone, "confirm", number)
            closed = pool.submit(again, client, "alipay.trade.close", {"trade_no": number})
            won = (paid.result().status_code == 200, closed.result().code == "10000")
        assert sum(won) == 1
        trade = world.books.by_ref("alipay", number)
        assert trade is not None
        assert trade.state == ("TRADE_SUCCESS" if won[0] else "TRADE_CLOSED")


def test_an_identity_code_used_at_once_works_once(client: Client) -> None:
    given = {"grant_type": "authorization_code", "code": auth_code(client)}
    said = at_once(lambda: again(client, "alipay.system.oauth.token", None, **given))
    assert sum("access_token" in a.node for a in said) == 1
