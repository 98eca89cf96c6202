"""Payment notifications: encrypted, signed anew for each delivery, on A10's schedule."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from typing import Any

from simulator import second
from simulator.books import Trade
from simulator.clock import rfc3339
from simulator.outbox import Parcel, Sent
from simulator.parties import WechatProvider
from simulator.wechat import orders, sign
from simulator.wechat.cipher import seal
from simulator.wechat.errors import to_json
from simulator.world import World

NAME = "wechat.notify"
MINUTE, HOUR = 60.0, 3600.0
# 15 retries within 24 h 4 m (A10).
WAITS = (
    15.0,
    15.0,
    30.0,
    3 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    *[30 * MINUTE] * 3,
    HOUR,
    *[3 * HOUR] * 3,
    *[6 * HOUR] * 2,
)
_turn = itertools.count()


def post_success(world: World, provider: WechatProvider, trade: Trade) -> None:
    """TRANSACTION.SUCCESS (A10)."""

    def body(event_id: str, created: str) -> bytes:
        return _envelope(world, provider, trade, event_id, created)

    post(world, provider, NAME, trade.out_trade_no, trade.facts["notify_url"], body)


def post(
    world: World,
    provider: WechatProvider,
    name: str,
    out_trade_no: str,
    url: str,
    body_of: Callable[[str, str], bytes],
) -> None:
    """Send one event, signed anew each time; nothing is sent while no APIv3 key is set (A10)."""
    if world.switches.get("wechat.apiv3_key") == "unset":
        return
    event_id = f"EV-{world.clock.now():%Y%m%d%H%M%S}{secrets.randbelow(10**9):09d}"
    created = rfc3339(world.clock.now())
    probing = world.switches.get("wechat.probe") in ("notify", "both")
    first = itertools.chain(["probe"] if probing else [], itertools.repeat(""))

    def build() -> Sent:
        body = body_of(event_id, created)
        spoilt = "bad" if world.faults.take("bad_signature", name) else next(first)
        serial = _identity(world, provider)
        headers = sign.signature_headers(world, provider, serial, body, spoilt)
        headers |= {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}
        return Sent(url, headers, body)

    waits = (0.0, *WAITS) if probing else WAITS
    world.outbox.post(
        Parcel(name, out_trade_no, build, lambda status, _: status in (200, 204), waits)
    )


def _envelope(
    world: World, provider: WechatProvider, trade: Trade, event_id: str, created: str
) -> bytes:
    with world.books.lock:
        said = orders.trade_object(world, trade)
    # A notification tells of the payment, also when a refund has begun since.
    said |= {"trade_state": "SUCCESS", "trade_state_desc": orders.STATE_WORDS["SUCCESS"]}
    if world.faults.take("wrong_amount", NAME):
        for word in ("total", "payer_total"):
            said["amount"][word] += 1
    event = ("TRANSACTION.SUCCESS", "支付成功", "transaction")
    key = second.apiv3_key(world, provider)
    return sealed_event(key, event_id, created, event, said)


def sealed_event(
    apiv3_key: str,
    event_id: str,
    created: str,
    event: tuple[str, str, str],
    said: dict[str, Any],
) -> bytes:
    """The envelope of A10; `event` is event_type, summary and original_type."""
    event_type, summary, kind = event
    resource = seal(apiv3_key, to_json(said), kind)
    envelope: dict[str, Any] = {
        "id": event_id,
        "create_time": created,
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": summary,
        "resource": {"original_type": kind, **resource},
    }
    return to_json(envelope)


def _identity(world: World, provider: WechatProvider) -> str:
    """Public key or platform certificate: by switch, in turn, or by the 7-day ramp's share (A2)."""
    wanted = world.switches.get("wechat.notify_identity")
    share = world.switches.get("wechat.notify_public_key_percent")
    if wanted == "both":
        public = next(_turn) % 2 == 0
    elif share:
        public = secrets.randbelow(1000) < float(share) * 10
    else:
        public = wanted == "public_key"
    ids = second.public_ids(world, provider)
    return ids[0] if public else sign.platform_serial(world, provider)
