"""The methods about an authorisation that may exist: its operations, unfreezing, cancelling."""

from __future__ import annotations

from typing import Any

from simulator.alipay import fund_notices, holds
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import fen, yuan
from simulator.alipay.freezing import parts
from simulator.alipay.orders import DAY
from simulator.alipay.state import Call
from simulator.freezes import Freeze


def detail(call: Call) -> dict[str, Any]:
    """alipay.fund.auth.operation.detail.query. `wrong_amount` is one fen too many held."""
    sim = call.sim
    sim.world.due.run()
    with sim.world.books.lock:
        freeze = _order(call)
        if freeze is None:
            raise Refusal("AUTH_ORDER_NOT_EXIST")
        made = _operation(call, freeze)
        if made is None:
            raise Refusal("AUTH_OPERATION_NOT_EXIST")
        node = {
            "auth_no": freeze.freeze_id,
            "out_order_no": freeze.out_freeze_no,
            "order_title": freeze.facts["title"],
            "order_status": freeze.state,
            "operation_id": made["operation_id"],
            "out_request_no": made["out_request_no"],
            "operation_type": made["type"],
            "amount": yuan(made["amount_fen"]),
            "status": made["status"],
            "remark": made["remark"],
            "gmt_create": made["gmt_create"],
            "gmt_trans": made["gmt_trans"],
            **parts(made["amount_fen"]),
            **fund_notices.totals(freeze),
            **fund_notices.payer(sim, freeze),
        }
        if sim.world.faults.take("wrong_amount", "alipay.freeze_query", call.method):
            node["amount"] = yuan(made["amount_fen"] + 1)
    return {name: value for name, value in node.items() if value}


def _order(call: Call) -> Freeze | None:
    """By auth_no, which wins, or out_order_no, as of now; another merchant's is not told."""
    freezes, owner = call.sim.world.freezes, call.owner()
    auth_no, number = call.biz.get("auth_no"), call.biz.get("out_order_no")
    if not auth_no and not number:
        raise Refusal("ILLEGAL_ARGUMENT", "参数有误：auth_no 与 out_order_no 不能同时为空")
    if auth_no:
        freeze = freezes.by_id(holds.CHANNEL, auth_no)
        if freeze is not None and freeze.owner != owner:
            raise Refusal("HAS_NO_PRIVILEGE")
    else:
        freeze = freezes.find(holds.CHANNEL, owner, str(number))
    return holds.current(call.sim, freeze) if freeze is not None else None


def _operation(call: Call, freeze: Freeze) -> dict[str, Any] | None:
    """By operation_id, which wins, or out_request_no; `operation_type` narrows it."""
    name = "operation_id" if call.biz.get("operation_id") else "out_request_no"
    wanted, kind = call.biz.get(name), call.biz.get("operation_type")
    if not wanted:
        raise Refusal("ILLEGAL_ARGUMENT", "参数有误：operation_id 与 out_request_no 不能同时为空")
    for made in freeze.operations:
        if made[name] == wanted and kind in (None, "", made["type"]):
            return made
    return None


def unfreeze(call: Call) -> dict[str, Any]:
    """alipay.fund.auth.order.unfreeze, in parts. The same number and amount again: the same."""
    sim, biz = call.sim, call.biz
    amount, number = fen(biz["amount"]), biz["out_request_no"]
    with sim.world.books.lock:
        freeze = _order(call)
        if freeze is None:
            raise Refusal("AUTH_ORDER_NOT_EXIST")
        holder = sim.world.freezes.by_request(holds.CHANNEL, call.owner(), number)
        if holder is not None:
            return _unfrozen(freeze, _same(freeze, holder, number, amount))
        _may_unfreeze(freeze, amount)
        url = call.params.get("notify_url", "")
        more = {"remark": biz["remark"], "notify_url": url}
        made = holds.operation(sim, "UNFREEZE", number, amount, **more)
        holds.release(sim, freeze, made)
    first = sim.world.faults.take("reorder", "alipay.unfreeze", call.method) is not None
    fund_notices.tell(sim, freeze, made, comes_first=first)
    return _unfrozen(freeze, made)


def _same(freeze: Freeze, holder: Freeze, number: str, amount: int) -> dict[str, Any]:
    for made in holder.operations:
        same = (made["type"], made["out_request_no"], made["amount_fen"])
        if holder is freeze and same == ("UNFREEZE", number, amount):
            return made
    raise Refusal("UNIQUE_VIOLATION")


def _may_unfreeze(freeze: Freeze, amount: int) -> None:
    said = {
        holds.INIT: "ILLEGAL_STATUS",
        holds.FINISH: "ORDER_ALREADY_FINISH",
        holds.CLOSED: "ORDER_ALREADY_CLOSED",
    }
    if freeze.state in said:
        raise Refusal(said[freeze.state])
    if amount > freeze.left_fen:
        raise Refusal("REQUEST_AMOUNT_EXCEED")


def _unfrozen(freeze: Freeze, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "auth_no": freeze.freeze_id,
        "out_order_no": freeze.out_freeze_no,
        "operation_id": made["operation_id"],
        "out_request_no": made["out_request_no"],
        "amount": yuan(made["amount_fen"]),
        "status": made["status"],
        "gmt_trans": made["gmt_trans"],
        **parts(made["amount_fen"]),
    }


def cancel(call: Call) -> dict[str, Any]:
    """alipay.fund.auth.operation.cancel, of a freeze in doubt: closed, or all of it given back."""
    sim = call.sim
    with sim.world.books.lock:
        freeze = _order(call)
        if freeze is None:
            return _unscanned(call)
        made = _operation(call, freeze)
        if made is None or made["type"] != "FREEZE":
            raise Refusal("AUTH_OPERATION_NOT_EXIST")
        if "cancelled" not in freeze.facts:
            _cancel(call, freeze)
    return {
        "auth_no": freeze.freeze_id,
        "out_order_no": freeze.out_freeze_no,
        "operation_id": made["operation_id"],
        "out_request_no": made["out_request_no"],
        "action": freeze.facts["cancelled"],
    }


def _cancel(call: Call, freeze: Freeze) -> None:
    sim = call.sim
    if len(freeze.operations) > 1 or freeze.state == holds.CLOSED:
        raise Refusal("ILLEGAL_STATUS")
    if sim.world.clock.time() > freeze.created_at + DAY:
        raise Refusal("CANCEL_OPERATION_TIME_OUT")
    is_held = freeze.state == holds.AUTHORIZED
    freeze.facts["cancelled"] = "unfreeze" if is_held else "close"
    told = freeze.operations[0] | {"notify_url": call.params.get("notify_url", "")}
    if is_held:
        remark = call.biz["remark"]
        made = holds.operation(sim, "UNFREEZE", "", freeze.left_fen, remark=remark)
        holds.release(sim, freeze, made)
    else:
        holds.close(sim, freeze)
    kind, action = fund_notices.CANCELLED, freeze.facts["cancelled"]
    fund_notices.tell(sim, freeze, told, notify_type=kind, action=action)


def _unscanned(call: Call) -> dict[str, Any]:
    """A code that nobody scanned is void afterwards; what nobody knows is not there."""
    vouchers, biz = call.sim.vouchers, call.biz
    wanted = (call.owner(), biz.get("out_order_no"), biz.get("out_request_no"))
    for token, made in list(vouchers.items()):
        if (made.hold.owner, made.hold.out_order_no, made.hold.out_request_no) == wanted:
            del vouchers[token]
            names = ("out_order_no", "out_request_no")
            return {name: biz[name] for name in names} | {"action": "close"}
    raise Refusal("AUTH_ORDER_NOT_EXIST")
