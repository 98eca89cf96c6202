"""The OpenAPI 3.1 description of the API, made from the method table.

What travels inside `request_content` and `response_content` is described by JSON Schema's own words
for JSON within a string: `contentMediaType` and `contentSchema`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Key, Method
from services.cloudpay.statuses import Internal, Status
from services.cloudpay.table import TABLE

_REF: Final = "#/components/schemas/{model}"
GROUPS: Final = {
    "pays": ("收款", "Payments"),
    "orders": ("订单与退款", "Orders and refunds"),
    "deposits": ("押金", "Deposits"),
    "lists": ("流水与汇总", "Lists and overviews"),
    "shops": ("商户与门店", "Merchant and shops"),
    "devices": ("收银机与设备", "Tills and devices"),
    "brief": ("设备精简接口", "Compact methods of devices"),
}
KEYS: Final = {
    Key.MERCHANT: ("商户的 authen_key", "the merchant's authen_key"),
    Key.DEVICE: ("设备的初始密钥", "the device's init key"),
    Key.NONE: ("无需签名", "none"),
}
_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Without the server's address: a client names its own."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Yima 一码付: Cloud Pay API",
            "version": "1.0.0",
            "description": (
                "Content travels as a JSON string that holds JSON, with an HMAC-SHA256 over exactly"
                " that string. HTTP 200 always; `status` inside says what happened."
            ),
        },
        "tags": [{"name": name, "description": en} for name, (_, en) in GROUPS.items()],
        "paths": {f"/cpay/{method.name}": {"post": _operation(method)} for method in TABLE.values()}
        | _FLAT,
        "components": {"schemas": _schemas() | _ENVELOPES},
    }


def _operation(method: Method) -> dict[str, Any]:
    zh, en = method.summary
    return {
        "operationId": method.name,
        "summary": en,
        "description": f"{zh}\n\nSigned with {KEYS[method.key][1]}.",
        "tags": [method.group],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _asked(method)}},
        },
        "responses": {
            "200": {
                "description": "Processed or refused; `status` in the content says which.",
                "content": {"application/json": {"schema": _answered(method)}},
            }
        },
    }


def _asked(method: Method) -> dict[str, Any]:
    content = _inside(_ref(method.asked.__name__))
    if method.envelope is Envelope.BRIEF:
        return _object({"r": content, "a": _CODE}, ["r", "a"])
    info = _ref("AuthenInfoOrSign" if method.takes_signature else "AuthenInfo")
    return _object({"request_content": content, "authen_info": info}, None)


def _answered(method: Method) -> dict[str, Any]:
    brief = method.envelope is Envelope.BRIEF
    base = _ref("BriefBase" if brief else "Base")
    if method.result is not None and method.told is not None:
        told = {"anyOf": [_ref(method.told.__name__), _ref("BriefNonce" if brief else "Nonce")]}
        names = (method.result, *method.also)
        base = {"allOf": [base, {"type": "object", "properties": dict.fromkeys(names, told)}]}
    if brief:
        return _object({"rc": _inside(base), "a": _CODE}, ["rc"])
    outer = {"response_content": _inside(base), "authen_info": _ref("AuthenInfo")}
    return _object(outer, ["response_content"])


def _schemas() -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for method in TABLE.values():
        wanted.append((method.asked, "validation"))
        if method.told is not None:
            wanted.append((method.told, "serialization"))
    _, made = models_json_schema(wanted, ref_template=_REF)
    return {name: _plain(schema) for name, schema in made.get("$defs", {}).items()}


def _plain(schema: Any) -> Any:
    """Without null (nothing of ours is ever null) and without generated titles."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    either = schema.get("anyOf")
    if isinstance(either, list) and {"type": "null"} in either:
        rest = [item for item in either if item != {"type": "null"}]
        schema = {k: v for k, v in schema.items() if k not in ("anyOf", "default")}
        schema |= rest[0] if len(rest) == 1 else {"anyOf": rest}
    drops = {"title"} if isinstance(schema.get("title"), str) else set()
    if schema.get("default") in (None, "", ()) and "default" in schema:
        drops.add("default")
    return {name: _plain(value) for name, value in schema.items() if name not in drops}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}


def _inside(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}


def _object(properties: dict[str, Any], required: list[str] | None) -> dict[str, Any]:
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names}


_CODE: Final = {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}
_A: Final = _object({"authen_type": {"const": 1}, "authen_code": _CODE}, ["authen_code"])
_S: Final = _object({"sign_type": {"const": 1}, "sign": _TEXT}, ["sign"])
_BASE: Final = {
    "status": {"enum": [int(status) for status in Status]},
    "description": _TEXT,
    "log_id": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "internal_status": {"enum": sorted(int(internal) for internal in Internal)},
}
_ENVELOPES: Final = {
    "AuthenInfo": _object({"a": _A}, None),
    "AuthenInfoOrSign": {"type": "object", "properties": {"a": _A, "s": _S}},
    "Base": _object(_BASE, None),
    "BriefBase": _object(dict(zip(("s", "d", "li", "is"), _BASE.values(), strict=True)), None),
    "Nonce": _object({"nonce_str": _TEXT}, None),
    "BriefNonce": _object({"ns": _TEXT}, None),
}
_PING: Final = {
    "operationId": "ping",
    "summary": "Whether the service lives, and its clock.",
    "tags": ["devices"],
    "requestBody": {"content": {"application/json": {"schema": {}}}},
    "responses": {
        "200": {
            "description": "Flat, without an envelope.",
            "content": {
                "application/json": {
                    "schema": _object(
                        {"status": {"const": 0}, "description": _TEXT, "timestamp": _WHOLE}, None
                    )
                }
            },
        }
    },
}
_SETTING: Final = {
    "operationId": "use_device_setting",
    "summary": "What a device needs, for the code of the QR that was scanned; good for 5 minutes.",
    "tags": ["devices"],
    "parameters": [
        {"name": name, "in": "query", "required": True, "schema": _TEXT, "description": said}
        for name, said in (
            ("osi", "out_shop_id"),
            ("si", "the code of the QR: a secret"),
            ("sn", "the device's serial number"),
        )
    ],
    "responses": {
        "200": {
            "description": "Flat, without an envelope.",
            "content": {"application/json": {"schema": _object(_BASE, None)}},
        }
    },
}
_FLAT: Final[dict[str, Any]] = {
    "/cpay/ping": {"post": _PING},
    "/cpay/use_device_setting": {"get": _SETTING},
}
