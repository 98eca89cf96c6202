"""The way in and out of every APIv2 operation: always HTTP 200, signed with the APIv2 key.

`return_code` FAIL is said before anybody is known and is not signed; `result_code` FAIL is. Source:
wechat.md A8. `/secapi/…` and what moves deposits want the provider's API certificate: over
loopback HTTP it comes in the header X-SSL-Client-Cert (URL-encoded PEM), as a TLS front hands it
on; the switch `wechat.mutual_tls` lets callers in without.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from cryptography import x509
from flask import Flask, Response, request

from simulator import second, wire
from simulator.parties import WechatProvider
from simulator.wechat import sign, v2_wire
from simulator.world import World

Fields = dict[str, str]
Work = Callable[[World, WechatProvider, Fields], Fields]
CERT_HEADER = "X-SSL-Client-Cert"


class NotRead(Exception):
    """`return_code` FAIL with this message: nobody could be told apart."""


class No(Exception):
    """`result_code` FAIL; `more` are further fields of the answer, as a reversal's `recall`."""

    def __init__(self, err_code: str, words: str, **more: str) -> None:
        super().__init__(words)
        self.fields = {
            "result_code": "FAIL",
            "err_code": err_code,
            "err_code_des": words,
            **more,
        }


@dataclass(frozen=True)
class Field:
    pattern: str
    required: bool = False
    max_bytes: int = 0


@dataclass(frozen=True)
class V2Operation:
    name: str
    rule: str
    work: Work
    table: dict[str, Field]
    needs_certificate: bool = False
    needs_hmac: bool = False


def text(most: int, *, required: bool = False) -> Field:
    return Field(r"[^\x00-\x08]+", required, most)


IDENTITY = {
    "appid": Field(r"wx[0-9a-z]{16}", True),
    "sub_appid": Field(r"wx[0-9a-z]{16}"),
    "mch_id": Field(r"[0-9]{8,10}", True),
    "sub_mch_id": Field(r"[0-9]{8,10}", True),
    "nonce_str": Field(r"[0-9A-Za-z]{1,32}", True),
    "sign": Field(r"[0-9A-F]{32}|[0-9A-F]{64}", True),
    "sign_type": Field(r"MD5|HMAC-SHA256"),
}


def mount(app: Flask, world: World, operation: V2Operation) -> None:
    def view() -> Response:
        return _serve(world, operation)

    app.add_url_rule(
        operation.rule,
        operation.name,
        view,
        methods=["POST"],
        provide_automatic_options=False,
    )


def _serve(world: World, operation: V2Operation) -> Response:
    names = (operation.name, operation.rule)
    late = wire.arrive(world.faults, request.environ, *names)
    if late is not None and late.kind == "drop":
        return Response(status=500)  # nobody hears it
    number = ""
    try:
        fields = _asked()
        number = fields.get("out_trade_no", "")
        provider, kind = _known(world, operation, fields)
    except NotRead as no:
        world.note("in", operation.name, str(no), number)
        body = v2_wire.write({"return_code": "FAIL", "return_msg": str(no)})
        return Response(body, content_type="text/xml; charset=utf-8")
    try:
        if late is not None:
            raise No(late.code or "SYSTEMERROR", "系统超时")
        _check_fields(operation, fields)
        said = operation.work(world, provider, fields)
        if "total_fee" in said and world.faults.take("wrong_amount", *names):
            said["total_fee"] = str(int(said["total_fee"]) + 1)
        said = {"result_code": "SUCCESS", **said}
    except No as no:
        said = no.fields
    world.note("in", operation.name, said.get("err_code", "ok"), number)
    answer = _signed(world, provider, fields, kind, said, names)
    wire.leave(world.faults, request.environ, *names)
    return answer


def _asked() -> Fields:
    body = request.get_data(cache=False)
    kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind not in ("application/xml", "text/xml", ""):
        raise NotRead("XML格式错误")
    try:
        return v2_wire.read(body)
    except v2_wire.BadXml:
        raise NotRead("XML格式错误") from None


def _known(world: World, operation: V2Operation, fields: Fields) -> tuple[WechatProvider, str]:
    """The provider that signed, and how."""
    provider = world.wechat.get(fields.get("mch_id", ""))
    if provider is None:
        raise NotRead("mch_id参数有误" if fields.get("mch_id") else "缺少参数mch_id")
    if operation.needs_certificate and world.switches.get("wechat.mutual_tls") == "on":
        _check_certificate(world, provider)
    kind = fields.get("sign_type") or v2_wire.MD5
    if kind not in (v2_wire.MD5, v2_wire.HMAC):
        raise NotRead("签名类型不支持")
    if operation.needs_hmac and kind != v2_wire.HMAC:
        raise NotRead("签名类型不支持，仅支持HMAC-SHA256")
    if not v2_wire.is_signed(fields, second.apiv2_key(world, provider), kind):
        raise NotRead("签名错误")
    return provider, kind


def _check_certificate(world: World, provider: WechatProvider) -> None:
    no = NotRead("证书出错，请登录微信支付商户平台下载证书")
    pem = unquote(request.headers.get(CERT_HEADER, ""))
    try:
        shown = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise no from None
    serial = f"{shown.serial_number:040X}"
    if serial not in second.merchant_serials(provider):
        raise no
    ours = sign.merchant_key(world, provider, serial).public_key().public_numbers()
    theirs = getattr(shown.public_key(), "public_numbers", lambda: None)()
    is_ended = world.switches.get("wechat.merchant_certificate") != "valid"
    if theirs != ours or (is_ended and serial == provider.serial):
        raise no


def _check_fields(operation: V2Operation, fields: Fields) -> None:
    for name, field in operation.table.items():
        value = fields.get(name, "")
        if not value:
            if field.required:
                raise No("LACK_PARAMS", f"缺少参数{name}")
            continue
        too_long = field.max_bytes and len(value.encode()) > field.max_bytes
        if too_long or not re.fullmatch(field.pattern, value, re.ASCII):
            raise No("PARAM_ERROR", f"参数{name}格式或长度错误")
    for name in fields:
        if name not in operation.table:
            raise No("PARAM_ERROR", f"{name}不是本接口的参数")


def _signed(
    world: World,
    provider: WechatProvider,
    asked: Fields,
    kind: str,
    said: Fields,
    names: tuple[str, ...],
) -> Response:
    own = {n: asked[n] for n in ("appid", "mch_id", "sub_appid", "sub_mch_id") if asked.get(n)}
    head = {"return_code": "SUCCESS", "return_msg": "OK", "nonce_str": secrets.token_hex(16)}
    fields = {n: v for n, v in {**head, **own, **said}.items() if v}
    if kind == v2_wire.HMAC:
        fields["sign_type"] = kind
    fields["sign"] = v2_wire.signature(fields, second.apiv2_key(world, provider), kind)
    if world.faults.take("bad_signature", *names):
        fields["sign"] = fields["sign"][1:] + ("0" if fields["sign"][0] != "0" else "1")
    return Response(v2_wire.write(fields), content_type="text/xml; charset=utf-8")
