"""Refusals generated from the simulator's field tables: each is sent correctly signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from simulator.wechat.fields import TABLES, Field
from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Answer, Merchant
from tests.simulator.wechat.conftest import openid_for
from tests.simulator.wechat.samples import ORDERS, Sample, sample

WRONG_TYPE: dict[str, Any] = {
    "str": 7,
    "int": "1230",
    "bool": "true",
    "object": "x",
    "list": "x",
}
EXTRA_NUMBER = 270924358
REMOVE = object()


@dataclass(frozen=True)
class Case:
    operation: str
    path: str
    what: str
    where: str
    value: Any
    number: int = 0  # 0: not looked at

    def __str__(self) -> str:
        return f"{self.operation}-{self.path}-{self.what}"


def too_long(field: Field) -> str:
    return "1" * (field.high + 1)


def text_cases(field: Field) -> Iterator[tuple[str, Any]]:
    yield "empty", ""
    yield "one too long", too_long(field)
    if field.low > 1:
        yield "one too short", "1" * (field.low - 1)
    if field.pattern:
        yield "foreign character", "12345678!"
    if field.options:
        yield "not an option", "XYZ"


def number_cases(field: Field) -> Iterator[tuple[str, Any]]:
    yield "below", field.low - 1
    yield "above", field.high + 1
    yield "true", True
    yield "fraction", 12.5
    yield "whole float", 12.0


def is_of_text(field: Field, table: tuple[Field, ...]) -> bool:
    """A list of text: its entries are no objects."""
    return any(other.path == f"{field.path}[]" and other.kind == "str" for other in table)


def body_cases(field: Field) -> Iterator[tuple[str, Any]]:
    if field.required and not field.path.endswith("[]"):  # an entry that is missing is none
        yield "missing", REMOVE
    yield "wrong type", WRONG_TYPE[field.kind]
    yield "null", None
    if field.kind == "str":
        yield from text_cases(field)
    if field.kind == "int":
        yield from number_cases(field)
    if field.kind == "list":
        if field.low:
            yield "empty list", []
        yield "list of numbers", [7]


def address_cases(field: Field) -> Iterator[tuple[str, Any]]:
    """In the query or the path everything is text, and a path part cannot be left out."""
    if field.where == "query":
        if field.required:
            yield "missing", REMOVE
        yield "empty", ""
    yield "one too long", too_long(field)
    yield "foreign character", "12345678%21"
    if field.low > 1:
        yield "one too short", "1" * (field.low - 1)


def cases() -> Iterator[Case]:
    for operation, table in TABLES.items():
        for field in table:
            made = body_cases if field.where == "body" else address_cases
            for what, value in made(field):
                yield Case(operation, field.path, what, field.where, value)
            if field.kind == "object" or (field.kind == "list" and not is_of_text(field, table)):
                inside = field.path + ("[]" if field.kind == "list" else "") + ".stranger"
                yield Case(operation, inside, "unknown", "body", "x", EXTRA_NUMBER)
        if any(field.where == "body" for field in table):
            yield Case(operation, "stranger", "unknown", "body", "x", EXTRA_NUMBER)
        yield Case(operation, "stranger", "unknown", "query", "x", EXTRA_NUMBER)


CASES = list(cases())


def put(target: Any, path: str, value: Any) -> None:
    *way, last = path.replace("[]", ".0").split(".")
    for step in way:
        target = target[int(step)] if isinstance(target, list) else target[step]
    place: Any = int(last) if isinstance(target, list) else last
    if value is REMOVE:
        del target[place]
    else:
        target[place] = value


@pytest.fixture(scope="module")
def make(simulator: Simulator, merchant_session: Merchant) -> Callable[[str], Sample]:
    simulator.post("/sim/reset")
    creds = merchant_session.creds
    sub = creds["merchants"][0]
    openid = openid_for(simulator, creds["sp_appid"], creds["oa_secret"], "lin")
    sub_openid = openid_for(simulator, sub["sub_appids"][0], sub["oa_secret"], "lin")
    return lambda operation: sample(operation, merchant_session, openid, sub_openid)


@pytest.fixture
def refused(make: Callable[[str], Sample], merchant_session: Merchant) -> Callable[[Case], Answer]:
    def send(case: Case) -> Answer:
        request = make(case.operation)
        part = getattr(request, case.where)
        put(part, case.path, case.value)
        return request.send(merchant_session)

    return send


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 300
    assert len({str(c) + c.where for c in CASES}) == len(CASES)


@pytest.mark.parametrize("operation", ORDERS)
def test_the_full_order_is_accepted(
    operation: str, make: Callable[[str], Sample], merchant_session: Merchant
) -> None:
    answer = make(operation).send(merchant_session)
    assert answer.status == 200, answer.body.decode()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_refused(case: Case, refused: Callable[[Case], Answer]) -> None:
    answer = refused(case)
    assert (answer.status, answer.code) == (400, "PARAM_ERROR"), answer.body.decode()
    detail = answer.json["detail"]
    if case.number:
        assert answer.number == case.number
        assert detail["location"] is None
        assert detail["value"][0].endswith("/stranger")
    else:
        assert set(detail) == {"field", "value", "issue", "location"}
        assert detail["location"] == case.where
        assert answer.json["message"].startswith(f"输入源“/{case.where}/")
    assert not [name for name in answer.headers if name.startswith("wechatpay-")]
