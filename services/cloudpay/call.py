"""One call that is authenticated, and what its method answers."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.cloudpay.callers import Caller, Shop, find_shop
from services.cloudpay.shapes import Told
from services.cloudpay.statuses import Internal, Status, foreign
from services.deps import Deps

DONE = "成功"


@dataclass(frozen=True, slots=True)
class Call:
    deps: Deps = field(repr=False)
    caller: Caller
    log_id: int  # unsigned 32 bit; the log has it too
    ip: str
    content: dict[str, Any] = field(repr=False)
    began_at: float = field(default_factory=time.monotonic)
    # the key that proved it: its client knows no other, and checks the reply by it
    proven_by: str = field(default="", repr=False)

    @property
    def left_s(self) -> float:
        """Seconds until this call is answered, decided or not."""
        return max(0.0, self.began_at + self.deps.settings.cpay_answer_s - time.monotonic())

    @property
    def now(self) -> datetime:
        return self.deps.now()

    def shop(self, out_shop_id: str, path: str = "pay_mch_key.out_shop_id") -> Shop:
        """The merchant's own shop; raises Refused in the same words for another's and nobody's."""
        found = find_shop(self.deps, self.caller, out_shop_id)
        if found is None:
            raise foreign(path)
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method says. `description` tells what to ask next wherever 0 could be misread."""

    result: Told | None
    description: str = DONE
    status: Status = Status.OK
    internal: Internal = Internal.OK


def fresh_nonce() -> str:
    """A result's own nonce_str: 32 random characters."""
    return secrets.token_hex(16)
