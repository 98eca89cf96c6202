"""A fund authorisation's life in the freezes: held, paid from, released. Source: alipay.md 6.

`state` is order_status: INIT, AUTHORIZED, then FINISH (something was paid) or CLOSED. Every
function that changes one is called under the books' lock, but `confirm`.
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from simulator.alipay import fund_notices
from simulator.alipay.codes import Refusal
from simulator.alipay.orders import Hold
from simulator.alipay.state import Alipay
from simulator.clock import china
from simulator.freezes import Freeze

CHANNEL = "alipay"
INIT, AUTHORIZED, FINISH, CLOSED = "INIT", "AUTHORIZED", "FINISH", "CLOSED"
DONE = "SUCCESS"
OVERDUE = "授权到期，自动解冻"


def operation(sim: Alipay, kind: str, number: str, fen: int, **more: str) -> dict[str, Any]:
    now = sim.world.clock.now()
    return {
        "type": kind,
        "operation_id": f"{now:%Y%m%d}{_digits(12)}",
        "out_request_no": number,
        "amount_fen": fen,
        "status": DONE,
        "gmt_create": china(now),
        "gmt_trans": china(now),
        "remark": "",
        "notify_url": "",
    } | more


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def opened(sim: Alipay, hold: Hold, person: str | None) -> Freeze:
    """The one that this repeats, or a new one that waits for its payer."""
    freeze = repeated(sim, hold)
    if freeze is not None:
        return freeze
    world = sim.world
    app, merchant = sim.merchant_of(hold.owner)
    now = world.clock.time()
    freeze = Freeze(
        channel=CHANNEL,
        owner=hold.owner,
        mchid=app.pid,
        sub_mchid=merchant.pid,
        out_freeze_no=hold.out_order_no,
        freeze_id=f"{world.clock.now():%Y%m%d}10002001{_digits(12)}",
        freeze_fen=hold.amount_fen,
        state=INIT,
        created_at=now,
        expires_at=now + hold.life,
        operations=[
            operation(
                sim,
                "FREEZE",
                hold.out_request_no,
                hold.amount_fen,
                status=INIT,
                gmt_trans="",
                notify_url=hold.notify_url,
            )
        ],
        facts={
            "app_id": app.app_id,
            "auth_app_id": merchant.auth_app_id,
            "title": hold.title,
            "product_code": hold.product_code,
            "charset": hold.charset,
            "fingerprint": hold.fingerprint,
            "person": person,
        },
    )
    world.freezes.put(freeze)
    world.due.at(freeze.expires_at, partial(_look, sim, freeze))
    return freeze


def repeated(sim: Alipay, hold: Hold) -> Freeze | None:
    freezes = sim.world.freezes
    freeze = freezes.find(CHANNEL, hold.owner, hold.out_order_no)
    if freeze is None:
        if freezes.by_request(CHANNEL, hold.owner, hold.out_request_no) is not None:
            raise Refusal("UNIQUE_VIOLATION")
        return None
    if freeze.facts["fingerprint"] != hold.fingerprint:
        raise Refusal("UNIQUE_VIOLATION")
    said = {
        AUTHORIZED: "FREEZE_ALREADY_SUCCESS",
        FINISH: "ORDER_ALREADY_FINISH",
        CLOSED: "ORDER_ALREADY_CLOSED",
    }
    if current(sim, freeze).state in said:
        raise Refusal(said[freeze.state])
    return freeze


def confirm(sim: Alipay, freeze: Freeze, person: str, *, notice_first: bool = False) -> None:
    """The payer agreed: the money is held. Raises unless it still waits for this payer."""
    world = sim.world
    with world.books.lock:
        confirmable(sim, freeze, person)
        now = world.clock.now()
        freeze.state, freeze.frozen_at = AUTHORIZED, world.clock.time()
        freeze.facts["person"] = person
        freeze.operations[0] |= {"status": DONE, "gmt_trans": china(now)}
        world.freezes.put(freeze)
        world.due.at(freeze.ends_at, partial(_look, sim, freeze))
    fund_notices.tell(sim, freeze, freeze.operations[0], comes_first=notice_first)


def confirmable(sim: Alipay, freeze: Freeze, person: str) -> None:
    with sim.world.books.lock:
        if current(sim, freeze).state == AUTHORIZED:
            raise Refusal("FREEZE_ALREADY_SUCCESS")
        if freeze.state != INIT:
            raise Refusal("ORDER_ALREADY_CLOSED")
        if freeze.facts["person"] not in (None, person):
            raise Refusal("PAYER_NOT_EXIST")


def release(sim: Alipay, freeze: Freeze, made: dict[str, Any]) -> None:
    """An operation UNFREEZE of `amount_fen`; the last of the money ends the order."""
    freeze.operations.append(made)
    freeze.released_fen += made["amount_fen"]
    end_if_empty(freeze)
    sim.world.freezes.put(freeze)


def end_if_empty(freeze: Freeze) -> None:
    if freeze.left_fen == 0:
        freeze.state = FINISH if freeze.consumed_fen else CLOSED


def close(sim: Alipay, freeze: Freeze) -> None:
    """Nobody agreed, and nobody will."""
    freeze.state = CLOSED
    freeze.operations[0]["status"] = CLOSED
    sim.world.freezes.put(freeze)


def current(sim: Alipay, freeze: Freeze) -> Freeze:
    """As of now: not agreed to in time, or held too long."""
    now = sim.world.clock.time()
    if freeze.state == INIT and now >= freeze.expires_at:
        close(sim, freeze)
    if freeze.state == AUTHORIZED and now >= freeze.ends_at:
        url = freeze.operations[0]["notify_url"]
        more = {"remark": OVERDUE, "notify_url": url}
        made = operation(sim, "UNFREEZE", "", freeze.left_fen, **more)
        release(sim, freeze, made)
        fund_notices.tell(sim, freeze, made)
    return freeze


def _look(sim: Alipay, freeze: Freeze) -> None:
    with sim.world.books.lock:
        current(sim, freeze)


def rearm(sim: Alipay) -> None:
    """After a restart: what ends by itself still does."""
    for freeze in sim.world.freezes.all(CHANNEL):
        at = {INIT: freeze.expires_at, AUTHORIZED: freeze.ends_at}.get(freeze.state)
        if at is not None:
            sim.world.due.at(at, partial(_look, sim, freeze))
