"""What the onboarding commands share: their options, reading secrets, saying what came of it.

A secret is read from a file or, with `-`, from standard input; never from an argument, which other
users of the machine could see and the shell would remember.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from errors import AppError
from services.credentials import Cleaned

SECRET_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
LARGEST = 64 * 1024


def option(*names: str, **more: Any) -> Callable[[Any], Any]:
    return click.option(*names, **more)


def of_provider(command: Any) -> Any:
    return option("--provider", "out_mch_id", default="", help="out_mch_id; one alone: left out")(
        command
    )


def from_file(name: str, what: str, **more: Any) -> Callable[[Any], Any]:
    return option(f"--{name}-file", type=SECRET_FILE, help=f"{what}; - is stdin", **more)


@contextmanager
def said_plainly() -> Iterator[None]:
    """A refusal is one sentence and exit 1, not a traceback."""
    try:
        yield
    except AppError as problem:
        raise click.ClickException(str(problem)) from None


def actor() -> str:
    return f"cli:{getpass.getuser()}"[:64]


def read_secret(path: str) -> str:
    return read_text(path, LARGEST)


def read_text(path: str, most: int) -> str:
    raw = sys.stdin.buffer.read(most) if path == "-" else Path(path).read_bytes()[:most]
    for coding in ("utf-8", "utf-16"):
        try:
            return raw.decode(coding)
        except UnicodeDecodeError:
            continue
    raise click.ClickException(f"{path} is not text")


def tell(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"put right: {note}", err=True)


def value(found: Cleaned) -> str:
    tell(found.notes)
    return found.value


def say_changed(changed: list[str]) -> None:
    click.echo(f"changed: {', '.join(changed)}" if changed else "nothing changed")
