"""An SDK that nobody here wrote uses the simulator as if it were WeChat Pay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.conftest import Simulator
from tests.simulator.node import SDK, run_script
from tests.simulator.wechat.client import Merchant


@pytest.fixture
def said(sim: Simulator, lin: str, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(sim.get("/sim/credentials")))
    found: dict[str, Any] = run_script("wechat.mjs", sim.url + "/", str(file), lin)
    return found


def test_wechatpay_axios_plugin(sim: Simulator, shop: Merchant, said: dict[str, Any]) -> None:
    for way, serial in (
        ("public_key", shop.creds["public_key_id"]),
        ("certificate", shop.creds["platform_serial"]),
    ):
        journey = said[way]
        assert journey["prepay_id"].startswith("wx")
        assert journey["serial"] == serial
        assert journey["states"] == ["NOTPAY", "CLOSED"]
        assert journey["closed"] == 204
        assert journey["repeated"] == {"status": 400, "code": "ORDER_CLOSED"}
    assert said["certificate_matches"] is True
    assert said["wrong_key"]["code"] == "EV3_RES_HEADER_SIGNATURE_DIGEST"
    sim.post("/sim/wallet/wechat/pay", said["bridge"] | {"act": "confirm"})
    assert shop.query(said["to_pay"]).json["trade_state"] == "SUCCESS"


def test_the_lock_file_names_no_registry() -> None:
    text = (SDK / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert not [line for line in text.splitlines() if "://" in line and '"url"' not in line]
    assert text.count('"integrity"') > 50
