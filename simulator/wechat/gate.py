"""The way in and out of every /v3 operation: faults, signature, parameters, work, signed answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from simulator import strict_json, wire
from simulator.faults import Fault
from simulator.parties import WechatProvider
from simulator.wechat import fields, rates, sign
from simulator.wechat.errors import (
    BAD_PARAMETER,
    OK,
    STATUS,
    Refusal,
    refusal_answer,
    request_id,
    to_json,
)
from simulator.world import World

BODY_LIMIT = 64 * 1024
Work = Callable[[World, WechatProvider, dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True)
class Operation:
    """`name` is the fault name and the key of its field table; a None answer is 204."""

    name: str
    method: str
    rule: str
    work: Work
    alias: str = ""  # another fault name that also means this operation


def mount(app: Flask, world: World, operation: Operation) -> None:
    def view(**path: str) -> Response:
        return _serve(world, operation, path)

    app.add_url_rule(
        operation.rule,
        operation.name,
        view,
        methods=[operation.method],
        provide_automatic_options=False,
    )


def _serve(world: World, operation: Operation, path: dict[str, str]) -> Response:
    if request.method != operation.method:  # werkzeug adds HEAD to GET
        return Response(status=405)
    names = tuple(n for n in (operation.name, operation.alias, request.path, operation.rule) if n)
    fault = wire.arrive(world.faults, request.environ, *names)
    if fault is not None:
        return _failed(world, operation, path, fault)
    number = path.get("out_trade_no", "")
    try:
        asked = read_request()
        provider = sign.authenticate(world, asked)
        serial = sign.answers_with(world, provider, asked)
        with rates.counted(world, provider.sp_mchid, operation.name):
            params = _parameters(operation, asked, path)
            number = str(params.get("out_trade_no", ""))
            result = operation.work(world, provider, params)
    except Refusal as no:
        world.note("in", operation.name, f"{no.status} {no.code} {no.message}", number)
        answer = refusal_answer(no)
    else:
        world.note("in", operation.name, "ok", number)
        if result and "amount" in result and world.faults.take("wrong_amount", *names):
            result["amount"] = _one_fen_more(result["amount"])
        answer = _signed(world, provider, serial, result, names)
    wire.leave(world.faults, request.environ, *names)
    return answer


def _failed(world: World, operation: Operation, path: dict[str, str], fault: Fault) -> Response:
    world.note("in", operation.name, f"fault {fault.kind}", path.get("out_trade_no", ""))
    if fault.kind == "drop":
        return Response(status=500)  # nobody hears it
    code = fault.code or "SYSTEM_ERROR"
    words = {500: "系统异常，请稍后重试", 429: "频率限制，请降低请求频率"}
    message = words.get(STATUS.get(code, 400), "请求失败")
    return refusal_answer(Refusal(code, message))


def read_request() -> sign.Asked:
    try:
        body = request.get_data(cache=False)
    except HTTPException:  # above the app's limit, or cut off
        raise Refusal("INVALID_REQUEST", "请求体过大或不完整") from None
    if len(body) > BODY_LIMIT:
        raise Refusal("INVALID_REQUEST", "请求体过大")
    target = wire.raw_target(request.environ)
    headers = {name.lower(): value for name, value in request.headers.items()}
    is_pay = target.startswith("/v3/pay/")
    return sign.Asked(request.method, target, body, headers, is_pay)


def _parameters(operation: Operation, asked: sign.Asked, path: dict[str, str]) -> dict[str, Any]:
    """Path, query and body together, each checked against the operation's table."""
    query = _query(asked.target)
    body = _body(asked)
    fields.check(operation.name, "url", dict(path))
    fields.check(operation.name, "query", query)
    fields.check(operation.name, "body", body)
    return {**body, **query, **path}


def _query(target: str) -> dict[str, Any]:
    _, _, text = target.partition("?")
    pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
    if len({name for name, _ in pairs}) != len(pairs):
        raise Refusal("PARAM_ERROR", "请求参数重复", BAD_PARAMETER)
    return dict(pairs)


def _body(asked: sign.Asked) -> dict[str, Any]:
    if asked.method == "GET":
        if asked.body:
            raise Refusal("INVALID_REQUEST", "GET请求不应携带请求体")
        return {}
    kind = asked.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and asked.body:
        raise Refusal("INVALID_REQUEST", "Http头Content-Type应为application/json")
    try:
        value = strict_json.read(asked.body)
    except ValueError:
        raise Refusal("PARAM_ERROR", "请求体不是合法的JSON格式") from None
    if not isinstance(value, dict):
        raise Refusal("PARAM_ERROR", "请求体应为JSON对象")
    return value


def _one_fen_more(amount: dict[str, Any]) -> dict[str, Any]:
    return {k: v + 1 if isinstance(v, int) else v for k, v in amount.items()}


def _signed(
    world: World,
    provider: WechatProvider,
    serial: str,
    result: dict[str, Any] | None,
    names: tuple[str, ...],
) -> Response:
    body = b"" if result is None else to_json(result)
    answer = Response(body, 204 if result is None else 200)
    if result is not None:
        answer.content_type = "application/json; charset=utf-8"
    spoilt = "bad" if world.faults.take("bad_signature", *names) else ""
    if not spoilt and world.switches.get("wechat.probe") in ("answers", "both"):
        spoilt = "probe"
    headers = sign.signature_headers(world, provider, serial, body, spoilt)
    answer.headers.update(headers)
    answer.headers["Request-ID"] = request_id(OK)
    return answer
