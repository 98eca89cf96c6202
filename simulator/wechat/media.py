"""Pictures for applications: only their description is signed. Source: wechat.md A1, E1."""

from __future__ import annotations

import hashlib
import json
import secrets
from io import BytesIO
from typing import Any, Final

from flask import Flask, Response, request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from simulator import wire
from simulator.applyment_state import Media
from simulator.parties import WechatProvider
from simulator.wechat import gate, sign
from simulator.wechat.errors import Refusal, refusal_answer
from simulator.world import World

NAME: Final = "wechat.applyment_media"
RULE: Final = "/v3/merchant/media/upload"
MOST: Final = 2 * 1024 * 1024
BOUNDARY_MOST: Final = 70
# what a picture begins with, by the end of its name
BEGINS: Final = {
    "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n", "bmp": b"BM",
}  # fmt: skip


def mount(app: Flask, world: World) -> None:
    def view() -> Response:
        request.max_content_length = MOST + 64 * 1024
        fault = wire.arrive(world.faults, request.environ, NAME, RULE)
        if fault is not None:
            world.note("in", NAME, f"fault {fault.kind}")
            return Response(status=500)
        try:
            answer = _taken(world)
        except Refusal as no:
            world.note("in", NAME, f"{no.status} {no.code} {no.message}")
            answer = refusal_answer(no)
        wire.leave(world.faults, request.environ, NAME, RULE)
        return answer

    app.add_url_rule(RULE, NAME, view, methods=["POST"], provide_automatic_options=False)


def _taken(world: World) -> Response:
    form, files = _parts()
    meta, file = form.get("meta"), files.get("file")
    if meta is None or file is None or set(form) | set(files) != {"meta", "file"}:
        raise Refusal("PARAM_ERROR", "请求体应含meta和file两部分")
    content = file.read()
    headers = {name.lower(): value for name, value in request.headers.items()}
    target = wire.raw_target(request.environ)
    asked = sign.Asked("POST", target, meta.encode(), headers, False)
    provider = sign.authenticate(world, asked)
    serial = sign.answers_with(world, provider, asked)
    _check(meta, file.filename or "", content)
    number = f"V1_{secrets.token_urlsafe(60)}"
    _keep(world, provider, number, content)
    world.note("in", NAME, "ok")
    result: dict[str, Any] = {"media_id": number}
    return gate._signed(world, provider, serial, result, (NAME, RULE))


def _parts() -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """Texts and files. Where Content-Type names no boundary, the body's first line does.

    wechatpayv3 sends pictures so (its 2.0.4 and all before), and the people who use it get them in.
    """
    try:
        body = request.get_data()
    except HTTPException:
        raise Refusal("PARAM_ERROR", "图片大小不能超过2M") from None
    kind, options = parse_options_header(request.headers.get("Content-Type"))
    if kind == "multipart/form-data" and not options.get("boundary"):
        first = body.partition(b"\r\n")[0].removeprefix(b"--")
        options["boundary"] = first[:BOUNDARY_MOST].decode("latin-1")
    try:
        _, form, files = FormDataParser(silent=False).parse(BytesIO(body), kind, len(body), options)
    except (ValueError, HTTPException):
        raise Refusal("PARAM_ERROR", "请求体应含meta和file两部分") from None
    return form, files


def _check(meta: str, filename: str, content: bytes) -> None:
    try:
        said = json.loads(meta)
    except ValueError:
        raise Refusal("PARAM_ERROR", "meta不是合法的JSON") from None
    if not isinstance(said, dict) or set(said) != {"filename", "sha256"}:
        raise Refusal("PARAM_ERROR", "meta应只含filename和sha256")
    end = str(said["filename"]).rpartition(".")[2].lower()
    if end not in BEGINS or filename != said["filename"]:
        raise Refusal("PARAM_ERROR", "图片格式只支持JPG、PNG、BMP")
    if len(content) > MOST:
        raise Refusal("PARAM_ERROR", "图片大小不能超过2M")
    if hashlib.sha256(content).hexdigest() != said["sha256"]:
        raise Refusal("PARAM_ERROR", "图片sha256不匹配")
    if not content.startswith(BEGINS[end]):
        raise Refusal("PARAM_ERROR", "图片内容与格式不符")


def _keep(world: World, provider: WechatProvider, number: str, content: bytes) -> None:
    with world.lock:
        digest = hashlib.sha256(content).hexdigest()
        world.applyments.media[number] = Media(provider.sp_mchid, digest, len(content))
        world.applyments.save()
