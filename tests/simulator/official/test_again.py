"""A simulator that is started again knows its accounts, their fans and what they granted."""

from __future__ import annotations

from pathlib import Path

from tests.simulator.conftest import own_simulator
from tests.simulator.official.conftest import Client, Platform, Server


def test_what_was_granted_survives_a_start_anew(tmp_path: Path, server: Server) -> None:
    with own_simulator(tmp_path) as sim:
        creds = sim.get("/sim/credentials")
        platform = Platform(sim, creds["component"])
        platform.starts(server)
        client = Client(sim, creds["wechat"]["accounts"][0])
        appid = client.account["appid"]
        menu = {"button": [{"name": "收款", "type": "click", "key": "K1"}]}
        client.post("menu/create", menu)
        client.post("tags/create", {"tag": {"name": "商户"}})
        own = menu | {"matchrule": {"tag_id": "100"}}
        assert "menuid" in client.post("menu/addconditional", own)
        client.act("follow", {"person": "lin"})
        held = platform.query_auth(platform.authorised(appid, [1, 15]))["authorization_info"]
        before = sim.get("/sim/oa")
    with own_simulator(tmp_path) as sim:
        platform.sim, platform.API_BASE_URL = sim, f"{sim.url}/cgi-bin"
        assert sim.get("/sim/oa") == before
        assert sim.get("/sim/switches")["wechat.component_push"]["value"] == "on"
        platform.fetch_access_token()  # by the ticket of before
        again = platform.refresh_authorizer_token(appid, held["authorizer_refresh_token"])
        token = again["authorizer_access_token"]
        found = sim.get(f"/cgi-bin/menu/get?access_token={token}")
        assert found["conditionalmenu"][0]["matchrule"] == {"tag_id": "100"}
        sim.post("/sim/reset")
    with own_simulator(tmp_path) as sim:
        assert all(row["granted"] is None and not row["followers"] for row in sim.get("/sim/oa"))
