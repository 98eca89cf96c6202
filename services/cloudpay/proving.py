"""Who calls, and the proof: ids route to a merchant, and the code must be of one of its keys.

The content is parsed for its ids before anything is proven, and used for nothing else until then.
Which id nobody has and which code is wrong is told in the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from services.cloudpay import authen, keyuse
from services.cloudpay.call import Call
from services.cloudpay.callers import Caller, find_caller, routed_by
from services.cloudpay.devices.callers import find_device_caller
from services.cloudpay.envelope import Received, read
from services.cloudpay.methods import Key, Method
from services.cloudpay.statuses import Internal, Refused, Status
from services.cloudpay.wire_json import read_object
from services.deps import Deps

AUTHEN_WRONG: Final = "参数authen_code错误."
SIGN_WRONG: Final = "参数authen_info.s.sign错误."
TOO_MANY: Final = "请求太频繁，请稍后用原请求重试"


class Unproven(Refused):
    """Status 101 or 3; `out_sub_mch_id` is whose call it claimed to be, for the log alone."""

    out_sub_mch_id: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    key: int | None  # which of the caller's keys; None: the provider's signature
    is_md5: bool = False


def prove(deps: Deps, method: Method, raw: bytes, log_id: int, ip: str) -> Call:
    """Raises Unproven, and Refused where the envelope cannot be read."""
    received = read(method.envelope, raw)
    content = read_content(received)
    route = _route(content)
    if not deps.cpay_limits.looks_at(deps.settings, ip, route):
        raise too_many()
    caller = find(deps, method, content)
    proof = None if caller is None else proof_of(method, caller, received)
    if caller is None or proof is None:
        raise _wrong(deps, method, received, caller, ip)
    deps.cpay_limits.proven(route)
    _note(deps, method, caller, proof)
    key = caller.keys[proof.key or 0]
    return Call(deps, caller, log_id, ip, content, proven_by=key)


def read_content(received: Received) -> dict[str, Any]:
    try:
        return read_object(received.content)
    except ValueError as problem:
        raise Refused(
            f"请求内容{problem}", internal=Internal.NOT_JSON, reply_status=Status.FAILED
        ) from None


def find(deps: Deps, method: Method, content: dict[str, Any]) -> Caller | None:
    """Whose call it claims to be."""
    by = find_device_caller if method.key is Key.DEVICE else find_caller
    return by(deps, content)


def proof_of(method: Method, caller: Caller, received: Received) -> Proof | None:
    """`authen_info.a` decides where it is there; a signature stands only in its place."""
    if received.authen_code is not None:
        if received.authen_type == authen.MD5 and not caller.takes_md5:
            return None
        if received.authen_type not in (authen.HMAC_SHA256, authen.MD5):
            return None
        used = authen.matching_key(
            caller.keys, received.content, received.authen_code, received.authen_type
        )
        return None if used is None else Proof(used, received.authen_type == authen.MD5)
    if method.takes_signature and received.sign is not None and caller.sign_public_key:
        is_good = authen.is_signed(caller.sign_public_key, received.content, received.sign)
        return Proof(None) if is_good else None
    return None


def _route(content: dict[str, Any]) -> tuple[str, str]:
    sn = content.get("sn_code")
    return routed_by(content) or ("sn", sn[:128] if isinstance(sn, str) else "")


def _wrong(
    deps: Deps, method: Method, received: Received, caller: Caller | None, ip: str
) -> Unproven:
    """Counted for the address, and for the merchant whose call it claimed to be."""
    whose = None if caller is None else (caller.provider_id, caller.merchant_id)
    if not deps.cpay_limits.failed(deps.settings, ip, whose):
        return too_many()
    is_signature = method.takes_signature and received.sign and received.authen_code is None
    found = Unproven(
        SIGN_WRONG if is_signature else AUTHEN_WRONG,
        internal=Internal.NOT_SIGNED if is_signature else Internal.AUTHEN,
        reply_status=Status.FAILED,
    )
    if caller is not None:
        deps.cpay_traces.failed(caller.provider_id, caller.merchant_id, deps.now())
        found.out_sub_mch_id = caller.out_sub_mch_id
    return found


def too_many() -> Unproven:
    """Before anything is proven: status 3, which clients send again."""
    return Unproven(TOO_MANY, internal=Internal.TOO_MANY, reply_status=Status.UNKNOWN)


def _note(deps: Deps, method: Method, caller: Caller, proof: Proof) -> None:
    if proof.key is None or method.key is not Key.MERCHANT or proof.key >= len(caller.marks):
        return
    column = keyuse.OLD_KEY if proof.key else keyuse.KEY
    own, now = (caller.provider_id, caller.merchant_id), deps.now()
    deps.cpay_traces.used(*own, column, caller.marks[proof.key], now)
    if proof.is_md5:
        deps.cpay_traces.used(*own, keyuse.MD5, "", now)
