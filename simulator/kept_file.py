"""A file of the simulator's that is there whole or not at all, and its owner's alone."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.touch(0o600)
    scratch.write_text(text, "utf-8")
    scratch.replace(path)
