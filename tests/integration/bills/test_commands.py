"""`flask bills …` as whoever is on call types it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from services.bills.report import safe
from services.watchlist import gauges
from tests.integration.bills.helping import Days, MakePhone, paid


def run(days: Days, *words: str) -> Any:
    return days.product.app.test_cli_runner().invoke(args=["bills", *words])


@pytest.mark.books_differ
def test_a_day_from_fetching_to_closing(days: Days, phone: MakePhone) -> None:
    number = paid(days, phone, "wechat").out_trade_no
    on = ("--on", days.on.isoformat())
    early = run(days, "fetch", *on)
    assert early.exit_code == 1
    assert "wanted" in early.stdout
    days.morning_after()
    days.lie("wechat", f"amount:{number}:1", "extra:=1+1:5")
    done = run(days, "fetch", *on)
    assert done.exit_code == 0, done.output
    assert "payments 2 ¥100.06" in done.stdout
    matched = run(days, "match", *on)
    assert matched.exit_code == 1
    assert "amount 1  missing_here 1  new 2" in matched.stdout
    assert run(days, "match", *on).stdout.count("new 0") == len(
        days.product.sql("SELECT FROM bill")
    )
    listed = run(days, "cases")
    assert listed.exit_code == 1
    assert f"amount  trade  {number}  found  bill ¥100.01  ours ¥100.00" in listed.stdout
    assert gauges(days.product.deps)["yima_bill_cases_open"] == 2
    told = run(days, "report", *on)
    assert "1900000109  payments 2 ¥100.06  refunds 0 ¥0.00  fees ¥0.60000" in told.stdout
    rows = list(csv.DictReader(io.StringIO(run(days, "report", *on, "--csv", "-").stdout)))
    assert {row["number"]: row["bill_yuan"] for row in rows} == {number: "100.01", "'=1+1": "0.05"}
    first, second = (case.id for case in sorted(days.cases(), key=lambda case: case.number)[::-1])
    assert run(days, "heal", str(second)).exit_code == 1
    assert "heal or explain it first" in run(days, "close", str(first)).output
    for case in (first, second):
        assert run(days, "explain", str(case), "--reason", "客服确认").exit_code == 0
        assert run(days, "close", str(case)).exit_code == 0
    assert "bills and books agree" in run(days, "cases").stdout
    assert {case.explained_by.partition(":")[0] for case in days.cases()} == {"cli"}


@pytest.mark.parametrize("words", [("close",), ("explain",), ("heal",), ("void",)])
def test_there_is_no_command_for_all_cases_at_once(days: Days, words: tuple[str, ...]) -> None:
    done = run(days, *words, "all", *(("--reason", "x") if words[0] in ("explain", "void") else ()))
    assert done.exit_code == 2
    gone = run(days, *words, "999", *(("--reason", "x") if words[0] in ("explain", "void") else ()))
    assert gone.exit_code == 1
    assert "there is no bill case 999" in gone.output


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert safe(cell) == f"'{cell}"
    assert safe("sz01=1") == "sz01=1"
