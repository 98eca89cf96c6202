"""Bills as an integrator meets them, from wechat.md A11: read with Python's own csv and hashlib."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.simulator.conftest import Listener, Simulator
from tests.simulator.node import run_script
from tests.simulator.wechat.client import Answer, Changes, Merchant
from tests.simulator.wechat.test_refunds import ask

CHINA = dt.timezone(dt.timedelta(hours=8))


def now(sim: Simulator) -> dt.datetime:
    return dt.datetime.fromtimestamp(sim.get("/sim/clock")["time"], CHINA)


def go_to(sim: Simulator, at: dt.datetime) -> None:
    sim.advance((at - now(sim)).total_seconds())


def call(sim: Simulator, shop: Merchant, target: str) -> Answer:
    """Signed with the simulator's own time, which has moved."""
    stamp = int(sim.get("/sim/clock")["time"])
    return shop.call("GET", target, changes=Changes(timestamp=stamp))


def tradebill(sim: Simulator, shop: Merchant, on: dt.date | str, **more: str) -> Answer:
    query = "&".join(f"{k}={v}" for k, v in {"bill_date": str(on), **more}.items())
    return call(sim, shop, f"/v3/bill/tradebill?{query}")


def download(sim: Simulator, shop: Merchant, url: str) -> Answer:
    parts = urlsplit(url)
    return call(sim, shop, f"{parts.path}?{parts.query}")


@pytest.fixture
def day(sim: Simulator, shop: Merchant, lin: str, listener: Listener) -> dt.date:
    """A day with one payment and one refund; now it is the next morning, past ten."""
    today = now(sim)
    start = today.replace(hour=12, minute=0, second=0, microsecond=0)
    go_to(sim, start if start > today else start + dt.timedelta(days=1))
    on = now(sim).date()
    number = _paid(sim, shop, lin, listener)
    stamp = int(sim.get("/sim/clock")["time"])
    assert ask(shop, number, "R1", 230, Changes(timestamp=stamp)).status == 200
    go_to(sim, dt.datetime.combine(on + dt.timedelta(days=1), dt.time(10, 1), CHINA))
    return on


def _paid(sim: Simulator, shop: Merchant, lin: str, listener: Listener) -> str:
    body = shop.order(lin, notify_url=listener.url, description="茶, 大杯")
    stamp = int(sim.get("/sim/clock")["time"])
    answer = shop.call("POST", "/v3/pay/partner/transactions/jsapi", body, Changes(timestamp=stamp))
    params = shop.bridge(answer.json["prepay_id"])
    sim.post("/sim/wallet/wechat/pay", params | {"act": "confirm"})
    return str(body["out_trade_no"])


def rows(text: bytes) -> tuple[list[dict[str, str]], list[str]]:
    """By Python's csv, back-ticks taken off: no text here has a comma."""
    lines = list(csv.reader(io.StringIO(text.decode("utf-8")), quoting=csv.QUOTE_NONE))
    assert all(cell.startswith("`") for line in lines[1:-2] for cell in line)
    found = [dict(zip(lines[0], (c[1:] for c in line), strict=True)) for line in lines[1:-2]]
    return found, [cell[1:] for cell in lines[-1]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_bill_is_signed_for_hashed_unpacked_and_adds_up(
    sim: Simulator, shop: Merchant, day: dt.date, packed: bool
) -> None:
    answer = tradebill(sim, shop, day, **({"tar_type": "GZIP"} if packed else {}))
    assert answer.status == 200, answer.body.decode()
    shop.verify(answer.headers, answer.body)
    said = answer.json
    file = download(sim, shop, said["download_url"])
    assert "wechatpay-signature" not in file.headers
    text = gzip.decompress(file.body) if packed else file.body
    assert (said["hash_type"], said["hash_value"]) == ("SHA1", hashlib.sha1(text).hexdigest())
    (sale, back), total = rows(text)
    assert len(sale) == 27
    assert (sale["交易状态"], sale["订单金额"], sale["商户退款单号"]) == ("SUCCESS", "12.30", "0")
    assert (sale["特约商户号"], sale["手续费"]) == (shop.creds["sub_mchid"], "0.07000")
    assert sale["商品名称"] == "茶\\  大杯"
    assert (back["交易状态"], back["退款状态"], back["申请退款金额"]) == (
        "REFUND",
        "SUCCESS",
        "2.30",
    )
    assert back["商户退款单号"] == "R1"
    assert total == ["2", "12.30", "2.30", "0.00", "0.06000", "12.30", "2.30"]


def test_the_kinds_of_bill_have_their_own_columns(
    sim: Simulator, shop: Merchant, day: dt.date
) -> None:
    def names(kind: str) -> list[str]:
        said = tradebill(sim, shop, day, bill_type=kind).json
        text = download(sim, shop, said["download_url"]).body
        return text.decode().split("\n")[0].split(",")

    assert "商户退款单号" not in names("SUCCESS")
    assert names("REFUND")[:2] == ["退款申请时间", "退款成功时间"]


def test_what_is_refused(sim: Simulator, shop: Merchant, day: dt.date) -> None:
    other = sim.get("/sim/credentials?owner=1900000501")["wechat"]
    stranger = Merchant(sim.url, other)
    tomorrow = day + dt.timedelta(days=1)

    def no(answer: Answer) -> tuple[int, str]:
        return answer.status, answer.code

    assert no(tradebill(sim, shop, tomorrow)) == (400, "INVALID_REQUEST")
    assert no(tradebill(sim, shop, day - dt.timedelta(days=95))) == (400, "INVALID_REQUEST")
    assert no(tradebill(sim, shop, "20261120")) == (400, "PARAM_ERROR")
    assert no(tradebill(sim, shop, day, tar_type="ZIP")) == (400, "PARAM_ERROR")
    assert no(tradebill(sim, shop, day, what="x")) == (400, "PARAM_ERROR")
    assert no(tradebill(sim, shop, day, sub_mchid="1900000508")) == (403, "NO_AUTH")
    empty = tradebill(sim, shop, day - dt.timedelta(days=1))
    assert no(empty) == (400, "NO_STATEMENT_EXIST")
    url = tradebill(sim, shop, day).json["download_url"]
    assert no(download(sim, stranger, url)) == (403, "NO_AUTH")
    assert sim.http.get(url, timeout=5).status_code == 401
    sim.advance(301)
    assert no(download(sim, shop, url)) == (400, "INVALID_REQUEST")
    stranger.hang_up()


def test_the_night_before_it_is_being_written(sim: Simulator, shop: Merchant, day: dt.date) -> None:
    go_to(sim, dt.datetime.combine(day + dt.timedelta(days=2), dt.time(9, 59), CHINA))
    early = tradebill(sim, shop, day + dt.timedelta(days=1))
    assert (early.status, early.code) == (400, "STATEMENT_CREATING")


def test_wechatpay_axios_plugin_has_the_same_file(
    sim: Simulator, shop: Merchant, day: dt.date, tmp_path: Path
) -> None:
    """An SDK that nobody here wrote signs with this machine's time: the clock goes back for it."""
    moved = sim.get("/sim/clock")["time"] - time.time()
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(sim.get("/sim/credentials")))
    said: dict[str, Any] = run_script(
        "wechat_bill.mjs", sim.url + "/", str(file), day.isoformat(), str(round(moved))
    )
    assert said["sha1"] == said["hash_value"]
    assert said["lines"] == 5
