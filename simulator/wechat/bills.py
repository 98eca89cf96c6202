"""Bills: asked for, then downloaded from an address that is good for five minutes.

Source: wechat.md A11. The request of the download is signed as any other, its answer is not.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from simulator import wire
from simulator.bill_lies import Lies
from simulator.clock import SHANGHAI
from simulator.faults import Fault
from simulator.parties import WechatProvider
from simulator.wallets import register_operations
from simulator.wechat import bill_file, gate, orders, sign
from simulator.wechat.errors import NO_RELATION, Refusal, refusal_answer
from simulator.world import World

DOWNLOAD = "/v3/billdownload/file"
DOWNLOAD_NAME = "wechat.bill_download"
LIVES_S = 300
KEPT = 200
OLDEST = dt.timedelta(days=92)  # three months


@dataclass
class Ticket:
    """A download that was promised to one provider."""

    sp_mchid: str
    body: bytes
    until: float


class Desk:
    """The downloads that are still good."""

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}

    def promise(self, sp_mchid: str, body: bytes, now: float) -> str:
        token = secrets.token_urlsafe(24)
        self.tickets[token] = Ticket(sp_mchid, body, now + LIVES_S)
        while len(self.tickets) > KEPT:
            del self.tickets[next(iter(self.tickets))]
        return token


def tradebill(desk: Desk) -> gate.Work:
    """GET /v3/bill/tradebill."""

    def work(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, Any]:
        day = _day(world, str(params["bill_date"]))
        sub_mchid = params.get("sub_mchid")
        if sub_mchid is not None and sub_mchid not in provider.merchants:
            raise Refusal("NO_AUTH", "受理关系不存在", NO_RELATION)
        kind = str(params.get("bill_type", "ALL"))
        is_first = provider is next(iter(world.wechat.values()))
        lies = Lies(world.switches.get("wechat.bill_lies") if is_first else "")
        with world.books.lock:
            trades = [
                trade
                for trade in world.books.all()
                if trade.channel == orders.CHANNEL
                and trade.owner == provider.sp_mchid
                and sub_mchid in (None, trade.sub_mchid)
            ]
            rows = bill_file.rows(world, trades, day, kind)
        first = sub_mchid or next(iter(provider.merchants))
        rows = lies.rows(
            rows,
            bill_file.COLUMNS,
            lambda number, fen: bill_file.invented(day, provider.sp_mchid, first, number, fen),
        )
        if not rows:
            raise Refusal("NO_STATEMENT_EXIST", "账单文件不存在")
        return _promised(world, desk, provider, bill_file.text_of(rows, kind, lies), params, lies)

    return work


def _promised(
    world: World,
    desk: Desk,
    provider: WechatProvider,
    text: bytes,
    params: dict[str, Any],
    lies: Lies,
) -> dict[str, Any]:
    """The hash is of the file as it is, whether or not it travels compressed."""
    told = hashlib.sha1(text + b"." if lies.has("hash") else text).hexdigest()
    body = gzip.compress(text, 6) if params.get("tar_type") == "GZIP" else text
    token = desk.promise(provider.sp_mchid, body, world.clock.time())
    url = f"{request.host_url.rstrip('/')}{DOWNLOAD}?token={token}"
    return {"hash_type": "SHA1", "hash_value": told, "download_url": url}


def _day(world: World, text: str) -> dt.date:
    today = world.clock.now().astimezone(SHANGHAI).date()
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise Refusal("PARAM_ERROR", "bill_date格式错误，应为yyyy-MM-DD") from None
    if day >= today or day < today - OLDEST:
        raise Refusal("INVALID_REQUEST", "账单日期只能是三个月内、今天以前的日期")
    if world.clock.time() < bill_file.ready_at(day):
        raise Refusal("STATEMENT_CREATING", "账单文件正在生成中，请稍后再试")
    return day


def mount_download(app: Flask, world: World, desk: Desk) -> None:
    register_operations(app, DOWNLOAD_NAME)

    @app.get(DOWNLOAD, endpoint=DOWNLOAD_NAME, provide_automatic_options=False)
    def download() -> Response:
        if request.method != "GET":
            return Response(status=405)
        fault = wire.arrive(world.faults, request.environ, DOWNLOAD_NAME, DOWNLOAD)
        answer = _faulty(fault) if fault is not None else _file(world, desk)
        world.note("in", DOWNLOAD_NAME, str(answer.status_code))
        wire.leave(world.faults, request.environ, DOWNLOAD_NAME, DOWNLOAD)
        return answer


def _faulty(fault: Fault) -> Response:
    return refusal_answer(Refusal(fault.code or "SYSTEM_ERROR", "系统异常，请稍后重试"))


def _file(world: World, desk: Desk) -> Response:
    try:
        asked = gate.read_request()
        provider = sign.authenticate(world, asked)
        ticket = desk.tickets.get(request.args.get("token", ""))
        if ticket is None:
            raise Refusal("PARAM_ERROR", "token无效")
        if ticket.sp_mchid != provider.sp_mchid:
            raise Refusal("NO_AUTH", "无权下载该账单")
        if world.clock.time() >= ticket.until:
            raise Refusal("INVALID_REQUEST", "下载地址已过期，请重新申请")
    except Refusal as no:
        return refusal_answer(no)
    return Response(ticket.body, content_type="application/octet-stream")
