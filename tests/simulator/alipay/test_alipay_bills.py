"""Bills as an integrator meets them, from alipay.md 5: read with Python's own zipfile and csv."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import requests

from simulator.world import World
from tests.simulator.alipay.client import Answer, Client
from tests.simulator.node import run_script

CHINA = dt.timezone(dt.timedelta(hours=8))
METHOD = "alipay.data.dataservice.bill.downloadurl.query"
Phone = Callable[..., requests.Response]


def go_to(world: World, at: dt.datetime) -> None:
    world.clock.advance(at.timestamp() - world.clock.time())


@pytest.fixture
def day(world: World, client: Client, phone: Phone, order: dict[str, Any]) -> dt.date:
    """A day with one payment and one refund; now it is the next morning, past ten."""
    today = world.clock.now().astimezone(CHINA)
    noon = today.replace(hour=12, minute=0, second=0, microsecond=0)
    go_to(world, noon if noon > today else noon + dt.timedelta(days=1))
    on = world.clock.now().astimezone(CHINA).date()
    made = client.call("alipay.trade.create", order)
    phone("confirm", made.node["trade_no"], person="lin")
    back = {
        "out_trade_no": order["out_trade_no"],
        "refund_amount": "2.30",
        "out_request_no": "R1",
        "refund_reason": "少冰,多糖",
    }
    assert client.call("alipay.trade.refund", back).code == "10000"
    go_to(world, dt.datetime.combine(on + dt.timedelta(days=1), dt.time(10, 1), CHINA))
    return on


def asked(client: Client, on: dt.date | str, kind: str = "trade") -> Answer:
    return client.call(METHOD, {"bill_type": kind, "bill_date": str(on)})


def test_a_bill_is_a_zip_of_two_gbk_files(client: Client, day: dt.date) -> None:
    answer = asked(client, day)
    assert (answer.code, "bill_file_code" in answer.node) == ("10000", False)
    got = client.http.get(answer.node["bill_download_url"], timeout=10)
    with zipfile.ZipFile(io.BytesIO(got.content)) as made:
        assert [info.flag_bits & 0x800 for info in made.infolist()] == [0, 0]
        names = {info.filename.encode("cp437").decode("gbk"): info for info in made.infolist()}
        stem = "2088000000000109" + f"0156_{day:%Y%m%d}_业务明细"
        assert set(names) == {f"{stem}.csv", f"{stem}(汇总).csv"}
        text = made.read(names[f"{stem}.csv"]).decode("gb18030")
        summary = made.read(names[f"{stem}(汇总).csv"]).decode("gb18030")
    lines = text.split("\r\n")
    assert lines[1] == "#账号：[20880000000001090156]"
    assert "业务明细列表结束" in lines[-5]
    assert lines[-4].startswith("#交易合计：1笔，商家实收共12.30元")
    assert lines[-3].startswith("#退款合计：1笔，商家实收退款共-2.30元")
    head, sale, back = list(csv.reader(lines[4:7]))
    assert len(head) == len(sale) == 25
    assert len(back) == 26  # an unquoted comma in the remark
    assert sale[1].endswith("\t")
    row = dict(zip(head, back, strict=False))
    assert (row["业务类型"], row["订单金额（元）"], row["服务费（元）"]) == (
        "退款",
        "-2.30",
        "0.01",
    )
    assert row["退款批次号/请求号"].strip() == "R1"
    assert "合计,,1,1,10.00,10.00" in summary


def test_an_address_is_good_for_thirty_seconds(client: Client, world: World, day: dt.date) -> None:
    url = asked(client, day).node["bill_download_url"]
    assert client.http.get(url, timeout=10).content[:2] == b"PK"
    world.clock.advance(31)
    assert client.http.get(url, timeout=10).status_code == 403


def test_an_empty_day_and_what_is_refused(client: Client, world: World, day: dt.date) -> None:
    empty = asked(client, day - dt.timedelta(days=1))
    assert empty.node["bill_file_code"] == "EMPTY_DATA_WITH_BILL_FILE"
    assert client.http.get(empty.node["bill_download_url"], timeout=10).content[:2] == b"PK"
    world.switches.set("alipay.bill_empty", "not_exist")
    gone = asked(client, day - dt.timedelta(days=1))
    assert (gone.code, gone.sub_code) == ("40004", "isp.bill_not_exist")
    for on, kind in (
        (day + dt.timedelta(days=1), "trade"), (day, "signCustomer"), ("2026/11/20", "trade"),
    ):  # fmt: skip
        bad = asked(client, on, kind)
        assert (bad.code, bad.sub_code) == ("40004", "isv.invalid_arguments"), on
    go_to(world, dt.datetime.combine(day + dt.timedelta(days=2), dt.time(8, 59), CHINA))
    assert asked(client, day + dt.timedelta(days=1)).sub_code == "isp.bill_not_exist"


def test_the_official_node_sdk_gets_the_address(client: Client, day: dt.date) -> None:
    orders = {
        "gateway": client.url,
        "appId": client.app_id,
        "privateKey": client.holdings["app_private_key"],
        "alipayPublicKey": client.holdings["alipay_public_key"],
        "steps": [
            [
                "exec",
                METHOD,
                {
                    "appAuthToken": client.token,
                    "bizContent": {"bill_type": "trade", "bill_date": str(day)},
                },
            ]
        ],
    }
    (said,) = run_script("alipay.mjs", given=json.dumps(orders))
    url = said["ok"]["billDownloadUrl"]
    assert client.http.get(url, timeout=10).content[:2] == b"PK"
