"""What may not stand in the repository: places of one machine, secrets, loose ends."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (
    "app.py", "wsgi.py", "errors.py", "config", "models", "services", "gateways", "tasks",
    "blueprints", "web", "postgres", "secretbox", "migrations",
)  # fmt: skip
TEXT = {
    ".py", ".md", ".txt", ".in", ".lock", ".toml", ".ini", ".json", ".html", ".css", ".js", ".mjs",
    ".po", ".sql", ".mako", ".yml", ".yaml", ".sh", "",
}  # fmt: skip
SKIPPED = {
    ".git", ".venv", "var", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache",
    ".pytest_cache", ".hypothesis", "vendor",
}  # fmt: skip
# Put together, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a place of one machine": "|".join(
        ["/" + "work/", "/" + "home/[a-z]", "/" + "Users/", "/" + "root/"]
    ),
    "a package registry": "|".join(
        [r"registry\.npm" + "js", r"npm" + r"mirror\.com", r"files\.python" + "hosted",
         r"pypi\." + "org", r"pypi\.tuna", r"mirrors\.(ali" + "yun|tuna|cloud)", "arti" + "factory"]
    ),
    "a credential of a service": "|".join(
        ["AK" + "IA[0-9A-Z]{16}", "gh" + "[pousr]_[0-9A-Za-z]{36}",
         "xox" + "[abp]-[0-9A-Za-z-]{20}", "LTAI" + "[0-9A-Za-z]{16,}"]
    ),
    "a loose end": "|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bHA" + r"CK\b"]),
}  # fmt: skip
PRIVATE_KEY = re.compile(r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}")
# Published test vectors: keys that everybody has.
VECTORS = {"tests/data/wechat-vectors.json", "tests/data/alipay-vectors.json"}


@cache
def tracked() -> tuple[Path, ...]:
    """What git tracks or would add; without git, every file that is not made by the tools."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = (p for p in ROOT.rglob("*") if not SKIPPED & set(p.relative_to(ROOT).parts))
    else:
        found = (ROOT / name for name in listed.decode().split("\0") if name)
    return tuple(sorted(p for p in found if p.is_file() and not p.is_symlink()))


def texts() -> list[tuple[str, str]]:
    return [
        (str(path.relative_to(ROOT)), path.read_text("utf-8"))
        for path in tracked()
        if path.suffix in TEXT
    ]


def code(*places: str) -> list[Path]:
    found: list[Path] = []
    for place in places:
        path = ROOT / place
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    guilty = [
        f"{name}:{text[: found.start()].count(chr(10)) + 1}: {found[0]}"
        for name, text in texts()
        for found in pattern.finditer(text)
    ]
    assert guilty == []


def test_no_private_key_but_the_published_vectors() -> None:
    guilty = [n for n, text in texts() if PRIVATE_KEY.search(text.replace("\\n", "\n"))]
    assert set(guilty) <= VECTORS


def test_nothing_that_the_tools_make_is_tracked() -> None:
    made = {".pyc", ".pem", ".p12", ".key", ".sqlite", ".db", ".log"}
    assert [p for p in tracked() if p.suffix in made or p.name in {".env", "keyring.json"}] == []


def test_no_file_is_larger_than_a_megabyte() -> None:
    assert [p.name for p in tracked() if p.stat().st_size > 1 << 20] == []


def test_nothing_is_left_unwritten() -> None:
    for path in code(*PRODUCT, "cli", "simulator"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                name = getattr(node.exc, "id", getattr(getattr(node.exc, "func", None), "id", ""))
                assert name != "NotImplementedError", path


def test_only_commands_print() -> None:
    guilty = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in code(*PRODUCT, "simulator")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"print", "breakpoint"}
    ]
    assert guilty == []


def test_modules_are_named_by_what_they_hold() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common", "tools"}
    assert [p for p in tracked() if p.suffix == ".py" and p.stem in vague] == []


def test_migrations_read_in_order_and_say_how_to_go_back() -> None:
    found = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    assert [p.name[:4] for p in found] == [f"{n:04d}" for n in range(1, len(found) + 1)]
    for path in found:
        assert "Going back" in (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""), path


def test_the_licence_is_apache_2() -> None:
    licence = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
