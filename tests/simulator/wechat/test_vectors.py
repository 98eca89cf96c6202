"""The requests of wechat-vectors.json, byte for byte, against a simulator that holds their key.

The vectors were signed elsewhere and checked with an SDK: they judge our string to sign.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.conftest import ROOT, Simulator, own_simulator
from tests.simulator.wechat.client import HEADERS, Answer, Merchant

VECTORS = json.loads((ROOT / "tests" / "data" / "wechat-vectors.json").read_text("utf-8"))
KEYS = VECTORS["keys"]
CASES = [
    v for v in VECTORS["v3_request_signature"] if v["canonical_url"].startswith("/v3/pay/partner/")
]
AT = 1795341600


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    home: Path = tmp_path_factory.mktemp("vectors")
    name = f"wechat-merchant:{KEYS['merchant_mchid']}"
    keys = {name: KEYS["merchant_private_key_pem_pkcs8"]}
    (home / "keys.json").write_text(json.dumps(keys))
    with own_simulator(home) as running:
        yield running


def sent(sim: Simulator, case: dict[str, Any], body: str) -> Answer:
    sim.post("/sim/reset")  # all vectors carry one nonce
    sim.post("/sim/clock", {"skew_s": AT - time.time()})
    client = Merchant(sim.url, {"merchant_private_key": KEYS["merchant_private_key_pem_pkcs8"]})
    headers: dict[str, str | None] = {**HEADERS, "Authorization": case["authorization"]}
    if body:
        headers["Content-Type"] = "application/json"
    try:
        return client.send(case["method"], case["canonical_url"], body.encode(), headers)
    finally:
        client.hang_up()


def test_there_are_vectors() -> None:
    assert len(CASES) == 4


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_the_vector_s_signature_holds(frozen: Simulator, case: dict[str, Any]) -> None:
    """Their order and openid do not exist here: the answer is about those, not the signature."""
    answer = sent(frozen, case, case["body"])
    order = case["canonical_url"].endswith("/jsapi")
    assert (
        (answer.status, answer.code) == (400, "PARAM_ERROR") if order else (404, "ORDER_NOT_EXIST")
    )
    if order:
        assert answer.json["message"] == "无效的openid"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_the_vector_changed_by_one_byte_does_not(frozen: Simulator, case: dict[str, Any]) -> None:
    more = "&x=1" if "?" in case["canonical_url"] else "?x=1"
    changed = case | {"canonical_url": case["canonical_url"] + more}
    assert sent(frozen, changed, case["body"]).status == 401
    if case["body"]:
        assert sent(frozen, case, case["body"] + " ").status == 401
