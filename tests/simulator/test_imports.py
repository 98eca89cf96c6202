"""The simulator and the product meet over HTTP only: neither imports anything of the other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = "app wsgi errors config models services gateways tasks cli blueprints"
NOT_PRODUCT = {"simulator", "tests", "bench", "node_modules", "var", "docs"}
SIMULATOR_TESTS = ROOT / "tests" / "simulator"
# These hold both programs in one process, and let them meet as bytes at a WSGI door (ADR 021).
PLAYS = ROOT / "tests" / "sim"


def product() -> set[str]:
    """Every package and module at the top of the checkout that is not the simulator or a test."""
    folders = {p.parent.name for p in ROOT.glob("*/*.py")} | {
        p.parts[len(ROOT.parts)] for p in ROOT.glob("*/*/*.py") if not p.parts[-3].startswith(".")
    }
    modules = {p.stem for p in ROOT.glob("*.py")}
    return {n for n in folders | modules | set(NAMED.split()) if n[0] != "."} - NOT_PRODUCT


PRODUCT = product()


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, relative ones made absolute; also import_module("…")."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else [])))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))  # type: ignore[misc]


def called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "node_modules" not in p.parts)


def product_files() -> list[Path]:
    found = [ROOT / f"{name}.py" for name in PRODUCT]
    for name in PRODUCT:
        found += files(ROOT / name)
    return [p for p in found if p.exists()]


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("folder", [ROOT / "simulator", SIMULATOR_TESTS], ids=lambda p: p.name)
def test_the_simulator_and_its_tests_import_nothing_of_the_product(folder: Path) -> None:
    assert files(folder)
    guilty = {str(p.relative_to(ROOT)): tops(p) & PRODUCT for p in files(folder)}
    assert not {name: found for name, found in guilty.items() if found}


def test_the_product_imports_nothing_of_the_simulator() -> None:
    guilty = [str(p.relative_to(ROOT)) for p in product_files() if "simulator" in tops(p)]
    assert guilty == []


def test_no_test_module_of_ours_is_shared_with_the_product_s_tests() -> None:
    """Constants written once for both sides would agree even when both are wrong."""
    for path in files(SIMULATOR_TESTS):
        foreign = {
            name
            for name in imports(path)
            if name.startswith("tests.") and not name.startswith("tests.simulator")
        }
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"
    assert files(PLAYS)
    for path in files(ROOT / "tests"):
        if SIMULATOR_TESTS in path.parents or PLAYS in path.parents:
            continue
        ours = {n for n in imports(path) if n.startswith(("tests.simulator.", "simulator."))}
        mixed = tops(path) & PRODUCT
        assert not (ours and mixed), f"{path.relative_to(ROOT)} imports {ours} and {mixed}"


def test_relative_and_dynamic_imports_are_seen(tmp_path: Path) -> None:
    path = SIMULATOR_TESTS / "wechat" / "conftest.py"
    assert "tests.simulator.wechat.client.Merchant" in set(imports(path))
    control = ROOT / "simulator" / "control.py"
    assert "simulator.alipay" in set(imports(control))
