"""The Gold Plan's switches through the console: what WeChat has, what we believe, what is unsure."""

from __future__ import annotations

import re
from typing import Any

from services.gold_plan import state
from tests.harness.console import Console
from tests.harness.phone import words
from tests.harness.product import Product

TEA = "1900000109"
HOUR = 3600.0


def tea(product: Product) -> Any:
    return product.one(
        "SELECT provider_id, id, out_sub_mch_id FROM merchant WHERE wechat_sub_mchid = :s", s=TEA
    )


def at_wechat(product: Product, sub_mchid: str = TEA) -> dict[str, Any]:
    found: dict[str, Any] = product.simulator.get("/sim/gold-plans").get(sub_mchid, {})
    return found


def throw(desk: Console, act: str, to: str, **more: Any) -> Any:
    """Presses one switch of the tea shop's, as the page's form does."""
    own = tea(desk.product).out_sub_mch_id
    return desk.post(f"/gold-plan/m/{own}/switch", {"act": act, "to": to, **more})


def is_open(product: Product) -> bool:
    own = tea(product)
    return product.deps.transact(lambda s: state.is_open(s, own.provider_id, own.id))


def test_a_plan_is_opened_closed_and_opened_again_after_24_hours(product: Product) -> None:
    desk = Console(product, "demo-operator")
    assert "青禾茶事" in desk.get("/gold-plan").text
    assert throw(desk, "receipt", "open").status_code == 303
    own = tea(product)
    tags = {"tag": ["CATERING", "FOOD"]}
    early = desk.post(f"/gold-plan/m/{own.out_sub_mch_id}/tags", tags)
    assert early.status_code == 422
    assert "GP_MERCHANT_NOT_OPEN" in early.text
    assert not is_open(product)
    assert throw(desk, "plan", "open").status_code == 303
    assert is_open(product)
    assert desk.post(f"/gold-plan/m/{own.out_sub_mch_id}/tags", tags).status_code == 303
    assert throw(desk, "ads", "open").status_code == 303
    stands = at_wechat(product)
    assert (stands["is_open"], stands["has_receipt"], stands["tags"]) == (
        True, True, ["FOOD", "CATERING"],
    )  # fmt: skip
    for count in (0, 4):
        wrong = {"tag": ["GAME", "CAR", "LAW", "FOOD"][:count]}
        refused = desk.post(f"/gold-plan/m/{own.out_sub_mch_id}/tags", wrong)
        assert refused.status_code == 422
        assert "GP_FILTER_COUNT" in refused.text
        for tag in wrong["tag"]:  # nothing of what was chosen is lost
            assert re.search(rf'value="{tag}" checked', refused.text)
    assert at_wechat(product)["tags"] == ["FOOD", "CATERING"]

    assert throw(desk, "plan", "closed").status_code == 303
    assert not is_open(product)
    product.simulator.advance(23 * HOUR + 59 * 60)
    desk.sign_in()
    soon = throw(desk, "plan", "open")
    assert soon.status_code == 409
    assert "GP_COOLDOWN" in soon.text
    assert "剩余 1 分" in words(soon.text)
    assert not at_wechat(product)["is_open"]
    product.simulator.advance(2 * 60)
    assert throw(desk, "plan", "open").status_code == 303
    assert at_wechat(product)["is_open"]
    asked = product.sql(
        "SELECT facts->>'switch' AS switch, facts->>'to' AS way FROM audit_entry"
        " WHERE action = 'gold_plan_done' ORDER BY id"
    )
    assert [(row.switch, row.way) for row in asked] == [
        ("receipt", "open"), ("plan", "open"), ("tags", "open"), ("ads", "open"),
        ("plan", "closed"), ("plan", "open"),
    ]  # fmt: skip
