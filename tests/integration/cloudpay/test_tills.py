"""Tills: let in by one of the shop's people, and what they tell of themselves."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from services.cloudpay.devices.unpacking import MOST
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.stores.helping import OTHER_SHOP, audited, work


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def begin(till: Till) -> dict[str, Any]:
    asked = {
        "out_sub_mch_id": till.out_sub_mch_id, "out_shop_id": till.out_shop_id,
        "authorize_terminal_type": 1,
    }  # fmt: skip
    said = till.call("client_initialize", asked)
    assert said["status"] == 0, said
    return dict(said["client_initialize"])


def ask(till: Till, token: str) -> dict[str, Any]:
    asked = {"out_sub_mch_id": till.out_sub_mch_id, "token": token}
    return till.call("client_try_get_initializers", asked)


def test_a_till_is_let_in_by_whoever_works_there(product: Product, till: Till) -> None:
    told = begin(till)
    assert told["qr_code_url"] == (f"{product.url}/m/tills/{told['activator']}?p={till.out_mch_id}")
    assert (told["ttl"], len(told["activator"]), len(told["token"])) == (180, 12, 32)
    waiting = ask(till, told["token"])["client_try_get_initializers"]
    assert waiting == {"initialization_granted": False}

    desk = work(product, "clerk", name="何小川")
    page = desk.words(f"/m/tills/{told['activator']}")
    assert "允许这台收银机登录？" in page
    assert "湖滨店" in page
    assert "已允许" in desk.post(f"/m/tills/{told['activator']}", allow="1").text
    result = ask(till, told["token"])["client_try_get_initializers"]
    assert (result["initialization_granted"], result["identity"]) == (True, "clerk")
    assert result["manager_types"] == [3]
    assert result["manager_entities"][0]["staff_id"] == result["staff_id"]
    assert result["sub_mch_info"]["cloud_cashier_id"] == till.prefix
    assert result["sub_mch_info"]["client_configuration_ciphers"] == []
    assert [one["out_shop_id"] for one in result["shop_infos"]] == [till.out_shop_id]
    assert "何小川" in {one["staff_name"] for one in result["shop_infos"][0]["staffs"]}
    assert till.key not in json.dumps(till.answers)
    assert desk.get(f"/m/tills/{told['activator']}").status_code == 404  # decided once
    assert (f"staff:{desk.id}", "till_granted") in audited(product, f"store:{till.out_shop_id}")
    kept = str([tuple(row) for row in product.sql("SELECT * FROM till_login")])
    assert told["token"] not in kept


def test_nobody_of_elsewhere_lets_it_in(product: Product, till: Till, simulator: Any) -> None:
    told = begin(till)
    other = Till.of(product, 1)
    theirs = work(product, "owner", merchant=other.out_sub_mch_id)
    for desk in (work(product, "clerk", OTHER_SHOP), theirs):
        assert desk.get(f"/m/tills/{told['activator']}").status_code == 404
        assert desk.post(f"/m/tills/{told['activator']}", allow="1").status_code == 404
    foreign = [ask(other, token) for token in (told["token"], "x" * 32)]
    for one in foreign:
        del one["log_id"]
        assert one == foreign[0]
    assert (foreign[0]["status"], foreign[0]["internal_status"]) == (104, 1017)
    desk = work(product, "manager")
    assert "已拒绝" in desk.post(f"/m/tills/{told['activator']}", allow="0").text
    refused = ask(till, told["token"])
    assert (refused["status"], refused["internal_status"]) == (104, 1008)
    late = begin(till)
    simulator.advance(181)
    assert ask(till, late["token"])["internal_status"] == 1017
    assert desk.get(f"/m/tills/{late['activator']}").status_code == 404


def test_whoever_left_since_lets_nobody_in(product: Product, till: Till) -> None:
    told, desk = begin(till), work(product, "clerk")
    desk.post(f"/m/tills/{told['activator']}", allow="1")
    product.do("UPDATE staff SET is_active = false, removed_at = now() WHERE id = :i", i=desk.id)
    assert ask(till, told["token"])["status"] == 104


# --- telemetry ------------------------------------------------------------------------------------


def monitor(till: Till, **more: Any) -> dict[str, Any]:
    return {
        "out_mch_id": till.out_mch_id, "out_sub_mch_id": till.out_sub_mch_id,
        "out_shop_id": till.out_shop_id, "order_client": till.client(), "interval": 60,
        "is_compress": False, "nonce_str": "n" * 32, **more,
    }  # fmt: skip


RESULTS = {
    "client_int_results": [
        {"interface": 100, "status": 0, "time_cost": 80, "logs": "author_code 134567890123456789"},
        {"interface": "100", "status": 3, "time_cost": 900},
        {"interface": 106, "status": 0, "time_cost": 20},
    ],
    "machine_info": '{"os":"Windows 10"}',
}


def zipped(content: bytes) -> str:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("monitor.json", content)
    return base64.b64encode(made.getvalue()).decode()


def kept(product: Product) -> list[Any]:
    return product.sql("SELECT * FROM till_telemetry ORDER BY id")


@pytest.mark.parametrize("kind", ["plain", "zip", "gzip"])
def test_the_newest_of_a_till_is_kept_without_its_logs(
    product: Product, till: Till, kind: str
) -> None:
    content = json.dumps(RESULTS).encode()
    more: dict[str, Any] = {"uncompressed_monitor_info": RESULTS}
    if kind == "zip":
        more = {"is_compress": True, "compress_type": 1, "compressed_monitor_info": zipped(content)}
    elif kind == "gzip":
        packed = base64.b64encode(gzip.compress(content)).decode()
        more = {"is_compress": True, "compress_type": 3, "compressed_monitor_info": packed}
    for _ in range(2):
        said = till.call("upload_client_monitor_info", monitor(till, **more))
        assert (said["status"], said["upload_client_monitor_info"]["interval"]) == (0, 0)
    (row,) = kept(product)
    assert (row.till, row.kind) == ("1", "monitor")
    assert row.facts["calls"] == [
        {"interface": "100", "count": 2, "failed": 1, "slowest_ms": 900},
        {"interface": "106", "count": 1, "failed": 0, "slowest_ms": 20},
    ]
    assert row.facts["machine"] == RESULTS["machine_info"]
    assert "134567890123456789" not in json.dumps(row.facts)


def test_bombs_are_refused_and_what_we_can_not_read_is_thrown_away(
    product: Product, till: Till
) -> None:
    """Telemetry is accepted and discarded (Cloud Pay 5.19): rar is a kind of it, too."""
    bomb = b"0" * (64 << 20)
    cases = [
        (1, zipped(bomb), 1004, "过大"),
        (3, base64.b64encode(gzip.compress(bomb)).decode(), 1004, "过大"),
        (0, "e30=", 1002, "compress_type"),
        (2, "UmFyIRoHAA==", 0, "rar"),
        (1, "UmFyIRoHAA==", 0, "不能解压"),
        (3, base64.b64encode(gzip.compress(b"{}")[:-9]).decode(), 0, "不能解压"),
        (3, "not base64!", 0, "不能解压"),
        (3, base64.b64encode(gzip.compress(b"[1]")).decode(), 0, "不是JSON对象"),
    ]
    assert len(bomb) > MOST
    for kind, packed, internal, word in cases:
        content = monitor(
            till, is_compress=True, compress_type=kind, compressed_monitor_info=packed
        )
        said = till.call("upload_client_monitor_info", content)
        assert (said["status"], said["internal_status"]) == (104 if internal else 0, internal), said
        assert word in said["description"]
        assert internal or said["description"].endswith("，数据没有保存")
    assert kept(product) == []


def test_a_till_too_many_is_answered_and_not_kept(product: Product, till: Till) -> None:
    product.do(
        "INSERT INTO till_telemetry (provider_id, store_id, till, kind, facts, received_at)"
        " SELECT provider_id, id, 't' || n, 'conf', '{}', now() FROM store,"
        " generate_series(1, 200) AS n WHERE out_shop_id = :s",
        s=till.out_shop_id,
    )
    conf = monitor(till, machine_info={"os": "Android", "key": till.key})
    assert till.call("upload_client_conf_info", conf)["status"] == 0
    assert len(kept(product)) == 200
    conf["order_client"]["device_id"] = "t7"
    said = till.call("upload_client_conf_info", conf)
    assert len(said["upload_client_conf_info"]["nonce_str"]) == 32
    (row,) = [one for one in kept(product) if one.till == "t7"]
    assert "Android" in row.facts["machine"]
    assert till.key not in row.facts["machine"]


def test_another_merchant_s_shop_takes_no_telemetry(product: Product, till: Till) -> None:
    other = Till.of(product, 1)
    assert other.call("upload_client_conf_info", monitor(other))["status"] == 0
    assert len(kept(product)) == 1
    said = [
        till.call("upload_client_conf_info", monitor(till, out_shop_id=shop))
        for shop in (other.out_shop_id, "nobodys")
    ]
    for one in said:
        del one["log_id"]
    assert said[0] == said[1]
    assert len(kept(product)) == 1
