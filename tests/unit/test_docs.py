"""The documents name every setting, address, command, error code and gauge; their links lead on."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import click
import pytest
from flask import Flask

import errors
from app import create_app
from config.settings import ROOT, Settings, load_settings
from models.event import CaseKind
from services.deps import build_deps
from services.refunds import refusals
from services.watchlist import _GAUGES
from web.problem_table import TABLE

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@cache
def docs() -> str:
    return "\n".join(path.read_text("utf-8") for path in DOCUMENTS)


def operations() -> str:
    return (ROOT / "docs" / "operations.md").read_text("utf-8")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The whole application over a database that nobody asks."""
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url="postgresql+psycopg://nobody@127.0.0.1:9/none",
    )
    return create_app(settings, build_deps(settings))


def shown(name: str, default: object) -> str:
    if name == "data_dir":
        return "`var` in the checkout"
    if isinstance(default, bool):
        return f"`{int(default)}`"
    return f"`{default}`" if default != "" else ""


def settings_rows() -> list[str]:
    return [
        f"| `{name.upper()}` | {shown(name, field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]


def test_the_table_of_settings_is_the_code_s() -> None:
    section = operations().partition("## Settings")[2].partition("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("| `")]
    assert written == settings_rows(), "paste this:\n" + "\n".join(settings_rows())


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_problem_of_the_pay_page_is_explained(code: str) -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert re.search(rf"(?m)^\| `{code}` \|", text), f"add a row for {code} to docs/errors.md"


def test_every_other_error_code_is_named() -> None:
    kinds = [
        kind
        for module in (errors, refusals)
        for kind in vars(module).values()
        if isinstance(kind, type)
    ]
    known = {kind.code for kind in kinds if issubclass(kind, errors.AppError)}
    for path in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PayProblem":
                first = node.args[0]
                known |= {str(first.value)} if isinstance(first, ast.Constant) else set()
    assert not {str(code) for code in known if f"`{code}`" not in docs()}


def test_every_address_is_named(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert len(rules) > 15
    named = operations() + (ROOT / "docs" / "console.md").read_text("utf-8")
    assert not {rule for rule in rules if f"`{rule}`" not in named}


def commands(group: click.Group, before: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, f"{before}{name} ")
        else:
            found.append(before + name)
    return found


def test_every_command_is_named(app: Flask) -> None:
    named = {name for name in commands(app.cli) if name not in {"run", "shell", "routes"}}
    assert "provider set-wechat" in named
    assert not {name for name in named if name not in operations()}


@pytest.mark.parametrize("name", [*_GAUGES, *(kind.value for kind in CaseKind)])
def test_every_gauge_and_kind_of_case_is_explained(name: str) -> None:
    assert f"`{name}`" in operations()


def test_every_target_of_the_makefile_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony
    wanted = set(phony[1].split()) - {"assets"}
    assert not {name for name in wanted if f"make {name}" not in docs()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for target, _, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#([^)\s]+))?\)", text):
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            heads = re.findall(r"(?m)^#+ (.*)$", file.read_text("utf-8"))
            marks = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in marks, f"{target}#{anchor}"


def test_decisions_are_numbered_without_gaps_and_have_their_parts() -> None:
    found = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [path.name[:3] for path in found] == [f"{n:03d}" for n in range(1, len(found) + 1)]
    for path in found:
        text = path.read_text("utf-8")
        for part in ("Context", "Decision", "Consequences", "Alternatives"):
            assert f"\n## {part}\n\n" in text, path


def test_the_published_sdk_lock_names_no_host() -> None:
    lock = json.loads((ROOT / "tests" / "sdk" / "package-lock.json").read_text("utf-8"))
    assert not [p for p in lock["packages"].values() if "resolved" in p]


def test_every_test_that_the_failures_name_exists() -> None:
    said = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "failures.md").read_text("utf-8")))
    made = set[str]()
    for path in (ROOT / "tests").rglob("test_*.py"):
        made |= set(re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M))
    assert len(said) >= 40
    assert said - made == set()


def test_every_failure_of_money_has_a_row_with_a_test() -> None:
    text = (ROOT / "docs" / "failures.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| (\d+) \|.*\| `test_\w+` \|$", text)
    assert {int(number) for number in rows} >= {*range(1, 34), 45, 48}
