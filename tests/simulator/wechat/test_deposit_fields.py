"""Refusals generated from the deposits' field tables: each is sent correctly signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from simulator.wechat import deposit_refunds, deposits
from simulator.wechat.v2_gate import Field
from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Merchant
from tests.simulator.wechat.deposit_client import HMAC, Deposits, deposits_of

OPERATIONS = {o.rule.rpartition("/")[2]: o for o in deposits.OPERATIONS} | {
    o.rule.rpartition("/")[2]: o for o in deposit_refunds.OPERATIONS
}
BY_THE_GATE = ("mch_id", "sign", "sign_type")  # looked at before the table is
REF, NUMBER = "4200002345202611221234567890", "DP0001"
PAID = {
    "deposit": "Y",
    "body": "押金",
    "out_trade_no": NUMBER,
    "total_fee": "1000",
    "spbill_create_ip": "127.0.0.1",
}
RIGHT: dict[str, dict[str, str]] = {
    "micropay": PAID | {"auth_code": "130000000000000000"},
    "facepay": PAID | {"openid": "oSim", "face_code": "f"},
    "orderquery": {"out_trade_no": NUMBER},
    "consume": {
        "out_trade_no": NUMBER,
        "total_fee": "1000",
        "consume_fee": "1",
        "fee_type": "CNY",
    },
    "reverse": {"out_trade_no": NUMBER},
    "refund": {
        "transaction_id": REF,
        "out_refund_no": "RF1",
        "total_fee": "1000",
        "refund_fee": "1",
    },
    "refundquery": {"out_refund_no": "RF1"},
}


class Case(NamedTuple):
    operation: str
    field: str
    what: str
    value: str | None
    code: str


def bad_values(field: Field) -> Iterator[tuple[str, str | None, str]]:
    if field.required:
        yield "missing", None, "LACK_PARAMS"
        yield "empty", "", "LACK_PARAMS"
    if field.max_bytes:
        yield "one too long", "1" * (field.max_bytes + 1), "PARAM_ERROR"
        yield "too long in bytes", "茶" * (field.max_bytes // 3 + 1), "PARAM_ERROR"
    else:
        yield "foreign", "茶!", "PARAM_ERROR"
        yield "far too long", "1" * 70, "PARAM_ERROR"
        yield "with a blank", "1 ", "PARAM_ERROR"


def cases() -> Iterator[Case]:
    for name, operation in OPERATIONS.items():
        for field, rule in operation.table.items():
            for what, value, code in bad_values(rule) if field not in BY_THE_GATE else ():
                yield Case(name, field, what, value, code)
        for stranger in ("stranger", "notify_url", "receipt"):
            yield Case(name, stranger, "unknown", "1", "PARAM_ERROR")


FILLED = ("nonce_str", "sub_mch_id")  # by the SDK, when they are left out
CASES = [c for c in cases() if c.what != "missing" or c.field not in FILLED]


@pytest.fixture(scope="module")
def desk(simulator: Simulator, merchant_session: Merchant) -> Deposits:
    simulator.post("/sim/reset")
    return deposits_of(simulator, merchant_session)


def ask(desk: Deposits, name: str, **changes: Any) -> str:
    return desk.refused(name, **RIGHT[name] | changes)


def test_there_are_enough_cases() -> None:
    assert len({(c.operation, c.field, c.what) for c in CASES}) == len(CASES) >= 250
    assert set(OPERATIONS) == set(RIGHT)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.operation}-{c.field}-{c.what}")
def test_a_wrong_field_is_refused(desk: Deposits, case: Case) -> None:
    assert ask(desk, case.operation, **{case.field: case.value}) == case.code


@pytest.mark.parametrize("name", RIGHT)
def test_the_requests_that_were_spoiled_are_right_themselves(desk: Deposits, name: str) -> None:
    """They fail for want of a code or of a deposit, not for their form."""
    wanted = {"micropay": "AUTH_CODE_ERROR", "facepay": "AUTH_CODE_ERROR"}
    found = "REFUNDNOTEXIST" if name == "refundquery" else "ORDERNOTEXIST"
    assert ask(desk, name, sign_type=HMAC) == wanted.get(name, found)
    assert desk.sim.get("/sim/freezes") == desk.sim.books() == []


def test_what_moves_money_and_nothing_else_asks_for_a_certificate() -> None:
    asking = {name for name, operation in OPERATIONS.items() if operation.needs_certificate}
    assert asking == {"consume", "reverse", "refund"}
    assert all(operation.needs_hmac for operation in OPERATIONS.values())
