"""特约商户进件: applications, how they stand, what time does to them. Source: wechat.md E1, A4."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from flask import request

from simulator.applyment_state import MESSAGES, PREFIX, Form
from simulator.parties import WechatMerchant, WechatProvider
from simulator.wechat import applyment_fields, deposit_rules, gate, rules, sign
from simulator.wechat.errors import Refusal
from simulator.world import World

ROOT: Final = "/v3/applyment4sub/applyment"
DAY_S: Final = 86400
CONFIRM_S, SIGN_S, OPEN_S = 10 * DAY_S, 30 * DAY_S, 30 * 60
PACE: Final = "wechat.applyment_pace"
SWITCHES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "applyment_pace": (
        "manual",
        ("manual", "quick"),
        "quick: each question moves an application one state on, up to the signature",
    ),
}
_OAEP: Final = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
_AGAIN: Final = ("EDITTING", "REJECTED")


def submit(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, Any]:
    opened = _opened(world, provider, params)
    _check_rules(params)
    media = list(_media(params))
    code = str(params["business_code"])
    with world.lock:
        for path, number in media:
            known = world.applyments.media.get(number)
            if known is None or known.sp_mchid != provider.sp_mchid:
                raise _wrong(path, "图片不存在或不属于该服务商")
        old = world.applyments.forms.get(code)
        if old is not None and (old.sp_mchid != provider.sp_mchid or old.state not in _AGAIN):
            raise Refusal("RESOURCE_ALREADY_EXISTS", "该业务申请编号存在流程进行中的申请单")
        form = Form(
            applyment_id=old.applyment_id if old else 2000002124775691 + secrets.randbelow(10**9),
            business_code=code, sp_mchid=provider.sp_mchid, since=world.clock.time(),
            name=params["subject_info"]["business_license_info"]["merchant_name"],
            short_name=params["business_info"]["merchant_shortname"],
            opened=opened, media=[number for _, number in media],
        )  # fmt: skip
        world.applyments.forms[code] = form
        world.applyments.save()
    return {"applyment_id": form.applyment_id}


def query(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, Any]:
    with world.lock:
        form = _found(world, provider, params)
        if world.switches.get(PACE) == "quick" and form.state in _QUICK:
            move(world, form, _QUICK[form.state])
        age(world, form)
        return _answer(form)


_QUICK: Final = {
    "AUDITING": "TO_BE_CONFIRMED", "TO_BE_CONFIRMED": "TO_BE_SIGNED", "SIGNING": "FINISHED",
}  # fmt: skip


def _found(world: World, provider: WechatProvider, params: dict[str, Any]) -> Form:
    code, number = params.get("business_code"), params.get("applyment_id")
    for form in world.applyments.forms.values():
        if form.sp_mchid == provider.sp_mchid and (
            form.business_code == code or str(form.applyment_id) == number
        ):
            return form
    raise Refusal("APPLYMENT_NOTEXIST", "申请单不存在", status=404)


def _answer(form: Form) -> dict[str, Any]:
    said: dict[str, Any] = {
        "business_code": form.business_code,
        "applyment_id": form.applyment_id,
        "applyment_state": PREFIX + form.state,
        "applyment_state_msg": MESSAGES[form.state],
    }
    if form.sub_mchid:
        said["sub_mchid"] = form.sub_mchid
    if form.sign_token and form.state in ("TO_BE_CONFIRMED", "TO_BE_SIGNED"):
        said["sign_url"] = f"{request.host_url}sim/applyments/sign/{form.sign_token}"
    if form.state == "REJECTED":
        said["audit_detail"] = form.details
    return said


def move(world: World, form: Form, state: str, details: list[dict[str, str]] | None = None) -> None:
    """Put it into a state, as WeChat's people or the merchant's do. Callers hold the lock."""
    form.state, form.since, form.details = state, world.clock.time(), details or []
    if state in ("TO_BE_CONFIRMED", "TO_BE_SIGNED") and not form.sign_token:
        form.sign_token = secrets.token_urlsafe(18)
    if state == "FINISHED":
        form.finished_at = world.clock.time()
        form.sub_mchid = form.sub_mchid or f"16{secrets.randbelow(10**8):08d}"
        admit(world, form)
    world.applyments.save()


def age(world: World, form: Form) -> None:
    """What waiting does. Callers hold the lock."""
    waited = world.clock.time() - form.since
    if form.state == "TO_BE_CONFIRMED" and waited > CONFIRM_S:
        late = {"field": "", "field_name": "账户验证", "reject_reason": "超过 10 天未验证账户"}
        move(world, form, "REJECTED", [late])
    elif form.state == "TO_BE_SIGNED" and waited > SIGN_S:
        move(world, form, "CANCELED")
    elif form.state == "SIGNING" and waited > OPEN_S:
        move(world, form, "FINISHED")


def admit(world: World, form: Form) -> None:
    """From now on it is a sub-merchant that can be paid."""
    provider = world.wechat.get(form.sp_mchid)
    if provider is not None and form.sub_mchid:
        merchant = WechatMerchant(form.sub_mchid, form.short_name)
        provider.merchants[form.sub_mchid] = merchant
        rules.declare_merchant(world, merchant)
        deposit_rules.declare_merchant(world, merchant)


def admit_all(world: World) -> None:
    """After a start anew."""
    for form in world.applyments.forms.values():
        if form.state == "FINISHED":
            admit(world, form)


def _opened(world: World, provider: WechatProvider, params: dict[str, Any]) -> dict[str, str]:
    """Every sensitive field, decrypted with the key that Wechatpay-Serial names: plain ones do
    not open."""
    serial = request.headers.get("Wechatpay-Serial", "")
    if not serial:
        raise Refusal("PARAM_ERROR", "含敏感信息的请求必须携带Wechatpay-Serial")
    key = (
        sign.public_identity_key(world, provider, serial)
        if serial.startswith("PUB_KEY_ID_")
        else world.keys.get(f"wechat-platform:{provider.sp_mchid}")
    )
    opened: dict[str, str] = {}
    for path, (pattern, label) in applyment_fields.SEALED.items():
        said = _at(params, path)
        if said is None:
            continue
        try:
            plain = key.decrypt(base64.b64decode(said, validate=True), _OAEP).decode()
        except ValueError:
            raise _wrong(path, f"{label}解密失败，请用微信支付公钥或平台证书加密") from None
        if not re.fullmatch(pattern, plain):
            raise _wrong(path, f"{label}格式错误")
        opened[path] = plain
    return opened


def _check_rules(params: dict[str, Any]) -> None:
    subject, bank = params["subject_info"], params["bank_account_info"]
    contact, scenes = params["contact_info"], params["business_info"]["sales_info"]
    is_company = subject["subject_type"] == "SUBJECT_TYPE_ENTERPRISE"
    if is_company and bank["bank_account_type"] != "BANK_ACCOUNT_TYPE_CORPORATE":
        raise _wrong("bank_account_info.bank_account_type", "企业只能使用对公银行账户")
    if is_company and "id_card_address" not in subject["identity_info"]["id_card_info"]:
        path = "subject_info.identity_info.id_card_info.id_card_address"
        raise _wrong(path, "主体为企业时，需填写身份证居住地址")
    if "biz_store_info" not in scenes:
        raise _wrong("business_info.sales_info.biz_store_info", "线下场所场景必填")
    if contact["contact_type"] == "SUPER":
        for name in ("contact_id_number", "contact_id_doc_copy", "business_authorization_letter"):
            if name not in contact:
                raise _wrong(f"contact_info.{name}", "超级管理员为经办人时必填")


def _media(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path in applyment_fields.MEDIA:
        if (found := _at(params, path)) is not None:
            yield path, found
    for path in applyment_fields.MEDIA_LISTS:
        for one in _at(params, path) or []:
            yield path, one


def _at(params: dict[str, Any], path: str) -> Any:
    found: Any = params
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _wrong(path: str, why: str) -> Refusal:
    detail = {"field": "/body/" + path.replace(".", "/"), "issue": why, "location": "body"}
    return Refusal("PARAM_ERROR", why, detail=detail)


OPERATIONS = (
    gate.Operation("wechat.applyment_submit", "POST", f"{ROOT}/", submit),
    gate.Operation("wechat.applyment_query", "GET", f"{ROOT}/business_code/<business_code>", query),
    gate.Operation(
        "wechat.applyment_query_id", "GET", f"{ROOT}/applyment_id/<applyment_id>", query,
        alias="wechat.applyment_query",
    ),
)  # fmt: skip
