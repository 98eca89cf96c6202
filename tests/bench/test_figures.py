"""The figure lines of bench/: what they hold, and when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.figures import TooFewRuns, line, percentile, spread
from bench.load import complete


def test_a_line_has_medians_and_the_median_of_the_runs_own_ratios() -> None:
    made = line("x", "1/s", [10, 20, 30, 40, 50], [100, 100, 100, 200, 500], note="n")
    assert (made["value"], made["bound"], made["ratio"], made["runs"]) == (30, 100, 0.2, 5)
    assert made["spread"] == round(40 / 30, 3)
    assert made["machine"]["cores"] >= 1
    assert made["commit"]
    assert made["note"] == "n"


@pytest.mark.parametrize(("values", "bounds"), [([1.0] * 4, 2.0), ([1.0] * 5, [2.0] * 4)])
def test_fewer_than_five_runs_give_no_line(values: list[float], bounds: list[float]) -> None:
    with pytest.raises(TooFewRuns):
        line("x", "s", values, bounds)


def test_percentiles_and_spread() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95
    assert percentile([7.0], 0.99) == 7
    assert spread([1, 2, 3]) == 1


def test_every_file_of_the_folder_is_a_figure_or_a_helper() -> None:
    files = {path.stem for path in Path(bench.__file__).parent.glob("*.py")}
    assert files >= bench.HELPERS
    assert bench.names() == [
        "bill_match", "card_caps", "card_spend", "checkout", "cloudpay_calls", "cloudpay_lists",
        "cloudpay_neighbours", "cold_start", "console_overview", "growth", "ledger_post",
        "ledger_ten_million", "live_pages", "merchant_home", "notifications", "oa_tokens",
        "order_lists", "overhead", "page", "payment_notices", "receipt_page", "refund_race", "sync",
    ]  # fmt: skip


def test_the_generator_knows_a_whole_answer() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    assert not complete(head[:-2])
    assert not complete(head + b"ab")
    assert complete(head + b"abc")
    assert complete(b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n")
