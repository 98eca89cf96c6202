"""What /sim/… says to odd input, and to sub-merchants that came by an application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from simulator.app import create_app
from simulator.applyment_state import Form
from simulator.wechat import applyment, deposit_rules, rules
from simulator.wechat.v2_gate import No
from simulator.world import World
from tests.simulator.conftest import Simulator


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("wechat.refund_delay_s", "0.5", 200),
        ("wechat.refund_delay_s", "soon", 400),
        ("wechat.deposit_settle_s", "nan", 400),
        ("wechat.deposit_settle_s", "-1", 400),
        ("maidan.count", "2.5", 400),
        ("maidan.count", "7", 200),
        ("alipay.grant_days", "", 400),
        ("wechat.deposit.1900000109", "closed", 400),
        ("wechat.component_url", "http://127.0.0.1:1/x", 200),
    ],
)
def test_a_switch_that_is_a_number_takes_no_words(
    sim: Simulator, name: str, value: str, status: int
) -> None:
    answer = sim.http.post(f"{sim.url}/sim/switches", json={name: value}, timeout=5)
    assert answer.status_code == status, answer.text
    assert status == 200 or name in answer.json()["message"]


@pytest.mark.parametrize("path", ["wechat/paycode", "wechat/facecode", "alipay/paycode"])
@pytest.mark.parametrize("person", [["lin"], {"a": 1}, 7, None, "nobody"])
def test_a_person_that_is_none_is_the_phones_owner(sim: Simulator, path: str, person: Any) -> None:
    assert sim.post(f"/sim/{path}", {"person": person})["person"] == "lin"


@pytest.mark.parametrize(
    ("channel", "params"),
    [
        ("wechat", {"code_url": 5}),
        ("wechat", {"auth_code": ["1"]}),
        ("wechat", {"out_trade_no": None}),
        ("wechat", {"auth_code": "13", "stranger": 1}),
        ("alipay", {"qrCode": 5}),
        ("alipay", {"qrCode": "https://qr.alipay.com/fkx"}),
        ("alipay", {"out_order_no": "NOSUCH"}),
        ("alipay", {"out_order_no": ["H1"]}),
    ],
)
def test_a_wallet_says_no_to_what_it_does_not_know(
    sim: Simulator, channel: str, params: dict[str, Any]
) -> None:
    url = f"{sim.url}/sim/wallet/{channel}/pay"
    answer = requests.post(url, json={**params, "act": "confirm"}, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["code"]


def test_a_merchant_of_an_application_sells_and_takes_no_deposits_yet(tmp_path: Path) -> None:
    world: World = create_app(tmp_path).extensions["sim_world"]
    provider = next(iter(world.wechat.values()))
    form = Form(1, "A1", provider.sp_mchid, "新店有限公司", "新店", 0.0, "FINISHED", "1612345678")
    applyment.admit(world, form)
    try:
        asked = {"sp_mchid": provider.sp_mchid, "sub_mchid": form.sub_mchid}
        merchant = rules.own_merchant(world, provider, asked)
        rules.may_sell(world, merchant, "native")
        deposit = {"appid": provider.appids[0], "sub_mch_id": form.sub_mchid}
        with pytest.raises(No, match="特约商户未开通押金支付权限"):
            deposit_rules.permitted(world, provider, deposit)
        world.switches.set(f"wechat.deposit.{form.sub_mchid}", "open")
        assert deposit_rules.permitted(world, provider, deposit) is merchant
    finally:
        provider.merchants.pop(form.sub_mchid)
        world.books.close()
