"""How many calls are taken, in the words of the protocol; strangers lock nobody out."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from services.cloudpay.limits import Limits
from tests.harness.cloudpay import Till, code_of
from tests.harness.product import Product
from tests.integration.cloudpay.changing import with_settings

HOME, STRANGER = "198.51.100.7", "203.0.113.9"
BUSY = 1005


def said(till: Till, ip: str = HOME, key: str | None = None) -> tuple[int, int]:
    """A question about an order that nobody has, from an address; (status, internal status)."""
    text = json.dumps({"pay_mch_key": till.mch_key(), "out_trade_no": till.number()})
    till.http.environ_base["REMOTE_ADDR"] = ip
    content = till.read(till.send("query_order", text, key))
    return content["status"], content["internal_status"]


RIGHT = (104, 400)
WRONG = (101, 7)


def test_a_merchant_over_its_limit_is_told_to_come_again_and_others_are_served(
    product: Product,
) -> None:
    with_settings(product, cpay_merchant_per_minute=3)
    till, other = Till.of(product), Till.of(product, merchant=1)
    assert [said(till) for _ in range(4)] == [RIGHT] * 3 + [(103, BUSY)]
    assert said(till, STRANGER) == (103, BUSY), "it is the merchant that counts"
    assert "3秒后" in till.answers[-1]["description"]
    assert said(other) == RIGHT


def test_an_address_over_its_limit_hears_that_nothing_is_decided(product: Product) -> None:
    with_settings(product, cpay_address_per_minute=3)
    till = Till.of(product)
    assert [said(till) for _ in range(4)] == [RIGHT] * 3 + [(3, BUSY)]
    till.http.environ_base["REMOTE_ADDR"] = HOME
    assert till.read(till.post("nothing", b"{}"))["status"] == 3
    assert said(till, STRANGER) == RIGHT


def test_wrong_codes_from_an_address_end_what_is_looked_at_from_there(product: Product) -> None:
    """A shop's tills share their address with its guests: who proved itself lately goes on."""
    with_settings(product, cpay_wrong_per_minute=2)
    till, new = Till.of(product), Till.of(product, merchant=1)
    assert said(till) == RIGHT
    assert [said(till, key="x" * 32) for _ in range(3)] == [WRONG, WRONG, (3, BUSY)]
    assert said(till) == RIGHT
    assert said(new) == (3, BUSY)
    assert said(new, STRANGER) == RIGHT


def test_a_stranger_locks_no_merchant_out(product: Product) -> None:
    with_settings(product, cpay_wrong_per_minute=2)
    till = Till.of(product)
    heard = [said(till, f"203.0.113.{n}", key="x" * 32) for n in range(9)]
    assert heard == [WRONG] * 2 + [(3, BUSY)] * 7
    assert said(till, "192.0.2.200") == RIGHT
    product.deps.cpay_traces.write(product.deps.transact)
    row = product.one(
        "SELECT authen_failures, authen_failed_at FROM merchant WHERE out_sub_mch_id = :m",
        m=till.out_sub_mch_id,
    )
    assert row.authen_failures == 2
    assert row.authen_failed_at is not None


def test_nobody_s_id_and_a_wrong_code_are_told_alike(product: Product) -> None:
    with_settings(product, cpay_wrong_per_minute=0)
    till = Till.of(product)
    assert said(till, key="x" * 32) == WRONG
    wrong = till.answers[-1]
    till.out_sub_mch_id = "sub99NOBODY000000000"
    assert said(till) == WRONG
    assert {**wrong, "log_id": 0} == {**till.answers[-1], "log_id": 0}


def test_without_limits_everything_is_looked_at(product: Product) -> None:
    with_settings(
        product,
        cpay_wrong_per_minute=0, cpay_merchant_per_minute=0, cpay_address_per_minute=0,
    )  # fmt: skip
    till = Till.of(product)
    assert [said(till, key="x" * 32) for _ in range(70)] == [WRONG] * 70
    assert said(till) == RIGHT


def test_every_call_is_found_in_the_log_by_its_log_id(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    """docs/operations.md, Logs: and nothing of what was sent is there."""
    caplog.set_level(logging.INFO, logger="services.cloudpay")
    till = Till.of(product)
    text = json.dumps({"pay_mch_key": till.mch_key(), "out_trade_no": "secretnumber"})
    bodies = (
        ("query_order", json.dumps({"request_content": text, "authen_info": {"a": {
            "authen_type": 1, "authen_code": code_of(till.key, text)}}}).encode()),
        ("query_order", json.dumps({"request_content": text, "authen_info": {"a": {
            "authen_type": 1, "authen_code": "F" * 64}}}).encode()),
        ("query_order", b"secretnumber"),
        ("nothing", b"secretnumber"),
        ("query_order", b"x" * (300 << 10)),
    )  # fmt: skip
    lines: dict[int, Any] = {}
    for name, raw in bodies:
        content = till.read(till.post(name, raw))
        found = [one for one in caplog.records if getattr(one, "log_id", 0) == content["log_id"]]
        assert len(found) == 1, name
        lines[content["log_id"]] = found[0]
        assert (found[0].status, found[0].internal) == (  # type: ignore[attr-defined]
            content["status"], content["internal_status"],
        )  # fmt: skip
    assert len(lines) == len(bodies)
    first, wrong, *_ = lines.values()
    assert first.out_sub_mch_id == wrong.out_sub_mch_id == till.out_sub_mch_id
    everything = " ".join(str(one.__dict__) for one in caplog.records)
    assert "secretnumber" not in everything
    assert till.key not in everything
    assert code_of(till.key, text) not in everything


def test_a_method_that_breaks_answers_status_3_and_the_log_says_why(
    product: Product, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="services.cloudpay")

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("planted")

    till = Till.of(product)
    monkeypatch.setattr(Limits, "takes_merchant", broken)
    assert said(till) == (3, 1000)
    monkeypatch.setattr(Limits, "takes_address", broken)
    assert said(till) == (3, 1000)
    found = [one for one in caplog.records if getattr(one, "log_id", 0)]
    assert [one.log_id for one in found] == [one["log_id"] for one in till.answers]  # type: ignore[attr-defined]
    assert all("planted" in str(one.exc_text or one.exc_info) for one in found)
