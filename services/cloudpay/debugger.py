"""The signature debugger: what a client sent, the string that its code is over, and what is wrong.

It is no oracle. It tells yes or no about a code that was pasted, as the public interface does to
anybody by answering 101 or something else; a code has 256 bits, and sixty tries in a quarter of an
hour find none. It never tells a code that it computed, nor a key, nor anything that depends on one
but that yes or no: the string, its length and its SHA-256 are made from what was pasted alone, and
so is the byte at which the string that the client signed parts from it. The mistakes of `mistakes`
are yes or no, too, about the same code over the same string taken in another way. So whoever asks
about a string of his own choosing learns nothing that helps to sign it.

Only the provider's own merchants and devices are looked at; another's id is answered like one that
nobody has. Nothing that was pasted is kept: the audit log has who looked, whose code, and the
answer.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from errors import AppError
from services import audit
from services.accounts import seal_place
from services.cloudpay import authen, mistakes
from services.cloudpay.callers import Caller, find_caller, routed_by
from services.cloudpay.devices.callers import NO_MERCHANT, find_device_caller
from services.cloudpay.envelope import Envelope, Received, read
from services.cloudpay.statuses import Refused
from services.cloudpay.visible import Difference, Piece, difference, pieces
from services.cloudpay.wire_json import read_object
from services.console import tries
from services.deps import Deps

MOST: Final = 60  # looks of one person in a quarter of an hour
_CODE: Final = re.compile(r"[0-9A-Fa-f]{64}")
_MERCHANT: Final = sql(
    "SELECT m.name, m.seal_key, m.old_seal_key, m.old_key_sealed, m.old_key_until,"
    " p.seal_key AS provider_mark, p.authen_key_sealed FROM merchant m JOIN provider p ON p.id ="
    " m.provider_id WHERE m.provider_id = :p AND m.id = :m"
)


class TooManyLooks(AppError):
    code = "CPAY_LOOKS"
    status = 429
    title = "检查得太频繁，请过几分钟再试"
    steps = ("每人 15 分钟内最多检查 60 次。",)


@dataclass(frozen=True, slots=True)
class Looked:
    """`problem`: why there is no string; the rest is about what could be read all the same."""

    problem: str = ""
    hints: tuple[str, ...] = ()
    routed: tuple[str, str] | None = None  # which id said whose call it is
    merchant: str = ""  # its name; "" where it is nobody's that may be shown
    shown: tuple[Piece, ...] = ()
    length: int = 0  # bytes
    sha256: str = ""
    has_code: bool = False
    matches: str = ""  # which key made the code; "": none of them
    mistake: str = ""
    differs: Difference | None = None


def look(
    deps: Deps, provider_id: int, raw: bytes, signed: str | None, *, user_id: int, actor: str
) -> Looked:
    """`raw`: the body as it was sent; `signed`: the string that the client says it signed.

    Raises TooManyLooks.
    """

    def counted(session: Session) -> int:
        return tries.count(session, f"cpay-look:{user_id}", deps.now()).count

    if deps.transact(counted) > MOST:
        raise TooManyLooks
    found, caller = _looked(deps, provider_id, raw, signed)
    is_merchant = caller is not None and caller.merchant_id != NO_MERCHANT
    whose = f"merchant:{caller.merchant_id}" if caller and is_merchant else "api"
    deps.transact(
        lambda s: audit.record(
            s, provider_id=provider_id, actor=actor, action="signature_looked_at", subject=whose,
            at=deps.now(), matches=bool(found.matches), length=found.length,
        )
    )  # fmt: skip
    return found


def _looked(
    deps: Deps, provider_id: int, raw: bytes, signed: str | None
) -> tuple[Looked, Caller | None]:
    text, hints = _decoded(raw)
    try:
        received = read(_envelope(text), text.encode())
    except Refused as no:
        return Looked(problem=no.description, hints=(*hints, *_why(text))), None
    content, problem = _content(received.content)
    caller = _caller(deps, provider_id, content or {})
    hints += problem + _about_code(received) + _about_ids(content or {}, caller)
    matches, mistake = _judged(deps, caller, received, content)
    return Looked(
        hints=tuple(hints),
        routed=routed_by(content or {}),
        merchant="" if caller is None else _name(deps, caller),
        shown=pieces(received.content),
        length=len(received.content.encode()),
        sha256=hashlib.sha256(received.content.encode()).hexdigest(),
        has_code=received.authen_code is not None,
        matches=matches,
        mistake=mistake,
        differs=None if signed is None else _differs(received.content, signed),
    ), caller


def _decoded(raw: bytes) -> tuple[str, list[str]]:
    """The body as text, and what stands against its bytes."""
    hints = []
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("gbk", "replace")
        hints.append("请求不是 UTF-8 编码（像是 GBK）：会被拒绝，请按 UTF-8 发送。")
    if text.startswith("\ufeff"):
        hints.append("请求开头有 BOM：我们会跳过它，它不在签名的内容里。")
    return text, hints


def _envelope(text: str) -> Envelope:
    try:
        outer = read_object(text)
    except ValueError:
        return Envelope.STANDARD
    is_brief = "r" in outer and "request_content" not in outer
    return Envelope.BRIEF if is_brief else Envelope.STANDARD


def _why(text: str) -> list[str]:
    """What the reason of an unreadable envelope may be."""
    try:
        outer = read_object(text)
    except ValueError:
        if "request_content=" in text:
            return ["请求像是表单：正文应是 JSON，不是表单。"]
        return ["粘贴的是发出去的整个请求正文吗？要从第一个 { 到最后一个 }。"]
    if isinstance(outer.get("request_content"), dict):
        return [
            "request_content 是对象。它应是字符串：先把内容写成 JSON 文本，用这串文本算"
            " authen_code，再把它作为字符串放进外层 JSON。"
        ]
    if "authen_info" not in outer and "request_content" not in outer and outer:
        return ["像是只粘贴了内容，没有外层的 request_content 和 authen_info。"]
    return []


def _content(text: str) -> tuple[dict[str, Any] | None, list[str]]:
    try:
        return read_object(text), []
    except ValueError as problem:
        why = [f"内容{problem}：签名对了也会被拒绝。"]
        if text.lstrip("\ufeff \r\n\t").startswith('"') or text.startswith('{\\"'):
            why.append("内容被转义了两次：request_content 里应是 JSON 对象的文本。")
        return None, why


def _caller(deps: Deps, provider_id: int, content: dict[str, Any]) -> Caller | None:
    """The merchant, or the device, if it is the provider's own."""
    found = find_caller(deps, content) or find_device_caller(deps, content)
    return found if found is not None and found.provider_id == provider_id else None


def _name(deps: Deps, caller: Caller) -> str:
    keys = {"p": caller.provider_id, "m": caller.merchant_id}
    row = deps.transact(lambda s: s.execute(_MERCHANT, keys).first())
    return "设备（初始密钥）" if row is None else str(row.name)


def _about_code(received: Received) -> list[str]:
    code, hints = received.authen_code, []
    if code is None:
        return ["请求里没有 authen_code。"] if received.sign is None else []
    if code != code.strip():
        hints.append("authen_code 前后有空白。")
    elif not _CODE.fullmatch(code):
        hints.append(f"authen_code 应为 64 位十六进制，现在是 {len(code)} 个字符。")
    if received.authen_type == authen.MD5:
        hints.append("authen_type 是 2（MD5）：商户打开了 MD5 才收，应改用 1。")
    elif received.authen_type != authen.HMAC_SHA256:
        hints.append(f"authen_type 是 {received.authen_type}，应为 1。"[:60])
    return hints


def _about_ids(content: dict[str, Any], caller: Caller | None) -> list[str]:
    if routed_by(content) is None and caller is None:
        return ["内容里没有 out_sub_mch_id，也没有 out_shop_id：不知道是哪家商户。"]
    if caller is None:
        return ["内容里的商户、门店或设备编号不是你名下的：逐字核对，注意大小写和 0、O。"]
    inner = content.get("pay_mch_key")
    given = {**content, **(inner if isinstance(inner, dict) else {})}
    wrong = [
        name
        for name, own in (
            ("out_mch_id", caller.out_mch_id), ("out_sub_mch_id", caller.out_sub_mch_id)
        )
        if own and given.get(name) not in (None, "", own)
    ]  # fmt: skip
    return [f"{name} 和商户对不上：签名对了也会被拒绝。" for name in wrong]


def _judged(
    deps: Deps, caller: Caller | None, received: Received, content: dict[str, Any] | None
) -> tuple[str, str]:
    """(which key made the code, which mistake did), "" for none."""
    if caller is None or received.authen_code is None:
        return "", ""
    kind = received.authen_type
    used = authen.matching_key(caller.keys, received.content, received.authen_code, kind)
    if used is not None and (kind == authen.HMAC_SHA256 or caller.takes_md5):
        return ("旧密钥（还有效）" if used else "现在的密钥"), ""
    others = deps.transact(lambda s: _other_keys(s, deps, caller, deps.now()))
    keys = {"": caller.key, **others}
    code = received.authen_code
    return "", mistakes.found(code, received.content, content, keys) or ""


def _other_keys(session: Session, deps: Deps, caller: Caller, now: datetime) -> dict[str, str]:
    """Keys that are mistaken for the merchant's, by what they are called."""
    row = session.execute(_MERCHANT, {"p": caller.provider_id, "m": caller.merchant_id}).first()
    found: dict[str, str] = {}
    if row is None:
        return found
    if row.old_key_sealed is not None and row.old_key_until <= now:
        place = seal_place("merchant", "old_key_sealed", row.old_seal_key)
        found["已经失效的旧密钥"] = deps.ring.open(row.old_key_sealed, place)
    if row.authen_key_sealed is not None:
        place = seal_place("provider", "authen_key_sealed", str(row.provider_mark))
        found["服务商的回调密钥，应为商户的认证密钥"] = deps.ring.open(row.authen_key_sealed, place)
    return found


def _differs(content: str, signed: str) -> Difference:
    """A form sends each line break as CR LF, so a CR before an LF is not compared."""
    return difference(content.replace("\r\n", "\n"), signed.replace("\r\n", "\n"))
