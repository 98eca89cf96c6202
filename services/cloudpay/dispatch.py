"""One request from bytes to bytes. Whatever happens, the reply is the protocol's own.

Before the code is proven nothing is said but 101 or 3; after it, a refusal carries a code of its
own and names the member. What nobody expected is status 3: the same request may be sent again.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from errors import AppError, GatewayUnknown
from services.cloudpay import authen, once
from services.cloudpay.call import Answer, Call
from services.cloudpay.callers import Caller, find_caller
from services.cloudpay.devices.callers import find_device_caller
from services.cloudpay.envelope import Envelope, Received, content_of, read, sealed
from services.cloudpay.methods import Key, Method
from services.cloudpay.shapes import read_members, told
from services.cloudpay.statuses import BARE, Internal, Refused, Status, foreign
from services.cloudpay.table import TABLE
from services.cloudpay.wire_json import read_object
from services.deps import Deps

log = logging.getLogger(__name__)

AUTHEN_WRONG = "参数authen_code错误."


def answer(deps: Deps, name: str, raw: bytes, *, ip: str) -> bytes:
    """The whole body of the reply to a POST of `raw` to `/cpay/<name>`."""
    log_id = secrets.randbits(32) or 1
    method = TABLE.get(name)
    if method is None:
        no = Refused("没有这个接口", internal=Internal.NO_METHOD, reply_status=Status.FAILED)
        return _refusal(Envelope.STANDARD, None, no, log_id, None, {})
    try:
        call = _authenticated(deps, method, raw, log_id, ip)
    except Refused as no:
        _log(method, None, log_id, no.reply_status, no.internal)
        return _refusal(method.envelope, None, no, log_id, method, {})
    except Exception:
        return _unexpected(method, log_id)
    return _run(call, method)


def too_large(name: str) -> bytes:
    method = TABLE.get(name)
    no = Refused("请求过大", internal=Internal.TOO_LARGE, reply_status=Status.FAILED)
    envelope = Envelope.STANDARD if method is None else method.envelope
    return _refusal(envelope, None, no, secrets.randbits(32) or 1, method, {})


def _authenticated(deps: Deps, method: Method, raw: bytes, log_id: int, ip: str) -> Call:
    received = read(method.envelope, raw)
    try:
        content = read_object(received.content)
    except ValueError as problem:
        raise Refused(
            f"请求内容{problem}", internal=Internal.NOT_JSON, reply_status=Status.FAILED
        ) from None
    find = find_device_caller if method.key is Key.DEVICE else find_caller
    caller = find(deps, content)
    if caller is None or not _proven(method, caller, received):
        raise Refused(AUTHEN_WRONG, internal=Internal.AUTHEN, reply_status=Status.FAILED)
    return Call(deps, caller, log_id, ip, content)


def _proven(method: Method, caller: Caller, received: Received) -> bool:
    if received.authen_code is not None:
        if received.authen_type == authen.MD5 and not caller.takes_md5:
            return False
        if received.authen_type not in (authen.HMAC_SHA256, authen.MD5):
            return False
        used = authen.matching_key(
            caller.keys, received.content, received.authen_code, received.authen_type
        )
        return used is not None
    if method.takes_signature and received.sign is not None and caller.sign_public_key:
        return authen.is_signed(caller.sign_public_key, received.content, received.sign)
    return False


def _run(call: Call, method: Method) -> bytes:
    try:
        return sealed(method.envelope, _content(call, method), call.caller.key)
    except Refused as no:
        _log(method, call, call.log_id, no.reply_status, no.internal)
        return _refusal(method.envelope, call.caller.key, no, call.log_id, method, call.content)
    except Exception:
        return _unexpected(method, call.log_id)


def _content(call: Call, method: Method) -> str:
    _check_party(call)
    asked = read_members(method.asked, call.content)
    if method.once is None:
        said = _asked(call, method, asked)
        _log(method, call, call.log_id, said.status, said.internal)
        return _told(call, method, said)
    held = once.claim(call, method, method.once, asked)
    if held.reply is not None:
        _log(method, call, call.log_id, Status.OK, Internal.OK, is_repeat=True)
        return held.reply
    try:
        said = _asked(call, method, asked)
    except Refused as no:
        once.let_go(call, held, forget=no.reply_status is Status.REFUSED)
        raise
    except Exception:
        once.let_go(call, held, forget=False)
        raise
    _log(method, call, call.log_id, said.status, said.internal)
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
    results: dict[str, Any] = dict(members) if method.inline else {}
    if method.result is not None:
        results |= dict.fromkeys((method.result, *method.also), members)
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
) -> bytes:
    """Its result has the caller's own nonce: two refusals differ in `log_id` alone."""
    bare = no.reply_status in BARE
    results: dict[str, Any] = {}
    if method is not None and method.result is not None and not bare:
        word = "ns" if envelope is Envelope.BRIEF else "nonce_str"
        nonce = content.get(word)
        given = nonce if isinstance(nonce, str) and len(nonce) <= 32 else ""
        results = {name: {word: given} for name in (method.result, *method.also)}
    text = content_of(
        envelope,
        status=no.reply_status,
        description=no.description[:255],
        log_id=log_id,
        internal=no.internal,
        results=results,
    )
    return sealed(envelope, text, None if bare else key)


def _unexpected(method: Method, log_id: int) -> bytes:
    log.exception("unexpected error", extra={"method": method.name, "log_id": log_id})
    busy = Refused("系统繁忙，请用原请求重试", internal=Internal.BUSY, reply_status=Status.UNKNOWN)
    return _refusal(method.envelope, None, busy, log_id, method, {})


def _log(
    method: Method,
    call: Call | None,
    log_id: int,
    status: int,
    internal: int,
    *,
    is_repeat: bool = False,
) -> None:
    facts = {"method": method.name, "log_id": log_id, "status": status, "internal": internal}
    if call is not None:
        facts["out_sub_mch_id"] = call.caller.out_sub_mch_id
    if is_repeat:
        facts["is_repeat"] = True
    log.info("api call", extra=facts)
