"""One number is done once: repeats get the stored reply, other content is refused.

A call claims its number by a row with a lease, works, and stores its reply in that row. A repeat
with the same content gets the reply byte for byte; while the first one is still worked on it waits
and then hears "in progress". A claim whose holder died is taken over once its lease is over: what
the method calls may run again (Cloud Pay, "idempotency").
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.cloudpay.call import Call
from services.cloudpay.methods import Method, Once
from services.cloudpay.shapes import Asked
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.single import Single

_LEASE: Final = timedelta(seconds=15)  # longer than any call takes
_LOOKS_S: Final = (0.05, 0.8)  # between looks of whoever waits, ever more rarely
_SECRETS: Final = frozenset({"author_code", "ac"})
_PERSONAL: Final = frozenset({"open_id", "sub_open_id", "user_id", "notify_open_ids"})
_NOT_COMPARED: Final = frozenset({"nonce_str", "ns", "order_client"})

_CLAIM = text("""
INSERT INTO cpay_call (provider_id, merchant_id, kind, number, method, same, trade_type, device_id,
    staff_id, nonce_str, asked, lease_until, created_at)
VALUES (:p, :m, :kind, :number, :method, :same, :trade_type, :device_id, :staff_id, :nonce_str,
    CAST(:asked AS jsonb), :until, :now)
ON CONFLICT (provider_id, merchant_id, kind, number) DO NOTHING RETURNING id
""")
_THERE = text("""
SELECT id, method, same, reply, lease_until FROM cpay_call
WHERE provider_id = :p AND merchant_id = :m AND kind = :kind AND number = :number FOR UPDATE
""")
_LOOK = Single(
    text("""
    SELECT reply IS NOT NULL OR lease_until <= :now AS is_ready FROM cpay_call
    WHERE provider_id = :p AND merchant_id = :m AND kind = :kind AND number = :number
    """)
)
_KNOWN = Single(
    text("""
    SELECT id FROM cpay_call WHERE provider_id = :p AND merchant_id = :m AND kind = :kind
        AND number = :number AND same = :same AND method = :method
    """)
)
_TAKE = text("""
UPDATE cpay_call SET lease_until = :until, same = :same, method = :method, asked =
    CAST(:asked AS jsonb), trade_type = :trade_type, device_id = :device_id, staff_id = :staff_id,
    nonce_str = :nonce_str
WHERE provider_id = :p AND id = :id
""")
_STORE = text("""
UPDATE cpay_call SET reply = :reply, answered_at = :now
WHERE provider_id = :p AND id = :id AND reply IS NULL
""")
_FREE = text("""
UPDATE cpay_call SET same = CASE WHEN :forget THEN '' ELSE same END, lease_until = :now
WHERE provider_id = :p AND id = :id AND reply IS NULL
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """Ours to work on (`reply` None), or the stored reply of an earlier call."""

    call_id: int
    reply: str | None = None


def claim(call: Call, method: Method, once: Once, asked: Asked) -> Claim:
    """Raises Refused: the prefix is wrong, the number means something else, or it is in flight."""
    values = _values(call, method, once, asked)
    _check_prefix(call, once, values["number"])
    while True:
        found = call.deps.transact(lambda s: _try(s, call, once, values))
        if found is not None:
            return found
        _wait(call, values)


def _wait(call: Call, values: dict[str, Any]) -> None:
    """Until whoever holds the number has answered or let go. Looks only read: many may wait, and
    they must not stand in the way of the one that they wait for."""
    pause, slowest = _LOOKS_S
    while call.left_s > 0:
        time.sleep(min(pause, call.left_s))
        pause = min(2 * pause, slowest)
        row = _LOOK.first(call.deps, values | {"now": call.now})
        if row is None or row.is_ready:
            return
    raise Refused(
        "同一笔请求正在处理，请3秒后用原请求重试或查询订单",
        internal=Internal.IN_FLIGHT,
        reply_status=Status.AGAIN,
    )


def _try(session: Session, call: Call, once: Once, values: dict[str, Any]) -> Claim | None:
    now = call.now
    values = values | {"now": now, "until": now + _LEASE}
    made = session.execute(_CLAIM, values).scalar()
    if made is not None:
        return Claim(made)
    row = session.execute(_THERE, values).one()
    if row.same and (row.same != values["same"] or row.method != values["method"]):
        raise _clash(once)
    if row.reply is not None:
        return Claim(row.id, row.reply)
    if row.lease_until > now:
        return None
    session.execute(_TAKE, values | {"id": row.id})
    return Claim(row.id)


def is_known(call: Call, method: Method, once: Once, asked: Asked) -> bool:
    """Whether this very request has been taken up before: it is repeated, nothing new is asked."""
    return _KNOWN.first(call.deps, _values(call, method, once, asked)) is not None


def store(call: Call, held: Claim, reply: str) -> str:
    """Keep the reply for repeats; the one that is kept is the one that is sent."""
    keys = {"p": call.caller.provider_id, "id": held.call_id, "reply": reply, "now": call.now}

    def unit(session: Session) -> str:
        session.execute(_STORE, keys)
        kept = session.execute(
            text("SELECT reply FROM cpay_call WHERE provider_id = :p AND id = :id"), keys
        ).scalar_one()
        return str(kept)

    return call.deps.transact(unit)


def let_go(call: Call, held: Claim, *, forget: bool) -> None:
    """Nothing was decided: the same call may come again at once. `forget`: with other content too,
    because it was refused before anything was done under this number."""
    keys = {"p": call.caller.provider_id, "id": held.call_id, "now": call.now, "forget": forget}
    call.deps.transact(lambda s: s.execute(_FREE, keys))


def _clash(once: Once) -> Refused:
    if once.is_reentry:
        return Refused(
            "订单号重入：该订单号已用于其他内容的支付，请勿撤销，请换新订单号",
            internal=Internal.REENTRY,
        )
    return Refused(
        "单号已用于其他内容的请求，请换新单号",
        internal=Internal.NUMBER_USED,
        reply_status=Status.NEW_NUMBER,
    )


def _check_prefix(call: Call, once: Once, number: str) -> None:
    if not number.startswith(call.caller.prefixes):
        told = bad_member(once.number, f"应以订单前缀{'或'.join(call.caller.prefixes)}开头")
        raise Refused(told.description, internal=Internal.MEMBER, reply_status=Status.NEW_NUMBER)


def _values(call: Call, method: Method, once: Once, asked: Asked) -> dict[str, Any]:
    plain = asked.model_dump(mode="json", exclude_defaults=True)
    number = _at(asked, once.number)
    client = plain.get("order_client", {})
    compared = {name: value for name, value in plain.items() if name not in _NOT_COMPARED}
    exact = json.dumps(compared, sort_keys=True, ensure_ascii=False)
    return {
        "p": call.caller.provider_id,
        "m": call.caller.merchant_id,
        "kind": once.kind,
        "number": number,
        "method": method.name,
        "same": call.deps.ring.blind(exact, "cpay_call"),
        "trade_type": once.trade_type,
        "device_id": str(client.get("device_id", plain.get("di", ""))),
        "staff_id": str(client.get("staff_id", "")),
        "nonce_str": str(plain.get("nonce_str", plain.get("ns", ""))),
        "asked": json.dumps(_kept(plain), ensure_ascii=False),
    }


def _at(asked: Asked, path: str) -> str:
    value: Any = asked
    for name in path.split("."):
        value = getattr(value, name)
    return str(value)


def _kept(value: Any) -> Any:
    """The content without payment codes and payers' ids: orders point to people, not hold them."""
    if isinstance(value, dict):
        return {
            name: _kept(inner)
            for name, inner in value.items()
            if name not in _SECRETS and name not in _PERSONAL
        }
    return [_kept(inner) for inner in value] if isinstance(value, list) else value
