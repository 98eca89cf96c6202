"""Differences and cases as work: cause, way out, ask again, close with a reason; nothing goes."""

from __future__ import annotations

from typing import Any

import pytest

from models.event import CaseKind
from services.bills.fetching import fetch_bill
from services.bills.matching import match_bill
from services.cases import open_case
from services.seed import OTHER
from tests.harness.console import Console
from tests.integration.bills.helping import Days, MakePhone, days, paid
from tests.integration.losing import lose_order

__all__ = ["days"]

TABLES = ("bill_case", "money_case", "audit_entry", "bill", "pay_order")


def rows(days: Days) -> dict[str, int]:
    return {
        table: int(days.product.one(f"SELECT count(*) AS n FROM {table}").n) for table in TABLES
    }


def a_case(days: Days, provider_id: int, number: str, order_id: int | None = None) -> Any:
    """Something about money that waits for a person."""
    deps = days.product.deps
    deps.transact(
        lambda s: open_case(
            s, provider_id=provider_id, kind=CaseKind.AMOUNT_MISMATCH, out_trade_no=number,
            order_id=order_id, at=deps.now(), facts={"ours": {"amount_fen": 5200}},
        )
    )  # fmt: skip
    return days.product.one("SELECT * FROM money_case WHERE out_trade_no = :n", n=number)


def audited(days: Days, action: str) -> list[Any]:
    return days.product.sql("SELECT * FROM audit_entry WHERE action = :a ORDER BY id", a=action)


def test_a_payment_that_only_the_bill_knows_is_written_down_at_the_wallet_s_word(
    days: Days, phone: MakePhone
) -> None:
    kept, lost = paid(days, phone, "wechat", "33"), paid(days, phone, "wechat", "57", "zhou")
    lose_order(days.product, lost.out_trade_no)
    days.product.do("DELETE FROM day_delta WHERE paid_fen = 5700")
    days.morning_after()
    days.match("wechat")
    desk, viewer = Console(days.product, "demo-operator"), Console(days.product, "demo-viewer")
    page = viewer.get("/recon").text.replace("<i>¥</i>", "¥")
    for said in (
        "¥33.00",
        "¥90.00",
        "+¥57.00",
        "1 处不一致",
        "50.00%",
        "青禾茶事",
        "钱包有，平台无",
    ):
        assert said in page, said
    (case,) = days.cases()
    item = f"/recon/bill/{case.id}"
    assert "问钱包并补记" in desk.get(item).text
    assert "问钱包并补记" not in viewer.get(item).text
    assert viewer.post(f"{item}/ask").status_code == 403
    csv = desk.get("/recon.csv").content.decode("utf-8-sig").splitlines()
    assert len(csv) == 2
    assert lost.out_trade_no in csv[1]
    answer = desk.post(f"{item}/ask", allow_redirects=True)
    assert "已按它的话更正" in answer.text
    again = days.product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=lost.out_trade_no)
    assert (again.status, again.amount_fen, again.merchant_id) == ("paid", 5700, kept.merchant_id)
    (healed,) = audited(days, "healed_from_bill")
    assert healed.actor.startswith("console:")
    assert "连续 1 天没有未处理的差异" not in desk.get("/recon").text  # not matched anew yet
    assert desk.post("/recon/fetch", {"day": str(days.on)}).status_code == 303
    bill = days.bill("wechat")
    assert (bill.status, bill.due_at is not None, bill.tries) == ("wanted", True, 0)
    deps, bills = days.product.deps, "SELECT id FROM bill WHERE provider_id = 1 AND bill_on = :on"
    for one in days.product.sql(bills, on=days.on):
        fetch_bill(deps, one.id)
        match_bill(deps, one.id)
    page = desk.get("/recon").text
    assert "100.00%" in page
    assert "连续 1 天没有未处理的差异" in page
    assert "没有待处理的" in page
    assert lost.out_trade_no in desk.get("/recon?state=done").text
    assert desk.post(f"{item}/close").status_code == 303  # what the wallet put right needs no words
    assert days.cases()[0].status == "closed"


def test_an_item_is_closed_once_with_a_reason_and_nothing_is_deleted(
    days: Days, phone: MakePhone
) -> None:
    order = paid(days, phone, "wechat", "52")
    days.morning_after()
    case = a_case(days, order.provider_id, order.out_trade_no, order.id)
    foreign = days.product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=OTHER)
    theirs = a_case(days, foreign.id, "foreign")
    desk, admin = Console(days.product, "demo-operator"), Console(days.product)
    before = rows(days)
    page = desk.get("/recon?all=1").text
    assert ("钱包说的金额不符" in page, "青禾茶事" in page, "foreign" in page) == (
        True,
        True,
        False,
    )
    item = f"/recon/case/{case.id}"
    assert "¥52.00" in desk.get(item).text
    refused = desk.post(f"{item}/close", {"reason": "  "})
    assert (refused.status_code, "RECON_REASON" in refused.text) == (422, True)
    assert 'aria-invalid="true"' in refused.text
    same = desk.post(f"{item}/ask", allow_redirects=True)
    assert "还没有解决" in same.text
    assert len(audited(days, "order_synced")) == 1
    for path in (f"/recon/case/{theirs.id}", f"/recon/bill/{theirs.id}", "/recon/orders/1"):
        assert desk.get(path).status_code == 404
        for act in ("ask", "close", "void"):
            assert desk.post(f"{path}/{act}", {"reason": "x"}).status_code == 404
    done = desk.post(
        f"{item}/close", {"reason": "  与商户 核对，\n已退 5 元 "}, allow_redirects=True
    )
    assert "已关闭" in done.text
    assert "与商户 核对， 已退 5 元" in done.text
    late = admin.post(f"{item}/close", {"reason": "我也关"})
    assert (late.status_code, "RECON_MOVED" in late.text) == (409, True)
    assert "我也关" not in str(audited(days, "case_closed"))
    (closed,) = audited(days, "case_closed")
    assert (closed.actor.split(":")[0], closed.facts["note"]) == (
        "console",
        "与商户 核对， 已退 5 元",
    )
    after = rows(days)
    assert {table: after[table] for table in TABLES[:2]} == {t: before[t] for t in TABLES[:2]}
    assert "钱包说的金额不符" in desk.get("/recon?all=1&state=done").text
    assert days.product.one("SELECT closed_at FROM money_case WHERE id = :i", i=theirs.id) == (
        None,
    )


def test_what_the_bill_lacks_is_void_only_when_the_wallet_never_had_it(
    days: Days, phone: MakePhone
) -> None:
    order = paid(days, phone, "wechat", "52")
    days.lie("wechat", f"drop:{order.out_trade_no}")
    days.morning_after()
    days.match("wechat")
    desk = Console(days.product)
    (case,) = days.cases()
    if case.status == "waiting":
        pytest.fail("noon is far from midnight")
    item = f"/recon/bill/{case.id}"
    assert "问钱包并作废" in desk.get(item).text
    assert desk.post(f"{item}/void").status_code == 422
    refused = desk.post(f"{item}/void", {"reason": "账单没有"})
    assert (refused.status_code, "RECON_NOT_VOID" in refused.text) == (409, True)
    assert "账单没有" in refused.text  # what was typed is kept
    days.product.simulator.fault("wechat.query", "drop", times=99)
    silent = desk.post(f"{item}/ask")
    assert (silent.status_code, "RECON_SILENT" in silent.text) == (502, True)
    row = days.product.one("SELECT status FROM pay_order WHERE id = :i", i=order.id)
    assert row.status == "paid"
