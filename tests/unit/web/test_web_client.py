import json
from pathlib import Path
from typing import Any

import pytest

from web.client import RULES, classify

SPEC: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "user-agents.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", SPEC["cases"], ids=lambda case: case["id"])
def test_every_known_user_agent_gets_its_class_and_system(case: dict[str, str]) -> None:
    client = classify(case["ua"])
    assert (client.kind, client.os) == (case["class"], case["os"])


def test_the_rules_are_those_of_the_specification_in_their_order() -> None:
    assert list(RULES) == [(rule["class"], rule["pattern"]) for rule in SPEC["rules"]]


@pytest.mark.parametrize("case", SPEC["cases"], ids=lambda case: case["id"])
def test_only_the_two_wallets_themselves_can_pay(case: dict[str, str]) -> None:
    wallet = classify(case["ua"]).wallet
    assert wallet == (case["class"] if case["class"] in {"wechat", "alipay"} else None)


def test_no_user_agent_and_a_huge_one_are_browsers() -> None:
    assert classify(None).kind == "browser"
    assert classify("x" * 1_000_000).kind == "browser"
