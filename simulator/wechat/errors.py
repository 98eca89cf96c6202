"""Error answers: code, status, message, internal number. Source: wechat.md A0, A5, A12."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask import Response

# Status by code where nothing more special applies (A5, A7, A9); unknown codes answer 400.
STATUS = {
    "PARAM_ERROR": 400,
    "INVALID_REQUEST": 400,
    "APPID_MCHID_NOT_MATCH": 400,
    "MCH_NOT_EXISTS": 400,
    "ORDER_CLOSED": 400,
    "ORDERPAID": 400,
    "SIGN_ERROR": 401,
    "NO_AUTH": 403,
    "NOT_ENOUGH": 403,
    "USER_ACCOUNT_ABNORMAL": 403,
    "OUT_TRADE_NO_USED": 403,
    "RULE_LIMIT": 403,
    "TRADE_ERROR": 403,
    "ORDER_NOT_EXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "FREQUENCY_LIMITED": 429,
    "RATELIMIT_EXCEEDED": 429,
    "SYSTEM_ERROR": 500,
    "BANKERROR": 500,
}

# The digits after the last "-" of Request-ID (A12).
OK = 0
BAD_PARAMETER = 268435461
OUT_OF_RANGE = 268435464
EXTRA_PARAMETER = 270924358
BAD_SIGNATURE = 268443699
NO_RELATION = 268443701
SUB_MCHID_MISSING = 268443704
SUB_IS_OWN = 268443705
MERCHANT_DISABLED = 268443715
APPID_MCHID = 268445527
RATE = 268447840
MERCHANT_ORDER = 268447843
SUB_ORDER = 268447845
ORDER_EXPIRED = 268447914
COLLECTION_RESTRICTED = 268448010
ALREADY_PAID = 268449538
MUST_REVERSE = 268449641
OTHER_PARAMETERS = 268498688
REORDER_PAID = 268498689
OPENID_MISSING = 268501013
ORDER_UNKNOWN = 268512771


class Refusal(Exception):
    """An answer other than success; `number` None leaves the Request-ID header out (401 of pay)."""

    def __init__(
        self,
        code: str,
        message: str,
        number: int | None = BAD_PARAMETER,
        detail: dict[str, Any] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.number, self.detail = code, message, number, detail
        self.status = status or STATUS.get(code, 400)


def request_id(number: int) -> str:
    return f"08{secrets.token_hex(14).upper()}-{number}"


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def refusal_answer(no: Refusal) -> Response:
    """A 4xx or 5xx answer carries no `Wechatpay-*` headers (A1)."""
    body: dict[str, Any] = {"code": no.code, "message": no.message}
    if no.detail is not None:
        body["detail"] = no.detail
    answer = Response(to_json(body), no.status, content_type="application/json; charset=utf-8")
    if no.number is not None:
        answer.headers["Request-ID"] = request_id(no.number)
    return answer
