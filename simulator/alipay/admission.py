"""The common parameters, checked in upstream's order. Source: alipay.md 1.2, 1.3, 1.5, 3.4.

Method, app, signature, time, version, format, addresses, token, business parameters.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from simulator import second, strict_json
from simulator.alipay import signing
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import BadField, check
from simulator.alipay.inbound import CHARSETS, Arrival
from simulator.alipay.methods import METHODS, Method
from simulator.alipay.state import Alipay, Call
from simulator.alipay.tokens import merchant_of, token_state
from simulator.clock import SHANGHAI
from simulator.parties import AlipayApp, AlipayMerchant

_OFFICIAL = "app_id method format return_url charset sign_type sign timestamp version notify_url"
_FURTHER = "auth_token app_auth_token app_cert_sn alipay_root_cert_sn encrypt_type biz_content"
_OF_SDKS = "alipay_sdk terminal_type terminal_info prod_code target_app_id ws_service_url"
COMMON = frozenset(f"{_OFFICIAL} {_FURTHER} {_OF_SDKS}".split())
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_STATES = {
    "invalid": "aop.invalid-app-auth-token",
    "expired": "aop.app-auth-token-time-out",
    "no_api": "aop.invalid-app-auth-token-no-api",
}


def admit(sim: Alipay, arrival: Arrival) -> Call:
    params = arrival.params
    method = _method(params)
    app = _app(sim, params)
    _signature(sim, app, arrival)
    if sim.switch("app_state") == "offline":
        raise Refusal("isv.insufficient-isv-permissions")
    _moment(sim, params)
    _form(sim, method, params)
    merchant = _merchant(sim, app, method, params)
    biz = _business(sim, method, params)
    return Call(sim, method.name, params, arrival.codec, app, merchant, biz)


def _method(params: dict[str, str]) -> Method:
    name = params.get("method")
    if not name:
        raise Refusal("isv.missing-method", is_signed=False)
    if name not in METHODS:
        raise Refusal("isv.invalid-method", is_signed=False)
    return METHODS[name]


def _app(sim: Alipay, params: dict[str, str]) -> AlipayApp:
    if not params.get("app_id"):
        raise Refusal("isv.missing-app-id", is_signed=False)
    app = sim.world.alipay.get(params["app_id"])
    if app is None:
        raise Refusal("isv.invalid-app-id", is_signed=False)
    return app


def _signature(sim: Alipay, app: AlipayApp, arrival: Arrival) -> None:
    """The non-empty parameters first, then all that were received."""
    params = arrival.params
    if not params.get("sign"):
        raise Refusal("isv.missing-signature")
    if not params.get("sign_type"):
        raise Refusal("isv.missing-signature-type")
    if params["sign_type"] != "RSA2":
        raise Refusal("isv.invalid-signature-type")
    if params.get("charset", "").lower() not in CHARSETS:
        raise Refusal("isv.invalid-charset")
    keys = [key.public_key() for key in second.app_keys(sim.world, app.app_id)]
    for keeps_empty in (False, True):
        text = signing.content(params, "sign", keeps_empty=keeps_empty)
        raw = text.encode(arrival.codec, "replace")
        if any(signing.verifies(key, raw, params["sign"]) for key in keys):
            return
    built = signing.content(params, "sign").replace("&", "&amp;")
    raise Refusal(
        "isv.invalid-signature",
        "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，"
        f"网关生成的验签字符串为：{built}",
    )


def _moment(sim: Alipay, params: dict[str, str]) -> None:
    text = params.get("timestamp", "")
    if not text:
        raise Refusal("isv.missing-timestamp")
    try:
        at = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        raise Refusal("isv.invalid-timestamp") from None
    off = abs(at.timestamp() - sim.world.clock.time())
    most = float(sim.switch("timestamp_skew_s"))
    if not _MOMENT.fullmatch(text) or (most and off > most):
        raise Refusal("isv.invalid-timestamp")


def _form(sim: Alipay, method: Method, params: dict[str, str]) -> None:
    if not params.get("version"):
        raise Refusal("isv.missing-version")
    if params["version"] != "1.0":
        raise Refusal("isv.invalid-parameter", "参数无效：version")
    if params.get("format", "JSON").upper() != "JSON":
        raise Refusal("isv.invalid-format")
    if params.get("encrypt_type"):
        known = params["encrypt_type"] == "AES"
        raise Refusal(f"isv.decryption-error-not-valid-encrypt-{'key' if known else 'type'}")
    for name in ("notify_url", "return_url"):
        url = params.get(name, "")
        if url and (len(url) > 256 or not url.startswith(("http://", "https://"))):
            raise Refusal("isv.invalid-parameter", f"参数无效：{name}")
    own = {f.name for f in method.table} if method.is_flat else set()
    for name in params.keys() - COMMON - own:
        if sim.switch("unknown_fields") == "refuse":
            raise Refusal("isv.invalid-parameter", f"参数无效：{name} 不是公共参数")


def _merchant(
    sim: Alipay, app: AlipayApp, method: Method, params: dict[str, str]
) -> AlipayMerchant | None:
    """Whom the call is for. An ISV's app may not trade for itself (3.4)."""
    token = params.get("app_auth_token")
    if not token:
        if method.needs_token:
            raise Refusal("isv.self-invoke-forbidden")
        return None
    merchant = merchant_of(sim, app, token)
    if merchant is None:
        raise Refusal("aop.invalid-app-auth-token")
    state = token_state(sim, merchant)
    if state != "valid":
        raise Refusal(_STATES.get(state, state))
    return merchant


def _business(sim: Alipay, method: Method, params: dict[str, str]) -> dict[str, Any]:
    if method.is_flat:
        biz: dict[str, Any] = {k: v for k, v in params.items() if k not in COMMON}
    else:
        biz = _parsed(params.get("biz_content") or "{}")
    strict = sim.switch("unknown_fields") == "refuse"
    try:
        check(method.table, biz, is_unknown_refused=strict)
    except BadField as bad:
        raise Refusal(bad.sub_code or method.bad, f"参数无效：{bad}") from None
    return {k: v for k, v in biz.items() if v is not None}


def _parsed(text: str) -> dict[str, Any]:
    """One JSON object without a name twice, NaN or Infinity. Fractions stay exact."""
    try:
        biz = strict_json.read(text, Decimal)
    except ValueError:
        raise Refusal("isv.invalid-parameter", "参数无效：biz_content") from None
    if not isinstance(biz, dict):
        raise Refusal("isv.invalid-parameter", "参数无效：biz_content 应为对象")
    return biz
