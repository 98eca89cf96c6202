"""What outlives the process, what a reset takes, and what this half may import."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import requests

from simulator.alipay.fields import yuan
from simulator.app import create_app
from simulator.world import World
from tests.simulator.alipay.client import Client
from tests.simulator.alipay.conftest import close_journal


def test_trades_and_keys_outlive_the_process(tmp_path: Path) -> None:
    first = create_app(tmp_path)
    sim = first.extensions["sim_alipay"]
    keys = first.test_client().get("/sim/credentials").json["alipay"]  # type: ignore[index]
    client = Client("http://sim", keys)
    biz = {
        "out_trade_no": "K1",
        "total_amount": "1.00",
        "subject": "茶",
        "buyer_id": "2088102000000001",
    }
    params = client.signed(client.params("alipay.trade.create", biz))
    query = {k: v for k, v in params.items() if k == "charset"}
    body = {k: v for k, v in params.items() if k != "charset"}
    said = first.test_client().post("/gateway.do", query_string=query, data=body)
    assert b'"10000"' in said.data

    second = create_app(tmp_path)
    world: World = second.extensions["sim_world"]
    assert second.test_client().get("/sim/credentials").json["alipay"] == keys  # type: ignore[index]
    (trade,) = world.books.all()
    assert (trade.state, yuan(trade.amount_fen)) == ("WAIT_BUYER_PAY", "1.00")
    world.clock.advance(3 * 3600)
    assert second.extensions["sim_alipay"].expiry._due() == [(trade.owner, "K1")]
    assert sim.expiry is not second.extensions["sim_alipay"].expiry
    client.http.close()
    close_journal(first.extensions["sim_world"])
    close_journal(world)


def test_a_reset_takes_offers_pages_codes_and_switches(
    client: Client, order: dict[str, Any], world: World
) -> None:
    del order["buyer_id"]
    code = client.call("alipay.trade.precreate", order).node["qr_code"]
    world.switches.set("alipay.escape", "both")
    assert requests.post(f"{client.base}/sim/reset", timeout=10).ok
    differs = client.call("alipay.trade.precreate", order | {"total_amount": "1.00"})
    assert differs.code == "10000"
    assert "\\/" not in differs.text
    answer = requests.post(
        f"{client.base}/sim/wallet/alipay/pay",
        json={"act": "confirm", "qrCode": code},
        timeout=10,
    )
    assert answer.json()["code"] == "TRADE_NOT_EXIST"


def test_this_half_imports_nothing_of_the_product() -> None:
    allowed = {"simulator", "flask", "werkzeug", "cryptography"}
    own = {p.stem for p in Path().glob("*.py")} | {p.name for p in Path().iterdir() if p.is_dir()}
    for path in Path("simulator/alipay").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            roots = {n.split(".")[0] for n in names}
            assert not (roots & own) - allowed, f"{path}: {roots}"
