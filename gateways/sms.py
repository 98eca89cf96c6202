"""Short messages, handed to the deployer's own relay: which operator sends them is not ours."""

from __future__ import annotations

import json
import logging
from typing import Protocol

from errors import GatewayRejected, GatewayUnknown
from gateways.http import Transport, timed

log = logging.getLogger("gateways")


class Sms(Protocol):
    """What sends short messages."""

    @property
    def is_ready(self) -> bool:
        """Whether what is handed over reaches a phone at all."""
        ...

    def send(self, phone: str, text: str) -> None: ...


class SmsLog:
    """Where no relay is set: the message is written to the log, and surely not sent.

    Whoever sends codes asks `is_ready` before: here they would stand in the log.
    """

    is_ready = False

    def send(self, phone: str, text: str) -> None:
        """Raises GatewayRejected NO_RELAY, always: nobody's phone rings."""
        log.info("short message not sent: no relay", extra={"to": phone[-2:], "said": text})
        raise GatewayRejected("NO_RELAY", "no relay of short messages is set")


class SmsRelay:
    """POSTs `{"phone", "text"}` to one address; any 2xx means that it was taken.

    The address may hold a token, the text a code: neither ever stands in a log or an error.
    """

    def __init__(self, *, url: str, transport: Transport) -> None:
        self._url, self._transport = url, transport

    @property
    def is_ready(self) -> bool:
        """Whether there is a relay at all."""
        return bool(self._url)

    def send(self, phone: str, text: str) -> None:
        """Hand one message over. GatewayRejected: surely not sent; GatewayUnknown: it may be."""
        body = json.dumps({"phone": phone, "text": text}, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "yima/1"}
        with timed("sms", "send"):
            answer = self._transport.send("POST", self._url, headers, body)
            if 400 <= answer.status < 500:
                raise GatewayRejected(str(answer.status))
            if not 200 <= answer.status < 300:
                raise GatewayUnknown(f"HTTP {answer.status}")
