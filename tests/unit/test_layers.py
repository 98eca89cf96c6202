"""Imports point one way: blueprints, cli, tasks; services; models, gateways; errors, config."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What each part may import of the product. A part that is not named here is a new part: name it.
MAY = {
    "errors": set(),
    "config": set(),
    "secretbox": set(),
    "postgres": {"config"},
    "gateways": {"errors", "config"},
    "models": {"errors"},
    "services": {"models", "gateways", "secretbox", "postgres", "errors", "config"},
    "migrations": {"models", "postgres", "config"},
    "web": {"services", "models", "gateways", "errors", "config"},
    "tasks": {"services", "models", "gateways", "errors", "config"},
    "blueprints": {"web", "services", "models", "gateways", "errors", "config"},
    "cli": {
        "web",
        "tasks",
        "services",
        "models",
        "gateways",
        "postgres",
        "secretbox",
        "errors",
        "config",
    },
    "app": {"blueprints", "cli", "web", "services", "errors", "config"},
    "wsgi": {"app"},
    "simulator": set(),
}
# Libraries that would tie a part to what it must not know.
NEVER = {
    "gateways": {"flask", "sqlalchemy", "click", "procrastinate", "psycopg"},
    "models": {"flask", "click", "requests", "procrastinate"},
    "services": {"flask", "click", "werkzeug", "requests"},
    "secretbox": {"flask", "sqlalchemy", "requests"},
    "tasks": {"flask", "click"},
    "web": {"sqlalchemy", "psycopg", "requests"},
    "blueprints": {"psycopg", "requests", "wechatpy", "alipay", "procrastinate"},
    "simulator": {"sqlalchemy", "psycopg", "wechatpy", "alipay"},
}


def files(part: str) -> list[Path]:
    folder = ROOT / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{part}.py"]


def imported(path: Path) -> Iterator[str]:
    """Every dotted module name, those inside functions and behind TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in {"import_module", "__import__"} and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def test_every_part_of_the_tree_has_its_place() -> None:
    ours = {p.parent.name for p in ROOT.glob("[a-z]*/*.py")} | {p.stem for p in ROOT.glob("*.py")}
    ours |= {p.parents[1].name for p in ROOT.glob("[a-z]*/*/*.py")}
    assert ours - {"tests", "bench", "node_modules", "var"} <= set(MAY)


@pytest.mark.parametrize("part", MAY)
def test_a_part_imports_only_what_lies_below_it(part: str) -> None:
    assert files(part)
    for path in files(part):
        beyond = (tops(path) & set(MAY)) - MAY[part] - {part}
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"
        assert "tests" not in tops(path), path


@pytest.mark.parametrize("part", NEVER)
def test_a_part_knows_no_library_of_another(part: str) -> None:
    for path in files(part):
        found = tops(path) & NEVER[part]
        assert not found, f"{path.relative_to(ROOT)} imports {sorted(found)}"


def test_the_simulator_and_the_product_share_nothing() -> None:
    product = set(MAY) - {"simulator"}
    assert not [p for p in files("simulator") if tops(p) & product]
    assert not [p for part in product for p in files(part) if "simulator" in tops(p)]


def test_a_blueprint_imports_no_other_blueprint() -> None:
    for path in files("blueprints"):
        own = path.relative_to(ROOT / "blueprints").parts[0]
        others = {
            name.split(".")[1]
            for name in imported(path)
            if name.startswith("blueprints.") and name.split(".")[1] != own
        }
        assert not others, f"{path.relative_to(ROOT)} imports {others}"


def test_wallets_share_only_what_stands_beside_them() -> None:
    for wallet in ("wechat_pay", "wechat_oa", "alipay"):
        for path in files(f"gateways/{wallet}"):
            others = {
                name.split(".")[1]
                for name in imported(path)
                if name.startswith("gateways.")
                and (ROOT / "gateways" / name.split(".")[1]).is_dir()
            } - {wallet}
            assert not others, f"{path.relative_to(ROOT)} imports {others}"
