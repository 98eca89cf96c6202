"""The API's documents are made from the code's own table, and say the same as the code does."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from config.settings import ROOT
from services.cloudpay import documents, openapi
from services.cloudpay.table import GROUPS, TABLE


def test_the_pages_are_what_the_table_makes() -> None:
    stale = [p.name for p, made in documents.pages(ROOT / "docs").items() if p.read_text() != made]
    assert not stale, "run: flask --app app api docs"


def test_every_method_is_described_once() -> None:
    names = [method.name for group in GROUPS for method in group]
    assert len(names) == len(set(names)) == len(TABLE)
    paths = {path.removeprefix("/cpay/") for path in openapi.document()["paths"]}
    assert paths >= set(names)


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in _references(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {name for inner in value.values() for name in _references(inner)}


def test_every_reference_leads_somewhere() -> None:
    made = openapi.document()
    known = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert _references(made) <= known


@pytest.mark.parametrize("name", sorted(openapi.document()["components"]["schemas"]))
def test_every_schema_is_one(name: str) -> None:
    schema = openapi.document()["components"]["schemas"][name]
    jsonschema_rs.meta.validate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    )


@pytest.mark.parametrize("method", TABLE.values(), ids=lambda m: m.name)
def test_every_method_says_what_it_is_for_in_two_languages(method: Any) -> None:
    chinese, english = method.summary
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    assert english.isascii()
    assert method.group in openapi.GROUPS
