"""alipay.data.dataservice.bill.downloadurl.query and the file behind it. Source: alipay.md 5.1."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, request

from simulator import wire
from simulator.alipay import bill_file, trades
from simulator.alipay.codes import Refusal
from simulator.alipay.state import Alipay, Call
from simulator.bill_lies import Lies
from simulator.clock import SHANGHAI

DOWNLOAD = "/downloadBillFile.resource"
OPERATION = "alipay.bill_download"
LIVES_S = 30
READY = dt.time(9)
EMPTY = "EMPTY_DATA_WITH_BILL_FILE"
OLDEST = dt.timedelta(days=6 * 365)


def query(call: Call) -> dict[str, Any]:
    """A day's trade bill of the merchant whose token came along. Months are not kept here."""
    sim, merchant = call.sim, call.seller()
    day = _day(call)
    is_first = merchant is next(iter(next(iter(sim.world.alipay.values())).merchants.values()))
    lies = Lies(sim.switch("bill_lies") if is_first else "")
    with sim.world.books.lock:
        mine = [
            trade
            for trade in sim.world.books.all()
            if (trade.channel, trade.owner) == (trades.CHANNEL, call.owner())
        ]
        rows = bill_file.rows(mine, day)
    rows = lies.rows(
        rows, bill_file.COLUMNS, lambda number, fen: bill_file.invented(day, number, fen)
    )
    if not rows and sim.switch("bill_empty") == "not_exist":
        raise Refusal("isp.bill_not_exist", "账单不存在")
    now = sim.world.clock.now().astimezone(SHANGHAI)
    token = secrets.token_urlsafe(24)
    body = bill_file.zipped(merchant.pid, day, rows, lies, now)
    sim.fresh().bills[token] = (body, sim.world.clock.time() + LIVES_S)
    words = {"bizType": "trade", "fileType": "csv.zip", "bizDates": f"{day:%Y%m%d}"}
    url = f"{request.host_url.rstrip('/')}{DOWNLOAD}?{urlencode(words | {'token': token})}"
    return {"bill_download_url": url} | ({} if rows else {"bill_file_code": EMPTY})


def _day(call: Call) -> dt.date:
    """Bad input is isv.invalid_arguments; too early and never are the same word (5.1)."""
    if call.biz["bill_type"] != "trade":
        raise Refusal("isv.invalid_arguments", "入参不合法")
    now = call.sim.world.clock.now().astimezone(SHANGHAI)
    try:
        day = dt.date.fromisoformat(str(call.biz["bill_date"]))
    except ValueError:
        raise Refusal("isv.invalid_arguments", "入参不合法") from None
    if day >= now.date() or day < now.date() - OLDEST:
        raise Refusal("isv.invalid_arguments", "入参不合法")
    if now < dt.datetime.combine(day + dt.timedelta(days=1), READY, SHANGHAI):
        raise Refusal("isp.bill_not_exist", "账单不存在")
    return day


def add_downloads(app: Flask, sim: Alipay) -> None:
    @app.get(DOWNLOAD, endpoint=OPERATION)
    def download() -> Response:
        fault = wire.arrive(sim.world.faults, request.environ, OPERATION, DOWNLOAD)
        answer = Response(status=502) if fault is not None else _file(sim)
        sim.world.note("call", OPERATION, str(answer.status_code))
        wire.leave(sim.world.faults, request.environ, OPERATION, DOWNLOAD)
        return answer


def _file(sim: Alipay) -> Response:
    """Nobody signs here: whoever has the address has the file, for 30 seconds."""
    body, until = sim.fresh().bills.get(request.args.get("token", ""), (b"", 0.0))
    if sim.world.clock.time() >= until:
        return Response("下载链接已失效", 403, content_type="text/html;charset=utf-8")
    return Response(body, content_type="application/octet-stream")
