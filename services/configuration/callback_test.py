"""A test message to the provider's own system: signed as every callback is, about no order."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy.orm import Session

from errors import BadInput, CallbackAddress
from gateways.outgoing.sender import SendFailed
from models.provider import Provider
from services import audit
from services.accounts import seal_place
from services.callbacks.envelope import seal
from services.deps import Deps
from services.health import words
from services.health.running import Found, keep
from services.health.words import Said

HEARD: Final = 200


def send(deps: Deps, provider_id: int, *, actor: str) -> Said:
    """Send one and keep what came of it as the check's finding. Raises BadInput without an
    address."""

    def unit(session: Session) -> tuple[str, str, str]:
        row = session.get_one(Provider, provider_id)
        if not row.callback_is_active or row.callback_url is None or row.authen_key_sealed is None:
            raise BadInput("先填写并保存回调地址")
        place = seal_place("provider", "authen_key_sealed", str(row.seal_key))
        return row.callback_url, deps.ring.open(row.authen_key_sealed, place), row.out_mch_id

    url, key, name = deps.transact(unit)
    said = _post(deps, url, key, name)

    def write(session: Session) -> None:
        keep(session, deps, provider_id, [Found("callback", said)])
        audit.record(
            session, provider_id=provider_id, actor=actor, action="callback_tested",
            subject=f"provider:{name}", at=deps.now(), outcome=said.code or said.level,
        )  # fmt: skip

    deps.transact(write)
    return said


def _post(deps: Deps, url: str, key: str, out_mch_id: str) -> Said:
    content = {
        "nonce_str": secrets.token_hex(16),
        "pay_mch_key": {"out_mch_id": out_mch_id},
        "test": True,
    }
    try:
        status = deps.gateways.callbacks.post(url, seal(content, key))
    except CallbackAddress as problem:
        return words.bad("回调地址不可用", problem.code, problem.detail)
    except SendFailed as problem:
        return words.bad("没有连上，或没有及时应答", problem.code, str(problem))
    if status != HEARD:
        return words.bad(f"对方应答 HTTP {status}，要应答 200", f"HTTP {status}")
    return words.fine("测试消息已送达，对方应答 200")
