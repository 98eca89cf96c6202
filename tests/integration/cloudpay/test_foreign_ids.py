"""No method tells or changes what another merchant owns: generated from the method table.

For every method and every id in its content: the owner's call succeeds; the same id in a stranger's
call is answered byte for byte as an id that nobody has, `log_id` apart.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Key, Method
from services.cloudpay.table import TABLE
from tests.harness.cloudpay import Till
from tests.harness.cloudpay_contents import MAKERS, Content, Party
from tests.harness.product import Product

PARTIES = frozenset({"out_mch_id", "out_sub_mch_id", "osmi", "out_shop_id", "osi"})
NUMBERS = frozenset({"out_trade_no", "otn", "out_refund_no", "out_freeze_no", "out_unfreeze_no"})
THINGS = frozenset({"sn_code", "sn", "token"})
# A till calls itself what it likes; only these methods look a device up by it.
BY_DEVICE = frozenset({"unbind_device_sn_code", "check_bill_device_bind_info", "device_report",
                       "device_info_report"})  # fmt: skip


def ids(method: Method, content: Content, before: str = "") -> Iterator[tuple[str, str]]:
    """(path, id) of all that somebody owns; a number that the call makes is nobody's yet."""
    made = method.once.number if method.once else ""
    for name, value in content.items():
        path = before + name
        if isinstance(value, dict):
            yield from ids(method, value, path + ".")
        elif path == made or not isinstance(value, str) or not value:
            continue
        elif name in PARTIES | NUMBERS | THINGS or (
            name == "device_id" and method.name in BY_DEVICE
        ):
            yield path, value


def put(content: Content, path: str, value: str) -> Content:
    made = copy.deepcopy(content)
    *way, last = path.split(".")
    place = made
    for name in way:
        place = place[name]
    place[last] = value
    return made


def like(value: str) -> str:
    """As `value`, and nobody's: its last half in other characters of the same kind."""
    half = len(value) // 2
    turned = {"9": "0", "z": "a", "Z": "A"}
    return value[:half] + "".join(
        turned.get(c, chr(ord(c) + 1)) if c.isalnum() else c for c in value[half:]
    )


def send(party: Party, method: Method, content: Content) -> dict[str, Any]:
    till = party.till
    if method.key is Key.DEVICE:
        key = party.ids.get("init_key:" + content["sn_code"])
        till = party.of_machine(content["sn_code"]) if key else till
    if method.envelope is Envelope.BRIEF:
        return till.brief(method.name, content)
    return till.call(method.name, content)


def heard(answer: dict[str, Any]) -> str:
    """Everything that an answer says, but for what is its own each time."""
    own = {"log_id", "li"}
    if answer.get("status", answer.get("s")) == 0:
        own |= {"nonce_str", "ns"}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items() if name not in own}
        return [plain(inner) for inner in value] if isinstance(value, list) else value

    return json.dumps(plain(answer), sort_keys=True)


def books(product: Product, till: Till) -> list[tuple[Any, ...]]:
    rows = product.sql(
        "SELECT o.out_trade_no, o.status, o.refunded_fen, o.close_reason FROM pay_order o"
        " JOIN merchant m ON m.provider_id = o.provider_id AND m.id = o.merchant_id"
        " WHERE m.out_sub_mch_id = :m ORDER BY o.id",
        m=till.out_sub_mch_id,
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_method_has_a_content_that_succeeds(name: str) -> None:
    assert name in MAKERS, "write one in tests/harness/cloudpay_contents.py"


@pytest.mark.parametrize("where", ["a neighbour", "another provider"])
@pytest.mark.parametrize("method", TABLE.values(), ids=lambda method: method.name)
def test_a_foreign_id_is_nobody_s(product: Product, method: Method, where: str) -> None:
    owner = Party.open(product, Till.of(product))
    other = Till.of(product, 1) if where == "a neighbour" else Till.elsewhere(product)
    stranger = Party.open(product, other)
    theirs = MAKERS[method.name](owner)
    found = list(ids(method, theirs))
    assert found, "a method that names nobody"
    before = books(product, owner.till)
    own = MAKERS[method.name](stranger)
    for path, value in found:
        if _at(own, path) in (None, value):  # neighbours share their provider
            continue
        real = heard(send(stranger, method, put(own, path, value)))
        none = heard(send(stranger, method, put(own, path, like(value))))
        assert real == none, path
    assert books(product, owner.till) == before
    said = send(owner, method, theirs)  # it exists, is of the right kind, and answers its owner
    assert said.get("status", said.get("s")) == 0, said


def _at(content: Content, path: str) -> Any:
    place: Any = content
    for name in path.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    return place
