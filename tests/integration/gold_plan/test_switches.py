"""The Gold Plan's switches through the console: WeChat's state, ours, and what is unsure."""

from __future__ import annotations

import re
from typing import Any

import pytest

from services.gold_plan import listing, state
from tests.harness.console import Console
from tests.harness.phone import words
from tests.harness.product import Product

TEA = "1900000109"
HOUR = 3600.0
OWN = (
    "SELECT provider_id, id, out_sub_mch_id FROM merchant WHERE wechat_sub_mchid = :s"
    " AND provider_id = (SELECT min(id) FROM provider)"
)
MOVED = (
    "UPDATE merchant SET wechat_sub_mchid = :s WHERE wechat_sub_mchid = :was"
    " AND provider_id = (SELECT min(id) FROM provider)"
)


def tea(product: Product) -> Any:
    return product.one(OWN, s=TEA)


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
    assert throw(desk, "plan", "open", scene="NATIVE").status_code == 400
    assert throw(desk, "plan", "open", scene="JSAPI_AND_MINIPROGRAM").status_code == 303
    assert at_wechat(product)["is_open"]
    assert at_wechat(product)["scene"] == "JSAPI_AND_MINIPROGRAM"
    asked = product.sql(
        "SELECT facts->>'switch' AS switch, facts->>'to' AS way FROM audit_entry"
        " WHERE action = 'gold_plan_done' ORDER BY id"
    )
    assert [(row.switch, row.way) for row in asked] == [
        ("receipt", "open"), ("plan", "open"), ("tags", "open"), ("ads", "open"),
        ("plan", "closed"), ("plan", "open"),
    ]  # fmt: skip


def test_an_answer_that_is_lost_leaves_the_switch_unsure_until_a_repeat_decides(
    product: Product,
) -> None:
    desk = Console(product, "demo-operator")
    assert throw(desk, "receipt", "open").status_code == 303
    assert throw(desk, "plan", "open").status_code == 303
    product.simulator.fault("wechat.goldplan", "lose_answer")
    lost = throw(desk, "plan", "closed")
    assert lost.status_code == 502
    assert "GP_UNSURE" in lost.text
    assert 'aria-checked="mixed"' in lost.text
    assert not at_wechat(product)["is_open"]  # it was done
    assert is_open(product)  # and nobody has said so
    assert "GP_BUSY" in throw(desk, "plan", "closed").text
    for query, seen in (
        ("show=unsure", True), ("show=open", True), ("show=closed", False), ("q=青禾", True),
        (f"q={TEA}", True), ("q=南窗", False), ("q=%25", False),
    ):  # fmt: skip
        assert (TEA in desk.get(f"/gold-plan?{query}").text.split("<table>")[-1]) is seen, query
    product.simulator.advance(70)
    # Opening is what tells: too soon, so the closing was done when it was asked for.
    told = throw(desk, "plan", "open")
    assert told.status_code == 409
    assert "GP_COOLDOWN" in told.text
    assert not is_open(product)
    row = product.one("SELECT plan, closed_at, unsure FROM gold_plan")
    assert (row.plan, row.unsure) == ("closed", {})
    assert "剩余 23 小时 5" in words(throw(desk, "plan", "open").text)


def test_each_refusal_of_wechat_is_told_in_words_and_changes_nothing(product: Product) -> None:
    desk = Console(product, "demo-operator")
    switches = {
        "wechat.goldplan_provider": {
            "not_open": "GP_PROVIDER_NOT_OPEN", "punished": "GP_PROVIDER_PUNISHED",
            "not_provider": "GP_CALLER",
        },
        "wechat.goldplan_link": {"none": "GP_NO_LINK"},
    }  # fmt: skip
    for name, values in switches.items():
        for value, code in values.items():
            product.simulator.switch(name, value)
            refused = throw(desk, "receipt", "open")
            assert refused.status_code == 409, refused.text
            assert code in refused.text
            assert "微信的原话" in refused.text
        product.simulator.switch(name, "open" if name.endswith("provider") else "")
    for sub_mchid, code in (
        ("1900000141", "GP_MERCHANT_PUNISHED"), ("1900000508", "GP_MERCHANT_UNKNOWN"),
        ("1999999999", "GP_MERCHANT_UNKNOWN"),
    ):  # fmt: skip
        product.do(MOVED, s=sub_mchid, was="1900000117")
        own = product.one(OWN, s=sub_mchid).out_sub_mch_id
        refused = desk.post(f"/gold-plan/m/{own}/switch", {"act": "plan", "to": "open"})
        assert code in refused.text
        product.do(MOVED, s="1900000117", was=sub_mchid)
    assert product.simulator.get("/sim/gold-plans") == {}
    assert product.sql("SELECT 1 FROM gold_plan WHERE plan <> 'unset' OR unsure <> '{}'") == []

    # Open by default: everybody is open, and nobody is closed singly.
    assert throw(desk, "plan", "open").status_code == 303
    assert desk.post("/gold-plan/setting", {"managed": "1"}).status_code == 303
    refused = throw(desk, "plan", "closed")
    assert refused.status_code == 409
    assert "GP_MANAGED" in refused.text
    assert at_wechat(product)["is_open"]
    other = product.one(OWN, s="1900000117")
    assert product.deps.transact(lambda s: state.is_open(s, other.provider_id, other.id))


def test_many_at_once_with_a_line_for_each_and_an_answer_lost(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Console(product, "demo-operator")
    assert throw(desk, "plan", "open").status_code == 303
    product.do(
        "UPDATE merchant SET wechat_sub_mchid = '1999999999' WHERE wechat_sub_mchid = '1900000125'"
    )
    monkeypatch.setattr(listing, "PAGE", 2)
    first = desk.get("/gold-plan").text
    onward = re.search(r'href="(/console[^"]+after=\d+)">下一页', first)
    assert onward is not None
    second_page = desk.get(onward[1].removeprefix("/console")).text
    assert TEA in first
    assert TEA not in second_page
    back = re.search(r'href="(/console[^"]+before=\d+)">上一页', second_page)
    assert back is not None
    assert TEA in desk.get(back[1].removeprefix("/console")).text
    form = {"do": "open", "whom": "all"}
    sure = desk.post("/gold-plan/bulk", form)
    assert "4 家商户" in words(sure.text)
    assert product.sql("SELECT 1 FROM long_job") == []
    begun = desk.post("/gold-plan/bulk", form | {"sure": "1"})
    assert begun.status_code == 303, begun.text
    second = desk.post("/gold-plan/bulk", form | {"sure": "1"})
    assert "SYNC_RUNNING" in second.text
    product.simulator.fault("wechat.goldplan", "error", times=1, code="SYSTEM_ERROR")
    product.run_long_jobs()
    job = product.one("SELECT id, state, done, total, counts FROM long_job")
    assert (job.state, job.done, job.total) == ("partial", 4, 4)
    assert job.counts == {"same": 1, "unsure": 1, "failed": 1, "done": 1}
    report = words(desk.get(f"/jobs/{job.id}").text)
    assert "1999999999" in report
    assert "微信不认识这个子商户号" in report
    product.simulator.advance(70)
    assert desk.post("/gold-plan/bulk", form | {"sure": "1"}).status_code == 303
    product.run_long_jobs()
    again = product.one("SELECT counts FROM long_job ORDER BY id DESC LIMIT 1")
    assert again.counts == {"same": 2, "done": 1, "failed": 1}
