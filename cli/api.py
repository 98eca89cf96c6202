"""`flask api …`: the documents of the Cloud Pay API."""

from __future__ import annotations

import json
from pathlib import Path

import click
from flask.cli import AppGroup

from config.settings import ROOT
from services.cloudpay.documents import pages
from services.cloudpay.openapi import document

api = AppGroup("api", help="The Cloud Pay API's documents.")


@api.command("openapi")
def openapi() -> None:
    """Print the OpenAPI 3.1 description, as /cpay/openapi.json serves it."""
    click.echo(json.dumps(document(), ensure_ascii=False, indent=1))


@api.command("docs")
@click.option("--check", is_flag=True, help="change nothing; fail when a page is out of date")
def docs(check: bool) -> None:
    """Write docs/api.md and docs/api.zh-CN.md from the method table."""
    stale = [path for path, made in pages(ROOT / "docs").items() if _read(path) != made]
    for path in stale:
        if not check:
            path.write_text(pages(ROOT / "docs")[path], "utf-8")
        click.echo(f"{path.relative_to(ROOT)} {'is out of date' if check else 'written'}")
    if check and stale:
        raise SystemExit(1)


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


COMMANDS = (api,)
