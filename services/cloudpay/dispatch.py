"""One request from bytes to bytes. Whatever happens, the reply is the protocol's own.

Before the code is proven nothing is said but 101 or 3; after it, a refusal carries a code of its
own and names the member. What nobody expected is status 3: the same request may be sent again.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any, NamedTuple

from errors import AppError, GatewayUnknown
from services.cloudpay import once
from services.cloudpay.call import Answer, Call
from services.cloudpay.devices import trading
from services.cloudpay.envelope import Envelope, content_of, sealed
from services.cloudpay.methods import Method
from services.cloudpay.proving import Unproven, prove, too_many
from services.cloudpay.shapes import read_members, told
from services.cloudpay.small import fit
from services.cloudpay.statuses import BARE, Internal, Refused, Status, foreign
from services.cloudpay.table import TABLE
from services.deps import Deps

log = logging.getLogger(__name__)


class Reply(NamedTuple):
    body: bytes
    is_late: bool = False  # it may wait a little: its caller calls too often


def answer(deps: Deps, name: str, raw: bytes, *, ip: str) -> Reply:
    """The reply to a POST of `raw` to `/cpay/<name>`."""
    log_id = _fresh_log_id()
    method = TABLE.get(name)
    try:
        if not deps.cpay_limits.takes_address(deps.settings, ip):
            raise too_many()
        if method is None:
            raise _unproven("没有这个接口", Internal.NO_METHOD)
        call = prove(deps, method, raw, log_id, ip)
    except Refused as no:
        return _refused_unproven(method, log_id, no, ip)
    except Exception:
        return _unexpected(method, log_id)
    return _run(call, method)


def refuse(name: str, description: str, internal: Internal, *, ip: str) -> Reply:
    """The reply to what is no call at all: nothing of it is read, and it is not to be repeated."""
    no = _unproven(description, internal)
    return _refused_unproven(TABLE.get(name), _fresh_log_id(), no, ip)


def busy(name: str) -> Reply:
    """The reply where something of ours failed outside of a call."""
    return _unexpected(TABLE.get(name), _fresh_log_id())


def _fresh_log_id() -> int:
    """Unsigned 32 bit, as clients read it; the log's line of the call has it."""
    return secrets.randbits(32) or 1


def _unproven(description: str, internal: Internal) -> Refused:
    return Refused(description, internal=internal, reply_status=Status.FAILED)


def _refused_unproven(method: Method | None, log_id: int, no: Refused, ip: str) -> Reply:
    whose = no.out_sub_mch_id if isinstance(no, Unproven) else ""
    _log(method, whose, log_id, no.reply_status, no.internal, ip=ip)
    return _refusal(_envelope(method), None, no, log_id, method, {})


def _envelope(method: Method | None) -> Envelope:
    return Envelope.STANDARD if method is None else method.envelope


def _run(call: Call, method: Method) -> Reply:
    try:
        return Reply(sealed(method.envelope, _content(call, method), call.proven_by))
    except Refused as no:
        _log_call(call, method, no.reply_status, no.internal)
        return _refusal(method.envelope, call.proven_by, no, call.log_id, method, call.content)
    except Exception:
        return _unexpected(method, call.log_id, call.caller.out_sub_mch_id)


def _content(call: Call, method: Method) -> str:
    _check_rate(call)
    caller = call.caller
    own = (caller.provider_id, caller.merchant_id)
    with call.deps.cpay_threads.call(call.deps.settings, own, call.left_s) as is_within:
        if not is_within:
            raise _too_many("同时处理的请求太多")
        return _worked(call, method)


def _worked(call: Call, method: Method) -> str:
    _check_party(call)
    asked = read_members(method.asked, call.content)
    trading.check_device(call, method, asked)
    if method.once is None:
        said = _asked(call, method, asked)
        _log_call(call, method, said.status, said.internal)
        return _told(call, method, said)
    held = once.claim(call, method, method.once, asked)
    if held.reply is not None:
        _log_call(call, method, Status.OK, Internal.OK, is_repeat=True)
        return held.reply
    try:
        said = _asked(call, method, asked)
    except Refused as no:
        once.let_go(call, held, forget=no.reply_status is Status.REFUSED)
        raise
    except Exception:
        once.let_go(call, held, forget=False)
        raise
    _log_call(call, method, said.status, said.internal)
    return once.store(call, held, _told(call, method, said))


def _asked(call: Call, method: Method, asked: Any) -> Answer:
    """Run the method; what its services refuse is said in this protocol's words."""
    try:
        return method.run(call, asked)
    except Refused:
        raise
    except GatewayUnknown as unsure:
        raise Refused(
            f"{unsure.title}，请3秒后用原请求重试或查询（{unsure.code}）",
            internal=Internal.UNSURE,
            reply_status=Status.AGAIN,
        ) from unsure
    except AppError as no:
        if no.status >= 500:
            raise
        raise Refused(
            f"{no.title}。{''.join(no.steps)}（{no.code}）"[:255], internal=Internal.STATE
        ) from no


def _check_rate(call: Call) -> None:
    caller = call.caller
    own = (caller.provider_id, caller.merchant_id)
    if not call.deps.cpay_limits.takes_merchant(call.deps.settings, *own):
        raise _too_many("请求太频繁")


def _too_many(what: str) -> Refused:
    """Of a merchant that is proven: nothing was done, and the same request may come again."""
    return Refused(
        f"{what}，请3秒后用原请求重试", internal=Internal.TOO_MANY, reply_status=Status.AGAIN
    )


def _check_party(call: Call) -> None:
    """Ids that say whose call it is must all say the same."""
    caller = call.caller
    inner = call.content.get("pay_mch_key")
    places = [("pay_mch_key.", inner)] if isinstance(inner, dict) else []
    for before, place in (*places, ("", call.content)):
        for name, own in (
            ("out_mch_id", caller.out_mch_id),
            ("out_sub_mch_id", caller.out_sub_mch_id),
            ("osmi", caller.out_sub_mch_id),
        ):
            if place.get(name) not in (None, "", own):
                raise foreign(before + name)


def _told(call: Call, method: Method, said: Answer) -> str:
    members = told(said.result)
    if method.is_small:
        members = fit(members, said.description, 1 + len(method.also) + method.inline)
    results: dict[str, Any] = dict(members) if method.inline else {}
    if method.result is not None:
        results |= dict.fromkeys((method.result, *method.also), members)
    if method.capital_status:
        results["Internal_status"] = said.internal
    return content_of(
        method.envelope,
        status=said.status,
        description=said.description,
        log_id=call.log_id,
        internal=said.internal,
        results=results,
    )


def _refusal(
    envelope: Envelope,
    key: str | None,
    no: Refused,
    log_id: int,
    method: Method | None,
    content: dict[str, Any],
) -> Reply:
    """Its result has the caller's own nonce, none where it gave none: two refusals differ in
    `log_id` alone, and tell nothing of whose an id is."""
    bare = no.reply_status in BARE
    results: dict[str, Any] = {}
    if method is not None and method.result is not None and not bare:
        word = "ns" if envelope is Envelope.BRIEF else "nonce_str"
        nonce = content.get(word)
        given = nonce if isinstance(nonce, str) and len(nonce) <= 32 else ""
        results = {name: {word: given} for name in (method.result, *method.also)}
    if method is not None and method.capital_status:
        results["Internal_status"] = no.internal
    text = content_of(
        envelope,
        status=no.reply_status,
        description=no.description[:255],
        log_id=log_id,
        internal=no.internal,
        results=results,
    )
    body = sealed(envelope, text, None if bare else key)
    return Reply(body, is_late=no.internal is Internal.TOO_MANY)


def _unexpected(method: Method | None, log_id: int, out_sub_mch_id: str = "") -> Reply:
    facts = {"method": method.name if method else "", "log_id": log_id}
    if out_sub_mch_id:
        facts["out_sub_mch_id"] = out_sub_mch_id
    log.exception("unexpected error", extra=facts)
    busy = Refused("系统繁忙，请用原请求重试", internal=Internal.BUSY, reply_status=Status.UNKNOWN)
    return _refusal(_envelope(method), None, busy, log_id, method, {})


def _log_call(
    call: Call, method: Method, status: int, internal: int, *, is_repeat: bool = False
) -> None:
    more = {"is_repeat": True} if is_repeat else {}
    _log(method, call.caller.out_sub_mch_id, call.log_id, status, internal, **more)


def _log(
    method: Method | None, out_sub_mch_id: str, log_id: int, status: int, internal: int, **more: Any
) -> None:
    """One line for each call: by its `log_id` an operator finds it."""
    facts = {
        "method": method.name if method else "", "log_id": log_id, "status": int(status),
        "internal": int(internal), **more,
    }  # fmt: skip
    if out_sub_mch_id:
        facts["out_sub_mch_id"] = out_sub_mch_id
    log.info("api call", extra=facts)
