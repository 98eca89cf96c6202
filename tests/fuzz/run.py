"""Generated requests over the whole API, counted and checked (`make fuzz REQUESTS=20000`).

Most are signed by a merchant's key, and most of those begin as a content that succeeds, of which
some members are replaced by drawn ones. Whatever comes: HTTP 200, a reply of the protocol, nothing
unexpected inside of us, and a code wherever the protocol wants one.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Key, Method
from services.cloudpay.openapi import document
from services.cloudpay.statuses import Internal
from services.cloudpay.table import TABLE
from tests.fuzz.drawing import inside, strategies
from tests.harness.cloudpay import WITHOUT_CODE, Till, code_of
from tests.harness.cloudpay_contents import MAKERS, Content, Party
from tests.harness.product import Product

SIGNED_SHARE, ANSWERED_SHARE = 0.4, 0.6
POOL = 12  # contents that succeed, made beforehand, of each method


@dataclass
class Tally:
    """What was sent and heard. `wrong` has the first of each fault, by method."""

    sent: int = 0
    signed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    succeeded: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        return (
            f"{self.sent} requests, {self.signed / max(self.sent, 1):.0%} signed;"
            f" {len(self.succeeded)} of {len(TABLE)} methods answered 0; statuses"
            f" {dict(sorted(self.statuses.items()))}; {len(self.wrong)} methods at fault"
        )

    def failure(self) -> str:
        """What must make a run fail, or ""."""
        if self.wrong:
            return str(self.wrong)
        if self.signed < SIGNED_SHARE * self.sent:
            return f"only {self.signed} of {self.sent} were signed"
        if len(self.succeeded) < ANSWERED_SHARE * len(TABLE):
            return f"only {sorted(self.succeeded)} answered 0"
        return ""


class Fuzz:
    """One run over one product."""

    def __init__(self, product: Product) -> None:
        self.party = Party.open(product, Till.of(product))
        self.tally = Tally()
        made = document()
        outer, inner = made, inside(made)
        self.outer = [strategies(outer, mode) for mode in GenerationMode]
        self.inner = [strategies(inner, mode) for mode in GenerationMode]
        self.checkers = {name: jsonschema_rs.validator_for(_answer(made, name)) for name in TABLE}

    def run(self, requests: int, first: int = 0) -> Tally:
        each = max(1, requests // len(TABLE))
        for n, method in enumerate(TABLE.values()):
            self._method(method, each, first + n)
        return self.tally

    def _method(self, method: Method, times: int, number: int) -> None:
        pool = [MAKERS[method.name](self.party) for _ in range(min(POOL, times))]
        drawn = st.one_of(*(mode[method.name] for mode in self.inner))
        whole = st.one_of(*(mode[method.name] for mode in self.outer))

        @seed(number)
        @settings(
            max_examples=times, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.data())
        def go(data: st.DataObject) -> None:
            self.tally.sent += 1
            if data.draw(st.integers(0, 9)) == 0:
                self._send(method, _raw(data.draw(whole)), None)
                return
            content = data.draw(drawn)
            if data.draw(st.integers(0, 9)) < 7:
                base = pool[data.draw(st.integers(0, len(pool) - 1))]
                content = mixed(data, base, content)
            self._signed(method, content)

        go()

    def _signed(self, method: Method, content: Any) -> None:
        key = self.party.till.key
        if method.key is Key.DEVICE and isinstance(content, dict):
            key = self.party.ids.get(f"init_key:{content.get('sn_code')}", key)
        text = _raw(content).decode("utf-8", "replace")
        code = code_of(key, text)
        body: dict[str, Any] = {"r": text, "a": code}
        if method.envelope is Envelope.STANDARD:
            proof = {"a": {"authen_type": 1, "authen_code": code}}
            body = {"request_content": text, "authen_info": proof}
        self.tally.signed += 1
        self._send(method, json.dumps(body).encode(), key)

    def _send(self, method: Method, raw: bytes, key: str | None) -> None:
        http = self.party.till.http
        answer = http.post(f"/cpay/{method.name}", data=raw, content_type="application/json")
        try:
            self._check(method, answer.status_code, answer.data, key)
        except (AssertionError, ValueError, KeyError) as problem:
            self.tally.wrong.setdefault(method.name, f"{problem!r} for {raw[:500]!r}")

    def _check(self, method: Method, status: int, raw: bytes, key: str | None) -> None:
        assert status == 200, status
        outer = json.loads(raw)
        brief = method.envelope is Envelope.BRIEF
        text = outer["rc" if brief else "response_content"]
        content = json.loads(text)
        said = content["s" if brief else "status"]
        self.tally.statuses[said] += 1
        assert content["is" if brief else "internal_status"] != Internal.BUSY, content
        self.checkers[method.name].validate(content)
        if said in WITHOUT_CODE:
            assert "a" not in outer
            assert "authen_info" not in outer
        elif key is not None:
            proof = outer["a"] if brief else outer["authen_info"]["a"]["authen_code"]
            assert proof == code_of(key, text)
        if said == 0:
            self.tally.succeeded.add(method.name)


def _raw(drawn: Any) -> bytes:
    """What a generator draws may be bytes already: of no JSON at all."""
    return drawn if isinstance(drawn, bytes) else json.dumps(drawn).encode()


def mixed(data: st.DataObject, base: Content, drawn: Any) -> Content:
    """`base`, at most a few of its members replaced by drawn ones, or by what is never right."""
    made = copy.deepcopy(base)
    if not isinstance(drawn, dict):
        return made
    for _ in range(data.draw(st.integers(0, 3))):
        place, source = made, drawn
        while place:
            name = data.draw(st.sampled_from(sorted(place)))
            inner, other = place[name], source.get(name)
            if isinstance(inner, dict) and isinstance(other, dict) and data.draw(st.booleans()):
                place, source = inner, other
                continue
            if data.draw(st.integers(0, 4)) == 0:
                del place[name]
            elif name in source:
                place[name] = source[name]
            break
    return made


def _answer(made: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema of a reply's content, able to stand alone."""
    responses = made["paths"][f"/cpay/{name}"]["post"]["responses"]
    outer = responses["200"]["content"]["application/json"]["schema"]["properties"]
    inner = outer.get("response_content") or outer["rc"]
    return {**inner["contentSchema"], "components": made["components"]}
