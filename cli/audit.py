"""`flask audit …`: is the audit log what was written?"""

from __future__ import annotations

import csv
from pathlib import Path

import click
from flask.cli import AppGroup

from services import audit_chain, audit_heads, audit_verify
from web.runtime import deps

audit = AppGroup("audit", help="The log of who did what.")


@audit.command("verify")
@click.option("--provider", "out_mch_id", default="", help="only this out_mch_id")
@click.option(
    "--export", "file", type=click.Path(exists=True, dir_okay=False),
    help="a CSV that was exported before: the chain must still go through it; with --provider",
)  # fmt: skip
def verify(out_mch_id: str, file: str | None) -> None:
    """Check every entry and seal, and name what does not fit. Exit 1 if any."""
    if file and not out_mch_id:
        raise click.UsageError("name the provider whose export it is")
    names = audit_verify.providers(deps())
    if out_mch_id and out_mch_id not in names.values():
        raise click.ClickException(f"no provider {out_mch_id}")
    known = _seals(Path(file)) if file else {}
    is_whole = True
    for provider_id, name in names.items():
        if out_mch_id in ("", name):
            report = audit_verify.verify(deps(), provider_id, known)
            for one in report.findings:
                click.echo(f"{name}: {one.said}")
            if report.count > len(report.findings):
                click.echo(f"{name}: {report.count - len(report.findings)} more")
            is_whole = is_whole and report.is_whole
            click.echo(f"{name}: {report.entries} entries, {report.unsealed} not sealed yet")
    if not is_whole:
        raise SystemExit(1)
    click.echo("the audit log is what was written")


def _seals(file: Path) -> dict[int, bytes]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    try:
        return {int(row[-2]): bytes.fromhex(row[-1]) for row in rows if row[-1]}
    except (ValueError, IndexError) as problem:
        raise click.ClickException(f"{file.name} is no export of the audit log") from problem


@audit.command("seal")
def seal() -> None:
    """Seal what waits, now. The worker does it by itself every two seconds."""
    total = 0
    while sealed := audit_chain.seal(deps()):
        total += sealed
    click.echo(f"{total} entries sealed")


@audit.command("heads")
@click.option("--restored", is_flag=True, help="a backup was put back: what is lost is lost")
def heads(restored: bool) -> None:
    """Write where each chain is into the heads file. The worker does it by itself every day."""
    count = audit_heads.write(deps(), restored=restored)
    click.echo(f"{count} heads written to {audit_heads.path_of(deps())}")


COMMANDS = (audit,)
