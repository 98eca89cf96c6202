"""The methods that ask a payer for a deposit: freeze by payment code, and a code to scan."""

from __future__ import annotations

import secrets
from typing import Any

from simulator import strict_json
from simulator.alipay import fund_notices, holds
from simulator.alipay.codes import MESSAGES, Refusal
from simulator.alipay.fields import fen, yuan
from simulator.alipay.opening import FACE_CODE, PAY_CODE
from simulator.alipay.orders import Hold, express_seconds
from simulator.alipay.state import Alipay, Call, Voucher
from simulator.freezes import Freeze

LIFE = "15m"  # of what the payer has not agreed to
QR, PICTURE = "https://qr.alipay.com/fkx", "https://mobilecodec.alipay.com/show.htm?code=fkx"


def freeze(call: Call) -> dict[str, Any]:
    """alipay.fund.auth.order.freeze: done, or 10003 and INIT where the payer must agree first."""
    sim = call.sim
    hold = _hold(call)
    with sim.world.books.lock:
        known = holds.repeated(sim, hold)
        person = known.facts["person"] if known else _payer(call)
        made = holds.opened(sim, hold, person)
    if "10003" in (call.asked, sim.switch("pay_result")):
        return {"code": "10003", "msg": MESSAGES["10003"], **said(sim, made)}
    first = sim.world.faults.take("reorder", "alipay.freeze", call.method) is not None
    holds.confirm(sim, made, person, notice_first=first)
    return said(sim, made)


def voucher(call: Call) -> dict[str, Any]:
    """alipay.fund.auth.order.voucher.create: a code; no order before somebody scans it [?]."""
    sim = call.sim
    hold = _hold(call)
    with sim.world.books.lock:
        holds.repeated(sim, hold)
        made = _standing(sim, hold) or _new(sim, hold)
    return {
        "out_order_no": hold.out_order_no,
        "out_request_no": hold.out_request_no,
        "code_type": "qrCode",
        "code_value": QR + made.token,
        "code_url": PICTURE + made.token,
    }


def _standing(sim: Alipay, hold: Hold) -> Voucher | None:
    for made in sim.vouchers.values():
        same = (made.hold.owner, made.hold.out_order_no) == (hold.owner, hold.out_order_no)
        if same and made.valid_until > sim.world.clock.time():
            if made.hold.fingerprint != hold.fingerprint:
                raise Refusal("UNIQUE_VIOLATION")
            return made
    return None


def _new(sim: Alipay, hold: Hold) -> Voucher:
    token = secrets.token_hex(11)
    made = sim.vouchers[token] = Voucher(token, hold, sim.world.clock.time() + hold.life)
    return made


def token_of(code: str) -> str | None:
    """Of a deposit's code, or of the address of its picture."""
    return next((code.removeprefix(p) for p in (QR, PICTURE) if code.startswith(p)), None)


def scanned(sim: Alipay, code: str) -> Freeze | None:
    """The order behind a code, which is made now; None for a code that is of something else."""
    token = token_of(code)
    if token is None:
        return None
    with sim.world.books.lock:
        made = sim.vouchers.get(token)
        if made is None or made.valid_until <= sim.world.clock.time():
            raise Refusal("AUTH_ORDER_NOT_EXIST", "二维码不存在或已失效")
        known = sim.world.freezes.find(holds.CHANNEL, made.hold.owner, made.hold.out_order_no)
        return known or holds.opened(sim, made.hold, None)


def said(sim: Alipay, made: Freeze) -> dict[str, Any]:
    """What freezing answers; a real freeze of funds has no `pre_auth_type`."""
    done = made.operations[0]
    node = {
        "auth_no": made.freeze_id,
        "out_order_no": made.out_freeze_no,
        "operation_id": done["operation_id"],
        "out_request_no": done["out_request_no"],
        "amount": yuan(done["amount_fen"]),
        "status": done["status"],
        **fund_notices.payer(sim, made),
    }
    if done["status"] == holds.DONE:
        node |= {"gmt_trans": done["gmt_trans"], **parts(done["amount_fen"])}
    return node


def parts(amount_fen: int) -> dict[str, str]:
    """Nobody here is trusted without money: all of it is funds."""
    return {"fund_amount": yuan(amount_fen), "credit_amount": "0.00"}


def permitted(call: Call) -> None:
    """The merchant must have signed 当面资金授权 to freeze; what is held may always be ended."""
    merchant = call.seller()
    has_product = "preauth" in merchant.products
    if not has_product or call.sim.switch(f"preauth.{merchant.pid}") != "signed":
        raise Refusal("ACCESS_FORBIDDEN")


def _hold(call: Call) -> Hold:
    permitted(call)
    biz, merchant = call.biz, call.seller()
    wanted = biz.get("payee_user_id") or ("" if biz.get("payee_logon_id") else merchant.pid)
    if wanted != merchant.pid:
        raise Refusal("PAYEE_NOT_EXIST")
    for name, kind in (
        ("extra_param", dict),
        ("enable_pay_channels", list),
        ("disable_pay_channels", list),
    ):
        _check_json(biz.get(name), name, kind)
    return Hold(
        owner=call.owner(),
        out_order_no=biz["out_order_no"],
        out_request_no=biz["out_request_no"],
        amount_fen=fen(biz["amount"]),
        title=biz["order_title"],
        product_code=biz["product_code"],
        notify_url=call.params.get("notify_url", ""),
        charset=call.params["charset"],
        life=_life(call),
    )


def _life(call: Call) -> float:
    text = call.biz.get("pay_timeout") or call.biz.get("timeout_express") or LIFE
    try:
        return express_seconds(text, call.sim.world.clock)
    except Refusal:
        raise Refusal("ILLEGAL_ARGUMENT", f"参数有误：{text}") from None


def _check_json(text: str | None, name: str, kind: type) -> None:
    """These travel as JSON inside a string."""
    if not text:
        return
    try:
        value = strict_json.read(text)
    except ValueError:
        value = None
    named = value if isinstance(value, list) else []
    is_named = all(isinstance(c, dict) and c.get("payChannelType") for c in named)
    if not isinstance(value, kind) or not is_named:
        raise Refusal("ILLEGAL_ARGUMENT", f"参数有误：{name}")


def _payer(call: Call) -> str:
    """Whose phone shows this payment code. It is used up by the question."""
    code = str(call.biz["auth_code"])
    pattern = PAY_CODE if call.biz["auth_code_type"] == "bar_code" else FACE_CODE
    shown = call.sim.pay_codes.pop(code, None) if pattern.fullmatch(code) else None
    if shown is None or shown.expires_at <= call.sim.world.clock.time():
        raise Refusal("PAYMENT_AUTH_CODE_INVALID")
    return shown.person
