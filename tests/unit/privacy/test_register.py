"""docs/privacy.md names every column about a person: those that are marked, and what sounds so."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Column

from config.settings import ROOT
from models.all import Base
from models.consent import ConsentKind
from services.privacy.consents import WORDS

PAGE = (ROOT / "docs" / "privacy.md").read_text("utf-8")
KINDS = {"identity", "phone", "name", "secret", "words", "message"}
SOUNDS = re.compile(
    r"phone|mobile|(^|_)name(_|$)|nick|openid|unionid|address|(^|_)ip(_|$)|remark|mail|wechat_id"
    r"|subject|birth|gender|avatar|contact|longitude|latitude|actor|sealed|(^|_)person_"
    r"|password|id_card"
)
LINKS = re.compile(r"person_id$")  # a number of a row that holds the rest


def columns() -> dict[str, Column[object]]:
    return {f"{t.name}.{c.name}": c for t in Base.metadata.sorted_tables for c in t.columns}


def section(title: str) -> str:
    return PAGE.partition(f"{title}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def registered() -> dict[str, list[str]]:
    return {row[0].strip("`"): row[1:] for row in rows("## Register")}


def impersonal() -> set[str]:
    found = rows("### Sounds personal and is not")
    return {name for row in found for name in re.findall(r"`([^`]+)`", row[0])}


def marked() -> set[str]:
    return {name for name, column in columns().items() if "personal" in column.info}


def test_every_personal_column_has_its_row_and_every_row_its_column() -> None:
    assert marked() - set(registered()) == set(), "add a row to docs/privacy.md"
    assert set(registered()) - marked() == set(), "mark the column: info={'personal': …}"


def test_each_row_says_why_who_and_how_long() -> None:
    assert len(registered()) > 20
    for name, said in registered().items():
        assert len(said) == 3, name
        assert all(len(cell) > 3 or name.endswith("hash") for cell in said), name


def test_marks_are_of_known_kinds() -> None:
    assert {columns()[name].info["personal"] for name in marked()} == KINDS


@pytest.mark.parametrize("name", sorted(columns()))
def test_what_sounds_personal_is_marked_or_said_not_to_be(name: str) -> None:
    column = name.partition(".")[2]
    if not SOUNDS.search(column) or LINKS.search(column):
        return
    assert name in marked() | impersonal(), f"{name}: mark it, or say in docs/privacy.md why not"


def test_what_is_said_not_to_be_personal_is_there_and_not_marked() -> None:
    assert impersonal() - set(columns()) == set()
    assert impersonal() & marked() == set()


@pytest.mark.parametrize("kind", ConsentKind)
def test_the_words_of_each_consent_are_in_the_page_and_on_the_form(kind: ConsentKind) -> None:
    words = WORDS[kind]
    row = next(row for row in rows("## Consent") if row[0] == f"`{kind.value}`")
    assert row[2] == words.zh
    assert f"version {words.version}" in section("## Consent")
    if kind is not ConsentKind.STAFF_PHONE:  # that page takes them from the code itself
        form = (ROOT / "templates" / "card" / "phone.html").read_text("utf-8")
        assert words.zh in form
