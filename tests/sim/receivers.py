"""The provider's own system, which is called about payments and refunds: it listens badly."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from gateways.outgoing.sender import CallbackSender, SendFailed
from tests.harness.cloudpay import code_of
from tests.sim.trace import Violation

if TYPE_CHECKING:
    from tests.sim.play import Play

ADDRESS = "https://till.example.com/cloudpay"
ANSWERS = {"heard": 78.0, "500": 9.0, "silence": 8.0, "heard, answer lost": 5.0}


class Receiver(CallbackSender):
    """In the place of the network. `play` is the one that is on."""

    def __init__(self) -> None:
        super().__init__()
        self.authen_key = ""
        self.play: Play | None = None
        self.told: Counter[str] = Counter()

    def begin(self, play: Play) -> None:
        self.play, self.told = play, Counter()

    def post(self, url: str, body: bytes) -> int:
        play = self.play
        assert play is not None
        play.meanwhile()
        play.stage.kills.point("before a callback")
        kind = play.chance.weighted(ANSWERS) if play.is_noisy else "heard"
        if kind != "heard":
            play.reach(f"fault callback {kind}")
        if kind == "silence":
            raise SendFailed("CALLBACK_TIMEOUT", "no answer")
        if kind == "500":
            return 500
        self._hear(body)
        play.stage.kills.point("after a callback")
        if kind == "heard, answer lost":
            raise SendFailed("CALLBACK_BROKEN", "the answer broke off")
        return 200

    def _hear(self, body: bytes) -> None:
        """Believe only what is signed with the provider's key."""
        envelope: dict[str, Any] = json.loads(body)
        text = envelope["request_content"]
        if envelope["authen_info"]["a"]["authen_code"] != code_of(self.authen_key, text):
            raise Violation("a callback that the provider's key did not sign")
        content = json.loads(text)
        refunds = content.get("refund_order_content")
        if refunds is None:
            self.told[f"pay {content['order_content']['out_trade_no']}"] += 1
        for refund in refunds or ():
            self.told[f"refund {refund['out_refund_no']}"] += 1
