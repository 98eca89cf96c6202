"""Files for spreadsheets: whole, typed, and nothing in them runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from flask.wrappers import Response
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from web.files import FORMULA, NUMBER, as_csv, as_xlsx, safe

EVIL = (
    "=1+1", "+1+1", "-1+cmd|'/c calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "--1",
    "-1.2.3",
)  # fmt: skip
Make = Callable[..., Response]


def rows_of(response: Response) -> list[list[object]]:
    body = response.get_data()
    if response.mimetype == "text/csv":
        return [list(row) for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))]
    sheet = load_workbook(io.BytesIO(body)).active
    assert sheet is not None
    assert all(
        cell.data_type in ("s", "n", "inlineStr") for row in sheet.iter_rows() for cell in row
    )
    return [list(row) for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("make", [as_csv, as_xlsx])
def test_no_cell_is_taken_for_a_formula(make: Make) -> None:
    found = rows_of(make("a", ["名称", "=HEAD()"], [[evil, "x"] for evil in EVIL]))
    assert found[0][1] == "'=HEAD()"
    assert [str(row[0])[:1] for row in found[1:]] == ["'"] * len(EVIL)
    assert [str(row[0])[2:] for row in found[1:]] == [evil[1:] for evil in EVIL]


@pytest.mark.parametrize("make", [as_csv, as_xlsx])
def test_numbers_times_and_holes_are_what_they_were(make: Make) -> None:
    at = datetime(2026, 11, 21, 6, 16, 8, tzinfo=UTC)
    found = rows_of(make("a", ["a", "b", "c", "d", "e"], [[-1250, "-12.50", None, at, "a\x01b"]]))
    number, money, hole, when, text = found[1]
    assert (str(number), money, hole or "") == ("-1250", "-12.50", "")
    assert (when, str(text).replace("\x01", "")) == ("2026-11-21 14:16:08", "ab")


@given(st.text())
def test_what_is_safe_begins_like_text_or_is_a_number(text: str) -> None:
    said = safe(text)
    assert NUMBER.fullmatch(said) or not said.startswith(FORMULA)
    assert said.removeprefix("'") == text.removeprefix("'")


def test_a_file_that_breaks_half_way_is_no_file() -> None:
    def rows() -> Iterator[list[int]]:
        yield [1]
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        as_csv("a.csv", ["a"], rows())


def test_a_chinese_name_arrives_and_its_length_is_right() -> None:
    response = as_csv('对账"2026.csv', ["a"], [[n] for n in range(200_000)])
    assert response.headers["Content-Disposition"].endswith("%E5%AF%B9%E8%B4%A6%222026.csv")
    assert '""' not in response.headers["Content-Disposition"]
    assert len(response.get_data()) == int(response.headers["Content-Length"]) > 1 << 20
